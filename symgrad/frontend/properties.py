"""What facts say about matrices as a whole: symmetric, positive definite, diagonal, orthogonal, triangular."""

from collections.abc import Iterable
from typing import Any

from sympy import And, Basic, Eq, MatrixSymbol, Transpose
from sympy.assumptions.assume import AppliedPredicate

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
    return {symbol: tuple(sorted(kinds)) for symbol, kinds in found.items()}
