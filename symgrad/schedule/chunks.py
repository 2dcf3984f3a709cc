"""Functions of rows that come in chunks: what depends on how many rows there are in all is computed after them.

A chunk does not know how many others there are. Of a mean over rows, 1/N is a factor of every adjoint of them; here it
is taken out of what has rows, and their totals are multiplied by it.
"""

from collections.abc import Collection, Mapping, Sequence

from sympy import Eq, Ne, Symbol

from symgrad.arguments import Argument
from symgrad.functions import if_else
from symgrad.graph.build import (
    BALANCED,
    CENTRED,
    ONE,
    SUM_FROM,
    SUM_UP_TO,
    ZERO,
    apply,
    auxiliary,
    mul,
    product_of_powers,
    reciprocal,
    subtract,
)
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    Named,
    Node,
    Past,
    Previous,
    Scan,
    Scatter,
    Size,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import transform
from symgrad.schedule.rows import RowPlan, Tie, plan_along, row_dimensions


def corrected_by_sums(terms: Sequence[Use], arguments: Sequence[Argument]) -> list[Use]:
    """The terms with what is centred, or adds up to 0, along the rows of data as differences from sums over them.

    For shares p, x − Σ p·x is d − Σ p·d with d = x − Σ p·x, and where x = c·p and Σ (x − y) = 0, x − y is d − p·Σ d
    with d = x − y. No chunk knows which row of all has the largest share. The first sum is wrong by an ulp of x, which
    may be all of the difference where a share is near 1; the second is what it is wrong by, and belongs to that row.

    Source: Chan, Golub and LeVeque, Algorithms for computing the sample variance (1983), where the shares are equal.
    """
    if all(use.node.contents.isdisjoint((BALANCED, CENTRED)) for use in terms):
        return list(terms)
    lengths = row_dimensions(arguments)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, AxisMap) or node.head not in (CENTRED, BALANCED):
            return None
        (axis,) = node.over
        if node.shape[axis] not in lengths:
            return None
        over = {axis: node.shape[axis]}
        if node.head == BALANCED:
            x, taken = uses[:2]
            difference, total = auxiliary("difference", subtract(x, taken)), mul([x], over)
            divisor = apply(if_else, [apply(Ne, [total, ZERO]), total, ONE])
            return subtract(difference, mul([x, reciprocal(divisor), mul([difference], over)]))
        x, shares = uses
        difference = auxiliary("difference", subtract(x, mul([shares, x], over)))
        return subtract(difference, mul([shares, difference], over))

    return transform(terms, visit)


def chunk_plan(roots: Sequence[Use], arguments: Sequence[Argument]) -> RowPlan | list[Tie]:
    """The split of terms over the first data axis that allows one, or what ties rows together along each of them."""
    ties = []
    for dimension in row_dimensions(arguments):
        found = plan_along(dimension, roots, arguments, large=True)
        if isinstance(found, RowPlan):
            other = [a for a in arguments if _is_elsewhere(dimension, a)]
            if not other:
                return found
            found = Tie(dimension, None, f"{other[0].name} has its rows along another axis than the first")
        ties.append(found)
    for dimension in dict.fromkeys(a.shape[0] for a in arguments if a.is_given and a.shape) if not ties else ():
        own = [a.name for a in arguments if a.role == "parameter" and dimension in a.shape]
        ties += [Tie(dimension, None, f"{own[0]} has parameters for each of them")] if own else []
    return ties


def _is_elsewhere(dimension: Symbol, argument: Argument) -> bool:
    """Whether an argument's shape depends on the number of rows otherwise than by a first axis of them."""
    first, *others = argument.shape or (None,)
    inside = first is not None and first != dimension and dimension in first.free_symbols
    return inside or any(dimension in side.free_symbols for side in others)


def without_count(terms: Sequence[Use], dimension: Symbol) -> list[Use]:
    """The terms with factors that depend on the number of rows after the sums over rows, where that is possible.

    What a recurrence begins with or adds may have a factor that is one of its states then, if it is linear, as that of
    an adjoint is: which factor is seen first, and whether the recurrence is linear where its states are given it.
    """
    carried: dict[str, Use] = {}
    refused: set[str] = set()
    while True:
        made = _Factors(terms, dimension, carried)
        images = transform(terms, made.visit)
        more = {key: factor for key, factor in made.of_scans.items() if key not in {*carried, *refused}}
        if not made.refused and not more:
            return [made.whole(before.node, after) for before, after in zip(terms, images, strict=True)]
        refused |= made.refused
        carried = {key: factor for key, factor in (carried | more).items() if key not in refused}


