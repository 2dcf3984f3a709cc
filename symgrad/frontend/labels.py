"""Which integers of a model subscript its arrays, as labels and neighbours do, and the values they may have."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Basic, Expr, Indexed, IndexedBase, Piecewise, S, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.arguments import Span
from symgrad.frontend.names import base_symbol
from symgrad.functions import if_else
from symgrad.graph.dimensions import difference
from symgrad.matrix_functions import InverseEntry
from symgrad.walk import Preorder


def is_declared_integer(symbol: Any) -> bool:
    return bool(getattr(symbol.label if isinstance(symbol, IndexedBase) else symbol, "is_integer", False))


def subscripting_symbols(
    expressions: Sequence[Basic], numbers: Collection[Symbol], recursive: Collection[Any]
) -> dict[Any, tuple[Expr | None, Span | None]]:
    """The integers that subscript arrays, entries of others or numbers, with the size of the axis where one does alone.

    Beside it which ones to draw: those whose positions are inside, where they are integers plus a constant. Steps of a
    recurrence may leave some of them out, the parent of a root for instance, and check what they use themselves.
    """
    found: dict[Any, Expr | None] = {}
    spans: dict[Any, Span] = {}
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Indexed) and part.base.shape is not None:
                pairs = list(zip(part.indices, part.base.shape, strict=False))
            elif isinstance(part, MatrixElement) and isinstance(part.parent, MatrixExpr):
                pairs = [(part.i, part.parent.shape[0]), (part.j, part.parent.shape[1])]
            elif isinstance(part, InverseEntry):
                lengths = [limit[2] + 1 if limit[1] == 0 else None for limit in part.limits]
                pairs = list(zip(part.at, lengths, strict=True))
            else:
                continue
            for sub, length in pairs:
                walk = Preorder(sub)
                for inner in walk:
                    if isinstance(inner, Indexed | MatrixElement) or inner in numbers:
                        walk.skip()  # what subscripts it is met by itself
                        base = base_symbol(inner)
                        alone = sub == inner and base_symbol(part) not in recursive
                        found[base] = length if alone else found.get(base)
                        if length is not None:
                            shift = difference(sub, inner)
                            first = -shift if shift.is_Integer else S.Zero
                            spans.setdefault(base, (first, first + length - 1))
    guarded = {
        base for base in _conditional(expressions, numbers) & found.keys() if not _always(expressions, base, numbers)
    }
    return {base: (None if base in guarded else alone, spans.get(base)) for base, alone in found.items()}


def _always(expressions: Sequence[Basic], base: Any, numbers: Collection[Symbol]) -> bool:
    """Whether entries of an array, or a number, are subscripts outside of all that is chosen by a condition on them."""
    for expression in expressions:
        walk = Preorder(expression)
        for part in walk:
            if isinstance(part, if_else | Piecewise) and base in _conditional([part], numbers):
                walk.skip()
            elif isinstance(part, Indexed) and any(base_symbol(sub) == base for sub in part.indices):
                return True
    return False


def _conditional(expressions: Sequence[Basic], numbers: Collection[Symbol]) -> set[Any]:
    """The arrays and numbers that conditions speak of: they may be no labels where the condition does not hold."""
    found: set[Any] = set()
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Piecewise):
                conditions = [condition for _, condition in part.args]
            elif isinstance(part, if_else):
                conditions = [part.args[0]]
            else:
                continue
            for condition in conditions:
                walk = Preorder(condition)
                for inner in walk:
                    if isinstance(inner, Indexed | MatrixElement) or inner in numbers:
                        found.add(base_symbol(inner))
                        walk.skip()  # what subscripts it has to be a label already
    return found
