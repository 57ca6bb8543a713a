# SPDX-License-Identifier: GPL-3.0-or-later
"""Sixteen float32 numbers side by side, as a type that compiled kernels compute with.

numba turns a loop into vector code only when LLVM sees through it; these are vectors from the
start, on any processor: one AVX-512 register, two of AVX2, four of SSE or NEON. In an `njit`
function `a + b`, `a - b`, `a * b`, `-a` work lane by lane, also with a plain number as `b`; a
product and a sum may fuse. Only compiled code can call what is here.
"""

# numba's decorators are partly stubbed.
# pyright: reportOptionalCall=false
from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

COUNT = 16
_FLOAT, _BITS = ir.FloatType(), ir.IntType(COUNT)
_VECTOR = ir.VectorType(_FLOAT, COUNT)


class LanesType(types.Type):
    """numba's name for the sixteen."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


LANES = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _spread(builder, value):
    """A number in all lanes; a double is rounded first."""
    if value.type == _VECTOR:
        return value
    if value.type != _FLOAT:
        value = builder.fptrunc(value, _FLOAT)
    first = builder.insert_element(
        ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    return builder.shuffle_vector(
        first,
        ir.Constant(_VECTOR, ir.Undefined),
        ir.Constant(ir.VectorType(ir.IntType(32), COUNT), [0] * COUNT),
    )


def _define_operator(function, instruction: str) -> None:
    partners = (LANES, types.float32, types.float64)

    @infer_global(function)
    class Declared(ConcreteTemplate):
        cases = [signature(LANES, LANES, partner) for partner in partners]  # noqa: RUF012

    def lower(context, builder, kinds, arguments):
        left, right = (_spread(builder, argument) for argument in arguments)
        return getattr(builder, instruction)(left, right, flags=("contract",))

    for partner in partners:
        lower_builtin(function, LANES, partner)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_function, _instruction)


@infer_global(operator.neg)
class _Negation(ConcreteTemplate):
    cases = [signature(LANES, LANES)]  # noqa: RUF012


@lower_builtin(operator.neg, LANES)
def _lower_negation(context, builder, kinds, arguments):
    return builder.fneg(arguments[0])


@intrinsic
def splat(context, value):
    """The number in all lanes."""

    def emit(context, builder, kinds, arguments):
        return _spread(builder, arguments[0])

    return LANES(value), emit


def _address(context, builder, array_kind, array, place):
    data = context.make_array(array_kind)(context, builder, array).data
    start = builder.gep(data, [place])
    return builder.bitcast(start, _VECTOR.as_pointer())


@intrinsic
def load(context, array, place):
    """array[place : place + 16] of a contiguous float32 array with one axis."""

    def emit(context, builder, kinds, arguments):
        return builder.load(_address(context, builder, kinds.args[0], *arguments), align=4)

    return LANES(array, types.intp), emit


@intrinsic
def store(context, array, place, value):
    """array[place : place + 16] = value."""

    def emit(context, builder, kinds, arguments):
        where = _address(context, builder, kinds.args[0], *arguments[:2])
        builder.store(arguments[2], where, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES), emit


def _compare(builder, sign: str, left, right):
    return builder.fcmp_ordered(sign, left, right)


@intrinsic
def least(context, left, right):
    """The smaller of each pair."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, "<", a, b), a, b)

    return LANES(left, right), emit


@intrinsic
def most(context, left, right):
    """The larger of each pair."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, ">", a, b), a, b)

    return LANES(left, right), emit


@intrinsic
def magnitude(context, value):
    """|value|."""

    def emit(context, builder, kinds, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        name = f"llvm.fabs.v{COUNT}f32"
        return builder.call(get_or_insert_function(builder.module, kind, name), arguments)

    return LANES(value), emit


@intrinsic
def where_at_most(context, value, limit, yes, no):
    """`yes` in the lanes where value <= limit, `no` elsewhere."""

    def emit(context, builder, kinds, arguments):
        a, b, yes, no = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, "<=", a, b), yes, no)

    return LANES(value, limit, yes, no), emit


@intrinsic
def bits_at_most(context, value, limit):
    """An integer whose bit k says that lane k of value is <= limit."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        bits = builder.bitcast(_compare(builder, "<=", a, b), _BITS)
        return builder.zext(bits, ir.IntType(64))

    return types.int64(value, limit), emit
