# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIMD vector type for numba: sixteen float32 lanes.

numba turns a loop into vector code only where LLVM recognises it; values of this type are vectors
on any processor: one AVX-512 register, two of AVX2, four of SSE or NEON. In an `njit` function
`a + b`, `a - b`, `a * b`, `a / b`, `-a` work lane by lane, also with a plain number as `b`; a
product and a sum may fuse. Only compiled code can call the functions of this module.
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

LANES = 16
_FLOAT, _BITS = ir.FloatType(), ir.IntType(LANES)
_VECTOR = ir.VectorType(_FLOAT, LANES)


class Float32x16Type(types.Type):
    """numba's type of a vector of sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="Float32x16")


FLOAT32X16 = Float32x16Type()


@register_model(Float32x16Type)
class _Float32x16Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _spread(builder, value):
    """LLVM code that puts a number into all lanes; a double is rounded first."""
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
        ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES),
    )


def _define_operator(function, instruction: str) -> None:
    partners = (FLOAT32X16, types.float32, types.float64)

    @infer_global(function)
    class Declared(ConcreteTemplate):
        cases = [signature(FLOAT32X16, FLOAT32X16, partner) for partner in partners]  # noqa: RUF012

    def lower(context, builder, kinds, arguments):
        left, right = (_spread(builder, argument) for argument in arguments)
        return getattr(builder, instruction)(left, right, flags=("contract",))

    for partner in partners:
        lower_builtin(function, FLOAT32X16, partner)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_function, _instruction)


@infer_global(operator.neg)
class _Negation(ConcreteTemplate):
    cases = [signature(FLOAT32X16, FLOAT32X16)]  # noqa: RUF012


@lower_builtin(operator.neg, FLOAT32X16)
def _lower_negation(context, builder, kinds, arguments):
    return builder.fneg(arguments[0])


@intrinsic
def broadcast(context, value):
    """A vector with the number in all lanes."""

    def emit(context, builder, kinds, arguments):
        return _spread(builder, arguments[0])

    return FLOAT32X16(value), emit


def _address(context, builder, array_kind, array, place):
    data = context.make_array(array_kind)(context, builder, array).data
    start = builder.gep(data, [place])
    return builder.bitcast(start, _VECTOR.as_pointer())


@intrinsic
def load(context, array, place):
    """array[place : place + 16] of a contiguous float32 array with one axis."""

    def emit(context, builder, kinds, arguments):
        return builder.load(_address(context, builder, kinds.args[0], *arguments), align=4)

    return FLOAT32X16(array, types.intp), emit


@intrinsic
def store(context, array, place, value):
    """array[place : place + 16] = value."""

    def emit(context, builder, kinds, arguments):
        where = _address(context, builder, kinds.args[0], *arguments[:2])
        builder.store(arguments[2], where, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, FLOAT32X16), emit


def _compare(builder, sign: str, left, right):
    return builder.fcmp_ordered(sign, left, right)


@intrinsic
def minimum(context, left, right):
    """The smaller of each pair of lanes."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, "<", a, b), a, b)

    return FLOAT32X16(left, right), emit


@intrinsic
def maximum(context, left, right):
    """The larger of each pair of lanes."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, ">", a, b), a, b)

    return FLOAT32X16(left, right), emit


@intrinsic
def absolute(context, value):
    """The absolute value of each lane."""

    def emit(context, builder, kinds, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        name = f"llvm.fabs.v{LANES}f32"
        return builder.call(get_or_insert_function(builder.module, kind, name), arguments)

    return FLOAT32X16(value), emit


@intrinsic
def select_at_most(context, value, limit, yes, no):
    """The lanes of `yes` where value <= limit, those of `no` elsewhere."""

    def emit(context, builder, kinds, arguments):
        a, b, yes, no = (_spread(builder, argument) for argument in arguments)
        return builder.select(_compare(builder, "<=", a, b), yes, no)

    return FLOAT32X16(value, limit, yes, no), emit


@intrinsic
def mask_at_most(context, value, limit):
    """An integer whose bit k is set if lane k of value is <= limit."""

    def emit(context, builder, kinds, arguments):
        a, b = (_spread(builder, argument) for argument in arguments)
        bits = builder.bitcast(_compare(builder, "<=", a, b), _BITS)
        return builder.zext(bits, ir.IntType(64))

    return types.int64(value, limit), emit
