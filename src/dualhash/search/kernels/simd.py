"""Operations on sixteen 64-bit numbers at once: two registers of AVX-512, four of AVX2.

LLVM compiles them for the processor at hand. The popcount of eight words, on which every search
rests, is one instruction on processors with AVX512_VPOPCNTDQ.
"""

from collections.abc import Callable
from functools import update_wrapper
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
ARRAY = object()


@register_model(LanesType)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _operation(result: Any, *parameters: Any) -> Callable[[Callable[..., Any]], Any]:
    """Makes an operation for kernels from `emit(builder, *values)`, which emits LLVM instructions.

    `result` and `parameters` are Numba types. `ARRAY`, as the first parameter, stands for any flat
    array of words; `emit` then gets the address of the element whose index is the second parameter.
    Bounds are not checked.
    """

    def decorate(emit: Callable[..., Any]) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            if parameters[0] is ARRAY:
                view = cgutils.create_struct_proxy(signature.args[0])
                data = view(context, builder, values[0]).data
                values = (builder.gep(data, [values[1]]), None)
            value = emit(builder, *values)
            return context.get_dummy_value() if result is types.none else value

        def resolve(_typing: Any, *arguments: Any) -> Any:
            kinds = (arguments[0], *parameters[1:]) if parameters[0] is ARRAY else parameters
            return result(*kinds), generate

        update_wrapper(resolve, emit)  # Numba reads name and parameters
        return intrinsic(resolve)

    return decorate


def _broadcast(builder: Any, word: Any) -> Any:
    first = builder.insert_element(_ZEROS, word, _INDEX(0))
    return builder.shuffle_vector(
        first, _ZEROS, ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
    )


def _popcount(builder: Any, lanes: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    name = f"llvm.ctpop.v{WIDTH}i64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [lanes])


def _reduced(builder: Any, lanes: Any, operation: str) -> Any:
    kind = ir.FunctionType(_WORD, [_VECTOR])
    name = f"llvm.vector.reduce.{operation}.v{WIDTH}i64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [lanes])


def _prefetch(builder: Any, pointer: Any) -> None:
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INDEX, _INDEX, _INDEX])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [pointer, _INDEX(0), _INDEX(3), _INDEX(1)])


def _lanes_below(builder: Any, lanes: Any, limit: Any) -> Any:
    below = builder.icmp_signed("<", lanes, limit)
    return builder.zext(builder.bitcast(below, ir.IntType(WIDTH)), _WORD)


@_operation(types.uint64, ARRAY, types.intp)
def load_word(builder: Any, array: Any, _index: Any) -> Any:
    """Element `index` >= 0 of a flat array of words."""
    return builder.load(array)


@_operation(LANES, ARRAY, types.intp)
def load_lanes(builder: Any, array: Any, _index: Any) -> Any:
    """Consecutive elements, one a lane, of a flat array of words; the first is `index`."""
    return builder.load(builder.bitcast(array, _VECTOR.as_pointer()), align=8)


@_operation(types.none, ARRAY, types.intp)
def prefetch(builder: Any, array: Any, _index: Any) -> None:
    """Prefetches the cache line around element `index`, which need not exist."""
    _prefetch(builder, array)


@_operation(types.none, ARRAY, types.intp)
def prefetch_lanes(builder: Any, array: Any, _index: Any) -> None:
    """Prefetches what `load_lanes` would read."""
    for line in range(0, WIDTH, WORDS_A_LINE):
        _prefetch(builder, builder.gep(array, [_INDEX(line)]))


@_operation(LANES, types.int64)
def broadcast(builder: Any, number: Any) -> Any:
    """The same signed number in every lane."""
    return _broadcast(builder, number)


@_operation(LANES, LANES, LANES, types.uint64)
def add_distance(builder: Any, lanes: Any, words: Any, word: Any) -> Any:
    """Adds to each lane the number of bits in which its word differs from `word`."""
    return builder.add(lanes, _popcount(builder, builder.xor(words, _broadcast(builder, word))))


@_operation(LANES, LANES, LANES, types.uint64, types.uint64)
def add_masked_distance(builder: Any, lanes: Any, words: Any, word: Any, mask: Any) -> Any:
    """Adds the number of differing bits among the bits of `mask`."""
    differing = builder.xor(words, _broadcast(builder, word))
    selected = builder.and_(differing, _broadcast(builder, mask))
    return builder.add(lanes, _popcount(builder, selected))


@_operation(LANES, LANES)
def double(builder: Any, lanes: Any) -> Any:
    """Twice each number."""
    return builder.shl(lanes, ir.Constant(_VECTOR, [1] * WIDTH))


@_operation(LANES, LANES, LANES)
def bitwise_or(builder: Any, lanes: Any, other: Any) -> Any:
    """Bitwise or: negative if one of the two is negative."""
    return builder.or_(lanes, other)


@_operation(types.uint64, LANES)
def negative_lanes(builder: Any, lanes: Any) -> Any:
    """One bit a lane, lane 0 lowest: set if the number is below 0."""
    return _lanes_below(builder, lanes, _ZEROS)


@_operation(types.uint64, LANES, types.int64)
def lanes_below(builder: Any, lanes: Any, number: Any) -> Any:
    """One bit a lane, lane 0 lowest: set if the lane is less than a signed number."""
    return _lanes_below(builder, lanes, _broadcast(builder, number))


@_operation(types.int64, LANES)
def smallest(builder: Any, lanes: Any) -> Any:
    """The smallest signed number."""
    return _reduced(builder, lanes, "smin")


@_operation(types.int64, LANES)
def largest(builder: Any, lanes: Any) -> Any:
    """The largest signed number."""
    return _reduced(builder, lanes, "smax")


@_operation(types.int64, types.uint64)
def popcount(builder: Any, word: Any) -> Any:
    """The number of set bits of a word."""
    return builder.ctpop(word)


@_operation(types.int64, types.uint64)
def lowest_bit(builder: Any, word: Any) -> Any:
    """The place of the lowest set bit of a word that is not 0."""
    return builder.cttz(word, ir.Constant(ir.IntType(1), 1))
