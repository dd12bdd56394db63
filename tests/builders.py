"""Small models and images for tests of everything that stands on a model folder. No torch."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dualhash.catalogue.columns import Columns
from dualhash.catalogue.images import Preprocessing
from dualhash.codes import Model, ModelCard, write_model


def colour_encoder(weight: np.ndarray, bias: np.ndarray, size: tuple[int, int]) -> bytes:
    """An encoder.onnx: outputs = sigmoid(mean colour in [0, 1]^3 @ weight (3, k) + bias (k,))."""
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["colours"], keepdims=0),
        helper.make_node("Div", ["colours", "white"], ["shares"]),
        helper.make_node("Gemm", ["shares", "weight", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["outputs"]),
    ]
    constants = {
        "axes": np.array([1, 2]),
        "white": np.array(255, np.float32),
        "weight": weight.astype(np.float32),
        "bias": bias.astype(np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "colour",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *size, 3])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", weight.shape[1]])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def vector_encoder(weight: np.ndarray) -> bytes:
    """An encoder.onnx: outputs = sigmoid(features (N, d) @ weight (d, k))."""
    nodes = [
        helper.make_node("MatMul", ["features", "weight"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["outputs"]),
    ]
    length, bits = weight.shape
    graph = helper.make_graph(
        nodes,
        "vectors",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", length])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", bits])],
        [numpy_helper.from_array(weight.astype(np.float32), "weight")],
    )
    opset = [helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def card(bits: int = 16, **fields: object) -> ModelCard:
    """A card with every field filled in; `fields` replace some."""
    return ModelCard(
        **{
            "bits": bits,
            "category_names": ("circle", "square", "triangle"),
            "attribute_names": ("red", "green", "blue"),
            "columns": Columns(),
            "source": "shapes.csv",
            "preprocessing": Preprocessing(resize=(8, 8), crop=(8, 8)),
            "backbone": "mean-colour",
            "config": {},
            "seed": 0,
            "label_hash": "0" * 64,
            "versions": {},
        }
        | fields
    )


def random_heads(described: ModelCard, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights and biases of all heads of a model, by their names in its folder.

    The calibrated heads have half the weights, and other biases.
    """
    tensors = {}
    for head, names in (
        ("category_head", described.category_names),
        ("attribute_head", described.attribute_names),
    ):
        weight = rng.normal(size=(len(names), described.bits)).astype(np.float32)
        bias = rng.normal(size=len(names)).astype(np.float32)
        shift = np.linspace(0.5, -0.5, len(names), dtype=np.float32)
        tensors |= {f"{head}.weight": weight, f"{head}.bias": bias}
        tensors |= {
            f"calibrated_{head}.weight": weight / 2,
            f"calibrated_{head}.bias": bias / 2 + shift,
        }
    return tensors


def write_colour_model(folder: Path, bits: int = 16, seed: int = 0, **fields: object) -> ModelCard:
    """Writes a model folder that encodes the mean colour, with random heads; returns its card."""
    rng = np.random.default_rng(seed)
    described = card(bits, **fields)
    tensors = random_heads(described, rng)
    weight = rng.normal(size=(3, bits))
    encoder = colour_encoder(20 * weight, -10 * weight.sum(axis=0), described.preprocessing.crop)
    write_model(folder, described, tensors, encoder)
    return described


def vector_model(folder: Path, length: int, bits: int = 16, **fields: object) -> Model:
    """A model of vectors with random weights and heads, open."""
    rng = np.random.default_rng(1)
    described = card(bits, preprocessing=None, vector_length=length, backbone="vectors", **fields)
    tensors = random_heads(described, rng)
    write_model(folder, described, tensors, vector_encoder(rng.normal(size=(length, bits))))
    return Model.open(folder, threads=1)


def colour_model(folder: Path, bits: int = 16, seed: int = 0, **fields: object) -> Model:
    """The model that `write_colour_model` writes, open."""
    write_colour_model(folder, bits, seed, **fields)
    return Model.open(folder, threads=1)


def colour_image(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> Path:
    """A plain image of (height, width) `size`; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], colour).save(path)
    return path


def write_shapes(
    folder: Path, images: int, trained: int, damaged: int, bits: int = 16, **fields: object
) -> None:
    """A model, and `shapes.csv` of plain images: the first `trained` are no test images.

    The file of image number `damaged` is none.
    """
    rng = np.random.default_rng(0)
    rows = ["file,kind,red,green,blue,part"]
    for i in range(images):
        colour = rng.integers(256, size=3)
        colour_image(folder / f"{i}.png", tuple(colour.tolist()))
        labels = ",".join(str(int(value > 127)) for value in colour)
        subset = "train-both" if i < trained else "test"
        rows.append(f"{i}.png,{card().category_names[i % 3]},{labels},{subset}")
    (folder / f"{damaged}.png").write_bytes(b"not an image")
    (folder / "shapes.csv").write_text("\n".join(rows))
    columns = Columns(
        image="file", category="kind", attributes=("red", "green", "blue"), subset="part"
    )
    write_colour_model(folder / "model", bits=bits, columns=columns, **fields)
