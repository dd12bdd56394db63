"""Small extractors and encoders with random weights, and image files."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dualhash.catalogue.images import Preprocessing
from dualhash.features.extractor import Extractor

SIZE = (6, 4)


def mean_extractor(size: tuple[int, int] = SIZE) -> Extractor:
    """Features are the mean of each colour, in 0 to 255."""
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Cast", ["mean"], ["features"], to=TensorProto.FLOAT16),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", *size, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT16, ["batch", 3])],
        [numpy_helper.from_array(np.array([1, 2], np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return Extractor("mean", model.SerializeToString(), Preprocessing(resize=size, crop=size))


def grid_extractor(size: tuple[int, int], cell: int) -> Extractor:
    """Features are the mean of each colour in square cells, in 0 to 255."""
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["features"], to=TensorProto.FLOAT16),
    ]
    features = 3 * (size[0] // cell) * (size[1] // cell)
    graph = helper.make_graph(
        nodes,
        "grid",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", *size, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT16, ["batch", features])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return Extractor("grid", model.SerializeToString(), Preprocessing(resize=size, crop=size))


def solid_images(folder: Path, count: int) -> list[Path]:
    """Image i has the colour (i, 2 i, 255 - i)."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.new("RGB", (5, 7), (i, 2 * i, 255 - i)).save(path)
    return paths


def colours(count: int) -> np.ndarray:
    return np.array([(i, 2 * i, 255 - i) for i in range(count)], np.float16)
