"""What facts say of matrices as a whole, as far as the compiler uses it.

Of an array with more than two axes they say it of every matrix over its last two.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sympy import And, Basic
from sympy.assumptions.assume import AppliedPredicate

from symgrad.errors import ModelError
from symgrad.frontend.facts import structure_of
from symgrad.frontend.names import label_of

# Of square matrices alone; one of full rank, or with orthonormal columns, may have another shape.
_OF_SQUARES = {"symmetric": "symmetric", "positive_definite": "positive definite", "invertible": "invertible"}
_USED = frozenset({"symmetric", "positive_definite", "diagonal", "orthogonal", "lower_triangular", "upper_triangular"})


def properties(facts: Iterable[Basic]) -> dict[Any, tuple[str, ...]]:
    """The properties of each symbol, in alphabetical order."""
    found: dict[Any, set[str]] = {}
    waiting = list(facts)
    while waiting:
        fact = waiting.pop()
        structure = structure_of(fact)
        if isinstance(fact, And):
            waiting.extend(fact.args)
        elif structure is not None and structure[1] in _USED:
            found.setdefault(structure[0], set()).add(structure[1])
        elif isinstance(fact, AppliedPredicate) and fact.function.name == "positive":
            found.setdefault(fact.arguments[0], set()).add("positive")
    return {symbol: tuple(sorted(kinds | _implied(kinds))) for symbol, kinds in found.items()}


def check_squares(facts: Iterable[Basic], shapes: Mapping[Any, Sequence[Any]]) -> None:
    """Whether what facts call symmetric, positive definite or invertible is square, by the shapes of all symbols.

    Raises
    ------
    ModelError : it is not.
    """
    for fact in (part for stated in facts for part in And.make_args(stated)):
        structure = structure_of(fact)
        kind = fact.function.name if isinstance(fact, AppliedPredicate) else structure and structure[1]
        if structure is None or kind not in _OF_SQUARES:
            continue
        *_, rows, columns = (None, None, *shapes.get(structure[0], ()))
        if rows != columns:
            raise ModelError(
                f"the fact {fact} says that {label_of(structure[0])} is {_OF_SQUARES[kind]}, as square matrices are; "
                f"it has the shape ({', '.join(map(str, shapes[structure[0]]))})"
            )


def _implied(kinds: set[str]) -> set[str]:
    """Diagonal is what is triangular to both sides, or to one side and symmetric."""
    sides = [kinds & {"symmetric", "positive_definite"}, kinds & {"lower_triangular"}, kinds & {"upper_triangular"}]
    return {"diagonal"} if sum(map(bool, sides)) > 1 else set()
