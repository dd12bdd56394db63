"""Codes: the encoder, packed bits, heads that read them, and the model folder.

Comes in: images and model folders. Goes out: packed codes and predictions. May import `catalogue`.
Needs no torch.
"""

from dualhash.codes.encoder import Encoded, Failure
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model, Prediction
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import write_model
from dualhash.codes.packing import pack, quantise, unpack

__all__ = [
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
