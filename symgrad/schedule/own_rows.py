"""Conditions of rows in chunks: what one row reads depends on its own condition, not on whether any row's holds.

What nothing shown is computed from is left out, such as λ of λ·Σₙ [cₙ]·f(xₙ) where no c holds: it is read as
if_else(∃n cₙ, λ, 0). A row for which c does not hold needs no λ, whatever holds for others. So rows read
if_else(cₙ, λ, 0), and need not be read twice, once to know ∃n cₙ; what is made of the sums over them still asks for
that.
"""

from collections.abc import Sequence

from sympy import Or, Symbol

from symgrad.graph.build import add, apply, product_of_powers, reduce
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Named, Node, Reduce, Use, postorder
from symgrad.graph.transform import transform

_ROW: Letter = ("row",)


def with_own_conditions(terms: Sequence[Use], dimension: Symbol) -> list[Use]:
    """The terms, in which no row reads whether a condition holds for any row along a dimension.

    Of code only, where all reductions by `Or` say whether something counts at all.
    """
    if not any(_is_any(node, dimension) for node in postorder([use.node for use in terms])):
        return list(terms)
    made = _Own(dimension)
    return transform(terms, made.visit)


def _is_any(node: Node, dimension: Symbol) -> bool:
    """Whether a node says that a condition holds for any row."""
    return isinstance(node, Reduce) and node.head is Or and node.bound.count(dimension) == 1


class _Own:
    """Rebuilds what has rows over what reads the conditions of these rows alone."""

    def __init__(self, dimension: Symbol) -> None:
        self._dimension = dimension
        self._images: dict[Node, Use | None] = {}

    def visit(self, node: Node, uses: tuple[Use, ...]) -> Use | None:
        rows = [k for k, side in enumerate((*node.shape, *getattr(node, "bound", ()))) if side == self._dimension]
        if not isinstance(node, Add | Apply | Contract) or len(rows) != 1:
            return None
        images = [self._of_row(use.node) for use in uses]
        if not any(images):
            return None
        found = [
            use if image is None else relabel(image, {**dict(enumerate(use.letters)), _ROW: rows[0]})
            for use, image in zip(uses, images, strict=True)
        ]
        return node.rebuild(found)

    def _of_row(self, node: Node) -> Use | None:
        """What a row reads of a node without rows, in letters of its axes and the row's; None if it is the same."""
        if node not in self._images:
            self._images[node] = None if self._dimension in node.shape else self._made(node)
        return self._images[node]

    def _made(self, node: Node) -> Use | None:
        if isinstance(node, Reduce) and _is_any(node, self._dimension):
            letters = dict(enumerate(node.bound, node.rank))
            (row,) = [letter for letter, side in letters.items() if side == self._dimension]
            others = {letter: side for letter, side in letters.items() if letter != row}
            arg = relabel(node.arg, {row: _ROW})
            return reduce(Or, arg, others) if others else arg
        if not isinstance(node, Add | Apply | Contract | Named) or self._dimension in getattr(node, "bound", ()):
            return None
        images = [(use, self._of_row(use.node)) for use in node.uses()]
        if all(image is None for _, image in images):
            return None
        uses = [use if image is None else relabel(image, dict(enumerate(use.letters))) for use, image in images]
        match node:
            case Add(terms=terms):
                return add([(coefficient, use) for (coefficient, _), use in zip(terms, uses, strict=True)])
            case Apply(head=head):
                return apply(head, uses)
            case Contract(factors=factors, bound=bound):
                powers = [(use, exponent) for use, (_, exponent) in zip(uses, factors, strict=True)]
                return product_of_powers(powers, dict(enumerate(bound, node.rank)))
        return uses[0]
