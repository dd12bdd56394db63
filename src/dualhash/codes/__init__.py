"""Codes: the encoder, packed bits, heads that read them, and the model folder.

In: images and model folders.
Out: packed codes and predictions.
May import: `catalogue`; no torch.
"""

from dualhash.codes.calibration import Calibration
from dualhash.codes.encoder import Encoded, Failure
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model, Prediction
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import write_model
from dualhash.codes.packing import pack, quantise, unpack

__all__ = [
    "Calibration",
    "Encoded",
    "Failure",
    "LinearHead",
    "Model",
    "ModelCard",
    "Prediction",
    "pack",
    "quantise",
    "unpack",
    "write_model",
]
