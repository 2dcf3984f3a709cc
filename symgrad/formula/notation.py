"""How terms are written by people, in text as in boxes: signs in front, indices over whole axes, slices, divisors."""

from typing import Any

from sympy import Add, Expr, MatMul, Mul, Pow, S
from sympy.matrices.expressions.hadamard import HadamardPower

RELATIONS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
# What functions are called where that is not their class's name.
NAMES = {"sigmoid": "σ", "ndtr": "Φ", "Determinant": "det", "Trace": "tr", "DiagMatrix": "diag", "DiagonalOf": "diag"}
NAMES |= {
    "LogDet": "logdet",
    "CholeskyFactor": "cholesky",
    "Total": "sum",
    "Softmax": "softmax",
    "ColumnSoftmax": "softmax",
    "ConstantMatrix": "constant",
    "digamma": "ψ",
    "gamma": "Γ",
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
    """Whether a term is written with a minus sign in front, which may be that of a sum in it: x·(−a − b)."""
    if getattr(term, "is_Matrix", False):
        coefficient = term.as_coeff_mmul()[0] if hasattr(term, "as_coeff_mmul") else S.One
        return bool(coefficient.as_coeff_Mul()[0].is_negative)
    coefficient, rest = term.as_coeff_Mul()
    flipped = [factor for factor in Mul.make_args(rest) if rest.is_Mul and is_negative_sum(factor)]
    return bool(coefficient.is_negative) != bool(len(flipped) % 2)


def is_negative_sum(expr: Any) -> bool:
    """Whether all terms of a sum begin with a minus sign."""
    return isinstance(expr, Add) and all(map(leads_negative, expr.args))


def negated(term: Any) -> Any:
    """−term, where SymPy's own minus multiplies out what stands in it."""
    if isinstance(term, MatMul):
        coefficient, matrices = term.as_coeff_matrices()
        return MatMul(*([] if coefficient == -1 else [-coefficient]), *matrices)
    return -term


def joined_roots(coefficient: Expr, above: list[Expr], below: list[Expr]) -> tuple[Expr, list[Expr], list[Expr]]:
    """A number and the factors above and below a bar with one root of numbers for several: 1/√(2π) for √2/(2·√π)."""
    both = (above, below)
    roots = [[part for part in parts if part.is_Pow and part.exp == S.Half and part.is_number] for parts in both]
    if sum(map(len, roots)) < 2:
        return coefficient, above, below
    radicand = Mul(*(root.base for root in roots[0])) / Mul(*(root.base for root in roots[1]))
    if 1 in (coefficient**2 * radicand).as_numer_denom():
        coefficient, radicand = S.One, coefficient**2 * radicand
    others = [[part for part in parts if part not in found] for parts, found in zip(both, roots, strict=True)]
    top, bottom = radicand.as_numer_denom()
    if top == 1:
        return coefficient, others[0], [*others[1], Pow(bottom, S.Half, evaluate=False)]
    return coefficient, [Pow(radicand, S.Half, evaluate=False), *others[0]], others[1]


def around(expr: Any) -> tuple[Expr, Expr]:
    """The position and the length of a `Mod`; SymPy writes Mod(i − 1, N) as Mod(N + i − 1, N)."""
    position, length = expr.args
    return Add(*(term for term in Add.make_args(position) if term != length)), length


def is_reciprocal(matrix: Any) -> bool:
    """Whether a factor of an entrywise product divides."""
    return isinstance(matrix, HadamardPower) and bool(matrix.exp.is_negative)