class _Factors:
    """Takes factors that depend on the number of rows out of what has rows, and of what these are computed with.

    Attributes
    ----------
    of_scans : the only factor that there is in a recurrence, by its key.
    refused : the recurrences that have not the factor that they were to carry.
    """

    def __init__(self, terms: Sequence[Use], dimension: Symbol, carried: Mapping[str, Use]) -> None:
        self.of_scans: dict[str, Use] = {}
        self.refused: set[str] = set()
        self._dimension, self._carried = dimension, carried
        self._factors: dict[Node, Use] = {}  # what an image is still to be multiplied by
        self._counts: set[Node] = set()  # numbers that are made of sizes alone, that of the rows among them
        self._early: set[Node] = set()  # what depends on no rows
        sizes: set[Node] = set()
        for node in postorder([use.node for use in terms]):
            operands = [use.node for use in node.uses()]
            if not self._has_rows(node) and self._early.issuperset(operands):
                self._early.add(node)
            made = isinstance(node, Contract | Add) and not node.rank and sizes.issuperset(operands)
            if isinstance(node, Size) or (made and not getattr(node, "bound", ())):
                sizes.add(node)
                own = isinstance(node, Size) and dimension in node.value.free_symbols
                self._counts |= {node} if own or not self._counts.isdisjoint(operands) else set()

    def whole(self, node: Node, use: Use) -> Use:
        """The image of a node with the factor that was taken out of it."""
        return mul([self._factors[node], use]) if node in self._factors else use

    def visit(self, node: Node, uses: tuple[Use, ...]) -> Use | None:
        """The image of a node without its factor, which is noted."""
        if isinstance(node, Previous | Past) and node.key in self._carried:
            self._factors[node] = self._carried[node.key]
        operands = [use.node for use in node.uses()]
        found = [self._factor(one, use) for one, use in zip(operands, uses, strict=True)]
        if isinstance(node, Scan) and self._carries(node, found, uses):
            self._factors[node] = self._carried[node.key]
            return node.rebuild([ONE if one in self._counts else use for one, use in zip(operands, uses, strict=True)])
        inside = self._has_rows(node) or (node in self._early - self._counts and isinstance(node, Contract | Named))
        if not any(found) or not (inside or self._factors.keys() & set(operands)):
            return None
        rests = [ONE if one in self._counts else use for one, use in zip(operands, uses, strict=True)]
        linear = {n for n in _linear_in(node) if uses[n] != ZERO}
        if inside and isinstance(node, Contract):
            taken = [(one, e) for one, (_, e) in zip(found, node.factors, strict=True) if one is not None]
            factor: Use | None = product_of_powers(taken)
        elif inside and isinstance(node, Apply) and node.head in (Ne, Eq) and uses[1] == ZERO and found[1] is None:
            return node.rebuild(rests)  # sizes are positive
        elif inside and linear and len({found[n] for n in linear}) == 1 and not any(_others(found, linear)):
            factor = found[min(linear)]
        else:
            return node.rebuild([self.whole(one, use) for one, use in zip(operands, uses, strict=True)])
        assert factor is not None
        made = node.rebuild(rests)
        if self._dimension not in node.shape and node not in self._early:
            return mul([factor, made])
        self._factors[node] = factor
        return made

    def _carries(self, scan: Scan, found: Sequence[Use | None], uses: Sequence[Use]) -> bool:
        """Whether all states of a recurrence have the factor that it is to carry."""
        factors = {factor for factor, use in zip(found, uses, strict=True) if use != ZERO}
        if scan.key in self._carried:
            if factors == {self._carried[scan.key]}:
                return True
            self.refused.add(scan.key)
        elif len(known := [factor for factor in factors if factor is not None]) == 1:
            self.of_scans[scan.key] = known[0]
        return False

    def _factor(self, operand: Node, image: Use) -> Use | None:
        return image if operand in self._counts else self._factors.get(operand)

    def _has_rows(self, node: Node) -> bool:
        return any(self._dimension in side.free_symbols for side in (*node.shape, *getattr(node, "bound", ())))


def _others(found: Sequence[Use | None], linear: Collection[int]) -> list[Use | None]:
    return [factor for n, factor in enumerate(found) if n not in linear]


def _linear_in(node: Node) -> set[int]:
    """The numbers of the operands that a factor of all of them is a factor of the node of."""
    if isinstance(node, Add):
        return set(range(len(node.terms)))
    if isinstance(node, AxisMap):
        return {BALANCED: {0, 1}, CENTRED: {0}, SUM_FROM: {0}, SUM_UP_TO: {0}}.get(node.head, set())
    if isinstance(node, Apply) and node.head is if_else:
        return {1, 2}
    return {0} if isinstance(node, Gather | Scatter | Named | Trajectory) else set()
