"""What facts say about matrices as a whole: symmetric, positive definite, diagonal, orthogonal, triangular.

Of an array with more than two axes they say it of every matrix over its last two."""

from collections.abc import Iterable
from typing import Any

from sympy import And, Basic, Eq, Idx, Indexed, MatrixSymbol, Symbol, Transpose
from sympy.assumptions.assume import AppliedPredicate
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.frontend.names import base_symbol

# SymPy's predicates that the compiler uses, and what it calls them. (Real unitary matrices are the orthogonal ones.)
PREDICATES = {
    "symmetric": "symmetric",
    "positive_definite": "positive_definite",
    "diagonal": "diagonal",
    "orthogonal": "orthogonal",
    "unitary": "orthogonal",
    "lower_triangular": "lower_triangular",
    "upper_triangular": "upper_triangular",
    "positive": "positive",
}


def properties(facts: Iterable[Basic]) -> dict[Any, tuple[str, ...]]:
    """The properties of each symbol, in alphabetical order."""
    found: dict[Any, set[str]] = {}
    waiting = list(facts)
    while waiting:
        fact = waiting.pop()
        if isinstance(fact, And):
            waiting.extend(fact.args)
        elif isinstance(fact, AppliedPredicate) and fact.function.name in PREDICATES:
            found.setdefault(fact.arguments[0], set()).add(PREDICATES[fact.function.name])
        elif isinstance(fact, Eq) and isinstance(fact.lhs, MatrixSymbol | Transpose) and fact.rhs == fact.lhs.T:
            found.setdefault(fact.lhs.arg if isinstance(fact.lhs, Transpose) else fact.lhs, set()).add("symmetric")
        elif is_transposition(fact):
            found.setdefault(base_symbol(fact.lhs), set()).add("symmetric")
    return {symbol: tuple(sorted(kinds | _implied(kinds))) for symbol, kinds in found.items()}


def _implied(kinds: set[str]) -> set[str]:
    """Diagonal is what is triangular to both sides, or to one side and symmetric."""
    sides = [kinds & {"symmetric", "positive_definite"}, kinds & {"lower_triangular"}, kinds & {"upper_triangular"}]
    return {"diagonal"} if sum(map(bool, sides)) > 1 else set()


def is_transposition(fact: Basic) -> bool:
    """Whether a fact is that a matrix equals its transpose, by entries: Eq(A[i, j], A[j, i]), also of a stack."""
    if not isinstance(fact, Eq) or not all(isinstance(side, Indexed | MatrixElement) for side in fact.args):
        return False
    (*stack, row, column), right = (
        side.indices if isinstance(side, Indexed) else (side.i, side.j) for side in (fact.lhs, fact.rhs)
    )
    return (
        base_symbol(fact.lhs) == base_symbol(fact.rhs)
        and tuple(right) == (*stack, column, row)
        and len({*stack, row, column}) == len(right)
        and all(isinstance(sub, Symbol | Idx) for sub in right)
    )
