"""How terms are written by people, in text as in boxes: signs in front, indices over whole axes, slices, divisors."""

from typing import Any

from sympy import Add, Expr, S
from sympy.matrices.expressions.hadamard import HadamardPower

RELATIONS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
# What functions are called where that is not their class's name.
NAMES = {"sigmoid": "σ", "ndtr": "Φ", "Determinant": "det", "Trace": "tr", "DiagMatrix": "diag", "DiagonalOf": "diag"}
NAMES |= {
    "LogDet": "logdet",
    "CholeskyFactor": "cholesky",
    "Total": "sum",
    "Softmax": "softmax",
    "ConstantMatrix": "constant",
}
SYMBOLS = {S.Pi: "π", S.Exp1: "e", S.Infinity: "∞", S.NegativeInfinity: "−∞", S.EulerGamma: "γ", S.true: "true"}
SYMBOLS |= {S.false: "false"}
SIGNS = {"Sum": "∑", "Product": "∏", "MaxOver": "max", "MinOver": "min", "LogSumExp": "logsumexp"}
SIGNS |= {"DetOver": "det", "LogDetOver": "logdet"}


def sliced(cut: Any, side: Expr) -> tuple[Any, Any]:
    """Where a slice starts and stops, None at the ends of the axis."""
    start, stop, _ = cut
    return (None if start == 0 else start), (None if (stop - side).expand() == 0 else stop)


def is_whole(limit: Any) -> bool:
    """Whether an index runs over a whole axis: from 0 to an end that depends on dimensions, which are positive."""
    _, *bounds = limit
    if len(bounds) != 2:
        return True
    first, last = bounds
    return first == 0 and not last.is_number and all(symbol.is_positive for symbol in last.free_symbols)


def leads_negative(term: Any) -> bool:
    """Whether a term is written with a minus sign in front."""
    if getattr(term, "is_Matrix", False):
        coefficient = term.as_coeff_mmul()[0] if hasattr(term, "as_coeff_mmul") else S.One
        return bool(coefficient.could_extract_minus_sign())
    return bool(term.as_coeff_Mul()[0].is_negative)


def around(expr: Any) -> tuple[Expr, Expr]:
    """The position and the length of a `Mod`; SymPy writes Mod(i − 1, N) as Mod(N + i − 1, N)."""
    position, length = expr.args
    return Add(*(term for term in Add.make_args(position) if term != length)), length


def is_reciprocal(matrix: Any) -> bool:
    """Whether a factor of an entrywise product divides."""
    return isinstance(matrix, HadamardPower) and bool(matrix.exp.is_negative)


def content_of(matrix: Any) -> tuple[Expr, Any]:
    """A common numeric factor of a sum of matrices, and what is left."""
    if not getattr(matrix, "is_MatAdd", False):
        return S.One, matrix
    coefficients = [arg.as_coeff_mmul()[0] if hasattr(arg, "as_coeff_mmul") else S.One for arg in matrix.args]
    sizes = {abs(c) for c in coefficients if c.is_Number}
    if len(sizes) != 1 or len(coefficients) != len(matrix.args) or sizes == {S.One}:
        return S.One, matrix
    (size,) = sizes
    return size, (matrix / size).doit()
