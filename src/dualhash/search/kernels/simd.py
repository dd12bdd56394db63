"""Sixteen 64-bit numbers at once, for kernels: two registers of AVX-512, four of AVX2.

LLVM turns these operations into whatever the processor has. A population count of eight words, on
which everything here rests, is one instruction where there is AVX512_VPOPCNTDQ.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel.models import PrimitiveModel
from numba.extending import intrinsic, register_model

WIDTH = 16
ALL_LANES = np.uint64((1 << WIDTH) - 1)
WORDS_A_LINE = 8

_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, WIDTH)
_ZEROS = ir.Constant(_VECTOR, [0] * WIDTH)


class LanesType(types.Type):
    """Numba's type of `WIDTH` lanes."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


LANES = LanesType()


@register_model(LanesType)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _spread(builder: Any, word: Any) -> Any:
    first = builder.insert_element(_ZEROS, word, _INDEX(0))
    return builder.shuffle_vector(
        first, _ZEROS, ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
    )


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _population(builder: Any, lanes: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    name = f"llvm.ctpop.v{WIDTH}i64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [lanes])


def _fetch(builder: Any, pointer: Any) -> None:
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INDEX, _INDEX, _INDEX])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [pointer, _INDEX(0), _INDEX(3), _INDEX(1)])


def _operation(generator: Callable[..., Any]) -> Callable[..., Any]:
    """For use in kernels; the generator's first argument is Numba's own."""
    made: Callable[..., Any] = intrinsic(generator)
    return made


@_operation
def word_at(typing: Any, array: Any, index: Any) -> Any:
    """Element `index` >= 0 of a flat array of words; bounds are not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments))

    return array.dtype(array, types.intp), generate


@_operation
def lanes_at(typing: Any, array: Any, index: Any) -> Any:
    """Elements from `index` on, one a lane, of a flat array of words; bounds are not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature, arguments)
        return builder.load(builder.bitcast(pointer, _VECTOR.as_pointer()), align=8)

    return LANES(array, types.intp), generate


@_operation
def fetch(typing: Any, array: Any, index: Any) -> Any:
    """Asks the memory for what stands around element `index`, which need not exist."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _fetch(builder, _address(context, builder, signature, arguments))
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@_operation
def fetch_lanes(typing: Any, array: Any, index: Any) -> Any:
    """The same for all that `lanes_at` would read there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature, arguments)
        for line in range(0, WIDTH, WORDS_A_LINE):
            _fetch(builder, builder.gep(pointer, [_INDEX(line)]))
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@_operation
def spread(typing: Any, number: Any) -> Any:
    """The same signed number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return LANES(types.int64), generate


@_operation
def add_differing(typing: Any, lanes: Any, words: Any, word: Any) -> Any:
    """Adds to each lane the number of bits in which its word differs from `word`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, words, word = arguments
        return builder.add(lanes, _population(builder, builder.xor(words, _spread(builder, word))))

    return LANES(LANES, LANES, types.uint64), generate


@_operation
def add_differing_within(typing: Any, lanes: Any, words: Any, word: Any, mask: Any) -> Any:
    """Adds the number of those bits, among the bits of `mask` only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, words, word, mask = arguments
        differing = builder.xor(words, _spread(builder, word))
        chosen = builder.and_(differing, _spread(builder, mask))
        return builder.add(lanes, _population(builder, chosen))

    return LANES(LANES, LANES, types.uint64, types.uint64), generate


@_operation
def doubled(typing: Any, lanes: Any) -> Any:
    """Twice each number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.shl(arguments[0], ir.Constant(_VECTOR, [1] * WIDTH))

    return LANES(LANES), generate


@_operation
def either(typing: Any, lanes: Any, other: Any) -> Any:
    """Bitwise or: negative where one of the two is negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.or_(*arguments)

    return LANES(LANES, LANES), generate


@_operation
def negative(typing: Any, lanes: Any) -> Any:
    """One bit a lane, lane 0 lowest: whether it is below 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        below = builder.icmp_signed("<", arguments[0], _ZEROS)
        return builder.zext(builder.bitcast(below, ir.IntType(WIDTH)), _WORD)

    return types.uint64(LANES), generate


@_operation
def less(typing: Any, lanes: Any, number: Any) -> Any:
    """One bit a lane, lane 0 lowest: whether it is less than a signed number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        below = builder.icmp_signed("<", arguments[0], _spread(builder, arguments[1]))
        return builder.zext(builder.bitcast(below, ir.IntType(WIDTH)), _WORD)

    return types.uint64(LANES, types.int64), generate


@_operation
def population(typing: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@_operation
def lowest(typing: Any, word: Any) -> Any:
    """Place of the lowest bit set in a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate
