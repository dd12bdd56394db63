"""Checks codes and heads that dualhash did not make, for an index without a model."""

import json
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import pack
from dualhash.errors import DualhashError
from dualhash.search.query import describe_array
from dualhash.search.storage.header import Header


def packed_codes(codes: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns packed codes (n, k/8) uint8.

    Args:
        codes: (n, k/8) uint8, packed, or (n, k) bool.

    Raises:
        DualhashError: They have another shape or dtype, or k is not a multiple of 8.
    """
    if (
        not isinstance(codes, np.ndarray)
        or codes.ndim != 2
        or not codes.shape[1]
        or codes.dtype not in (np.uint8, np.bool_)
    ):
        raise DualhashError(
            "Codes are packed, uint8 of shape (n, k/8), or bool of shape (n, k); these are "
            f"{describe_array(codes)}."
        )
    if codes.dtype == np.bool_:
        return pack(codes.astype(np.bool_, copy=False))
    return np.ascontiguousarray(codes, np.uint8)


def header_of_codes(
    bits: int,
    ranking_bits: int | None,
    category_head: LinearHead | None,
    attribute_head: LinearHead | None,
) -> Header:
    """Returns the header of an index without a model.

    Raises:
        DualhashError: A head does not fit the codes, has a name twice, or has infinite values; or
            `ranking_bits` is not a multiple of 8 below the length of the codes.
    """
    if ranking_bits is not None and not (0 < ranking_bits < bits and ranking_bits % 8 == 0):
        raise DualhashError(
            f"ranking_bits must be a multiple of 8 below {bits}, the length of the codes, not "
            f"{ranking_bits}. Leave it out to rank by all bits."
        )
    none = LinearHead((), np.empty((0, bits), np.float32), np.empty(0, np.float32))
    heads = [
        _checked(kind, head or none, bits)
        for kind, head in (("category", category_head), ("attribute", attribute_head))
    ]
    lengths = [bits] if ranking_bits is None else [bits, ranking_bits]
    content = json.dumps([*lengths, *(head.as_dict() for head in heads)])
    return Header(
        bits=bits,
        views=1,
        model_hash=sha256(content.encode()).hexdigest(),
        model_folder=None,
        category_head=heads[0],
        attribute_head=heads[1],
        calibrated_category_head=heads[0],
        calibrated_attribute_head=heads[1],
        ranking_bits=ranking_bits,
    )


def _checked(kind: str, head: LinearHead, bits: int) -> LinearHead:
    names = tuple(map(str, head.names))
    weight, bias = np.asarray(head.weight, np.float32), np.asarray(head.bias, np.float32)
    if weight.shape != (len(names), bits) or bias.shape != (len(names),):
        raise DualhashError(
            f"The {kind} head of {len(names)} names and codes of {bits} bits needs weights of "
            f"shape {(len(names), bits)} and biases of shape {(len(names),)}, not {weight.shape} "
            f"and {bias.shape}."
        )
    if len(set(names)) < len(names):
        raise DualhashError(f"The {kind} head has two outputs of one name.")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise DualhashError(f"The {kind} head holds values that are not finite.")
    return LinearHead(names, weight, bias)
