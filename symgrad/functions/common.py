"""What the functions of this package share: their evaluation to any precision, LaTeX, and SymPy's derivatives."""

from collections.abc import Iterable
from typing import Any

import mpmath
from sympy import Basic, Expr, Float, Function, IndexedBase, MatrixBase, MatrixExpr, SympifyError, expand, oo, sympify
from sympy.tensor.array.expressions.array_expressions import ZeroArray

from symgrad.calls import quoted
from symgrad.errors import ModelError, UnsupportedError

# Bits beyond the precision asked for: the last few of every intermediate result are rounding errors.
GUARD_BITS = 16


def real_mpf(value: Expr, bits: int) -> Any:
    """`value` as an mpf of `bits` bits, or None where it is not a real number."""
    number = value.evalf(mpmath.libmp.prec_to_dps(bits) + 2)
    if number in (oo, -oo):
        return mpmath.inf if number is oo else -mpmath.inf
    # SymPy evaluates an exact zero to the integer.
    if not (number.is_Float or number.is_Integer):
        return None
    with mpmath.workprec(bits):
        return mpmath.mpf(number._to_mpmath(bits))


def to_float(value: Any, bits: int) -> Expr:
    """The mpf `value` as a SymPy number of `bits` bits."""
    if mpmath.isinf(value):
        return oo if value > 0 else -oo
    return Float(value, precision=bits)


def latex_call(name: str, printer: Any, args: Iterable[Basic], power: str | None) -> str:
    """`name` applied to `args`, raised to `power`, as LaTeX."""
    inside = ", ".join(printer._print(a) for a in args)
    return rf"{name}{'' if power is None else '^{' + power + '}'}\left({inside}\right)"


def entry_by_entry_text(given: Any) -> str:
    """How to write a function that was given a matrix for a scalar; nothing if that is not what it is."""
    if not isinstance(given, Function):
        return ""
    matrix = next((arg for arg in given.args if isinstance(arg, MatrixExpr) and set(arg.shape) != {1}), None)
    if matrix is None:
        return ""
    name = type(given).__name__
    return f"entry by entry it is ({matrix}).applyfunc({name}), or {name}({matrix}) by `from symgrad import {name}`"


def differ(left: Iterable[Expr], right: Iterable[Expr]) -> bool:
    """Whether two shapes are different for some sizes."""
    return any(expand(a - b) != 0 for a, b in zip(left, right, strict=True))


def shape_text(matrix: Any) -> str:
    """The shape of a matrix in a message: 2 x N."""
    return " x ".join(map(str, matrix.shape))


def operand(given: Any, function: str, entry: str | None = "{}") -> Any:
    """What a function of matrices was given, as a SymPy object: a matrix or a scalar.

    `entry` is what it does with an entry, for the message about an array that is written with subscripts; None where
    it sums nothing.

    Raises
    ------
    ModelError : it is an array of numbers, a list, a text, or another thing that no function is applied to.
    """
    if (
        hasattr(given, "__array__")
        and not isinstance(given, Basic | MatrixBase)
        and getattr(given, "shape", None) != ()
    ):
        raise ModelError(
            f"{function} was given {quoted(given)}: data are symbols in a model, such as MatrixSymbol('X', N, M), and "
            "numbers are given when the module is called, value(w=..., X=...); a few fixed numbers are Matrix([...])"
        )
    if isinstance(given, list | tuple):
        raise ModelError(f"{function} was given {quoted(given)}; write a vector or matrix as Matrix({given})")
    try:
        expr = sympify(given, strict=True)
    except SympifyError:
        expr = None
    if isinstance(expr, IndexedBase):
        subscripted = f"write {function}({expr}[i, ...])" if entry is None else _sum_over(expr, entry)
        raise ModelError(f"{function} is of matrices, and {expr} has subscripts; {subscripted}")
    if not is_matrix(expr) and not isinstance(expr, Expr):
        raise ModelError(
            f"{function} was given {quoted(given)}; give a scalar or a matrix, such as MatrixSymbol('w', M, 1)"
        )
    return expr


def _sum_over(base: Any, entry: str) -> str:
    """How to sum over all entries of an array with subscripts."""
    sides = base.shape or ("N",)
    names = "ijklmnop"[: len(sides)]
    subscripted = f"{base}[{', '.join(names)}]"
    limits = "".join(f", ({name}, 0, {side} - 1)" for name, side in zip(names, sides, strict=True))
    return f"write Sum({entry.format(subscripted)}{limits})"


def is_matrix(expr: Any) -> bool:
    """Whether an object is a matrix, explicit or not."""
    return isinstance(expr, MatrixBase | MatrixExpr)


class MatrixOfMatrix(MatrixExpr):  # type: ignore[misc]
    """A matrix that is made of another one and has its shape."""

    @property
    def arg(self) -> MatrixExpr:
        """The matrix that it is made of."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """The shape of `arg`."""
        return self.arg.shape  # type: ignore[no-any-return]


def zero_by_matrix(expr: Expr, x: MatrixExpr) -> Expr:
    """The derivative by the matrix `x` of what is constant."""
    return ZeroArray(*x.shape, *getattr(expr, "shape", ()))


def derivative_by_matrix(expr: Expr, x: MatrixExpr) -> Expr:
    """Zero where it is zero; otherwise refuse. For a scalar that it does not know SymPy's own answer is always zero."""
    if expr.has(x):
        raise UnsupportedError(
            f"SymPy has no derivative of {expr} by the whole matrix {x}; Model(loss, [{x}]).gradient({x}) has it."
        )
    return zero_by_matrix(expr, x)
