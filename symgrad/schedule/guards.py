"""Keeps what a condition leaves out from being computed with, where that is not a finite number.

`np.where(c > 0, (x - m)**2, 0)` squares every entry, and what multiplies a factor that is zero where a condition does
not hold must be finite: 0·nan is nan. So a term that may hold anything where it is left out is read through the
condition before anything is done with it, `np.where(c > 0, x - m, 0)**2`, and functions that are not finite for all
real numbers get an argument at which they are, `np.log(np.where(x > 0, x, 1))`. What shows in the result anyway, since
some other term reads all of it, is not guarded.
"""

from collections.abc import Collection, Sequence
from functools import reduce as reduced
from itertools import zip_longest
from typing import Any

from sympy import Abs, Expr, Max, Min, Not, S, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from symgrad.functions import LargestOver, LogSumExp, MaxOver, MinOver, constant, if_else, in_range, relu
from symgrad.graph.build import ZERO, apply, const, delta, is_zero, product_of_powers
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.kinds.scans import placeholders
from symgrad.graph.kinds.scans import within as within_steps
from symgrad.graph.letters import relabel
from symgrad.graph.masks import is_masked
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Gather,
    Input,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Past,
    Previous,
    Reduce,
    Scan,
    Scatter,
    Size,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import dependents, own, place, rebuilt, see_through
from symgrad.rewrite.record import record
from symgrad.schedule.conditions import Guard, guards_of
from symgrad.schedule.liveness import Reading, liveness, readings
from symgrad.schedule.regions import (
    EVERYWHERE,
    NOWHERE,
    Region,
    condition_of,
    is_of_any,
    is_of_data,
    is_tie,
    union,
    within,
)
from symgrad.schedule.safe_arguments import safe_arguments
from symgrad.schedule.vanishing import Vanishing, mask_of

_EXTREMES = (LogSumExp, MaxOver, MinOver, LargestOver)
_QUIET = (Abs, sign, Max, Min, relu, constant)


@record(
    "f(u) if q else c = f(u if q else 1) if q else c",
    "functions are evaluated everywhere: log(0)·0 is not a number, nor is nan·0",
    "definition by cases",
)
def guard(roots: Sequence[Use], parameters: Collection[str] = ()) -> list[Use]:
    """The terms with safe operands under conditions and beside factors that vanish.

    Entries of `parameters` (names), and what is made of them alone, that a condition on other indices, too, leaves out
    for all of those count as finite: whoever chooses them chooses numbers, and to find which ones are needed takes
    passes over the condition.
    """
    guarded = _Guarded(roots, parameters)
    return [guarded.of(use) for use in roots]


def is_risky(node: Node, known: dict[Node, bool] | None = None) -> bool:
    """Whether something below a node is not finite for all real numbers; what is `known` is kept there."""
    known = {} if known is None else known
    if node not in known:
        for below in postorder([node], known.keys()):
            known[below] = _is_risky_itself(below) or any(known[use.node] for use in below.uses())
    return known[node]


def _is_risky_itself(node: Node) -> bool:
    if isinstance(node, Contract):
        return any(_is_risky_power(*pair) for pair in node.factors)
    if isinstance(node, Apply):
        return any(at is not None for at in _safe_arguments(node))
    return _is_infinite_of_none(node)


def _is_infinite_of_none(node: Node) -> bool:
    """Whether a node is infinite where a size is 0, however finite its operands: the greatest of no entries is −∞."""
    sides = node.bound if isinstance(node, Reduce) and node.head in _EXTREMES else ()
    return any(not side.is_Integer for side in sides)


def _safe_arguments(node: Apply) -> list[Expr | None]:
    """Numbers at which a function is finite, None for what may be any number or is a constant."""
    pairs = zip(node.args, safe_arguments(node.head), strict=False)
    return [None if isinstance(use.node, Size | Const) else at for use, at in pairs]


def _is_risky_power(use: Use, exponent: Expr) -> bool:
    if exponent.is_Integer and exponent.is_positive:
        return False
    return not (isinstance(use.node, Size | Const) or counts_ties(_at_every_position(use)))


def _at_every_position(use: Use) -> Node:
    """What entries are looked up in: what counts there counts at every position."""
    return use.node.base.node if isinstance(use.node, Gather) else use.node


def is_quiet(node: Node) -> bool:
    """Whether a node takes any number, infinities included, without a complaint."""
    match node:
        case Apply(head=head):
            return head in _QUIET or head is if_else or issubclass(head, Relational | BooleanFunction)
    return isinstance(node, Add | Named | Gather | Merge | Split | Trajectory)


def counts_ties(node: Node) -> bool:
    """How many entries equal their maximum or minimum: at least one, unless there are no entries."""
    if not (isinstance(node, Contract) and len(node.factors) == 1):
        return False
    hit = node.factors[0][0].node
    if not (isinstance(hit, Apply) and hit.head is if_else):
        return False
    return is_tie(hit.args[0])


def _chosen(nodes: Sequence[Node], parameters: Collection[str]) -> set[Node]:
    """The nodes that no real data have a part in: parameters, and what is made of them and of integers."""
    data: list[Node] = []
    data += [node for node in nodes if isinstance(node, Input) and not node.integer and node.name not in parameters]
    known: set[Node] = set()
    while True:
        given = dependents(nodes, data)
        keys = {node.key for node in given if isinstance(node, Scan)}
        data = [node for node in nodes if node in data or (isinstance(node, Previous | Past) and node.key in keys)]
        if given == known:
            return set(nodes) - given
        known = given


def _of_entries(region: Region, finite: bool) -> Region:
    """A region without conditions on data that take passes over these; of what is finite, on single entries only."""
    made = NOWHERE
    for case in region:
        made = union(made, frozenset([frozenset(one for one in case if _is_of_entries(one, finite))]))
    return made


def _is_of_entries(guard: Guard, finite: bool) -> bool:
    if not guard.is_of_data:
        return True
    if is_of_any(guard) or (finite and (guard.some or not guard.condition.letters)):
        return False
    return not any(isinstance(node, Reduce | Scatter) for node in postorder([guard.condition.node]))


class _InProgress(Exception):
    """A condition is wanted while it is being computed."""


class _Guarded:
    """Rebuilds nodes, each once, over operands that are finite where the node is not needed.

    A node is *open* if it may hold anything where it is not needed: data do, and what is added up from them without a
    complaint from NumPy. Where anything else reads an open node, it is chosen by the region in which it is needed.
    """

    def __init__(self, roots: Sequence[Use], parameters: Collection[str]) -> None:
        self._vanishing = Vanishing(roots)
        nodes = list(postorder([use.node for use in roots]))
        self._chosen = chosen = _chosen(nodes, parameters)
        self._live = liveness(roots, self._vanishing, chosen)
        for node in list(self._live.computed):
            read = node.base.node if isinstance(node, Gather) else node
            if read in chosen:
                for regions in (self._live.computed, self._live.shown):
                    regions[node] = _of_entries(regions.get(node, NOWHERE), isinstance(read, Input))
        self._image: dict[Node, Use] = {}
        self._open: set[Node] = set()
        self._progress: set[Node] = set()
        steps = {node for scan in self._live.partial for node in within_steps(scan)}
        self._multiplied = {  # nodes of which something has to be finite
            use.node for node in nodes if node in steps or not is_quiet(node) for use in node.uses()
        }

    def of(self, use: Use) -> Use:
        """The guarded term."""
        for node in postorder([use.node], self._image.keys()):
            if node in self._progress:
                raise _InProgress
            self._progress.add(node)
            try:
                made = self._built(node)
            finally:
                self._progress.discard(node)
            self._image[node] = made
            if self._is_open(node):
                computed, shown = self._live.of(node)
                if node in self._multiplied and computed == shown != EVERYWHERE:
                    self._image[node] = self._within(node, computed, ZERO)
                else:
                    self._open.add(node)
        return place(self._image[use.node], use.letters)

    def _built(self, node: Node) -> Use:
        if not node.uses():
            return own(node)
        reads = list(readings(node, self._vanishing)) if self._is_partial(node) else []
        match node:
            case Contract(factors=factors, bound=bound) if reads:
                powers = [(self._factor(node, reading, e), e) for reading, (_, e) in zip(reads, factors, strict=True)]
                return product_of_powers(self._without_masks(powers), dict(enumerate(bound, node.rank)))
            case Apply(head=head) if head is if_else:
                return self._choice(node)
            case Apply(head=head) if reads and head is in_range:
                return apply(head, [self._position(node, reads[0]), *map(self._plain, node.args[1:])])
            case Apply(head=head) if reads and not is_quiet(node):
                pairs = zip_longest(reads, _safe_arguments(node))
                return apply(head, [self._read(node, reading, at or S.Zero, at is not None) for reading, at in pairs])
            case Add() if any(reading.guards for reading in reads):  # beside −∞ nothing counts
                return node.rebuild([self._read(node, reading) for reading in reads])
            case Add() if reads and self._may_cancel(node):  # inf - inf
                return node.rebuild([self._read(node, reading) for reading in reads])
            case Reduce() | AxisMap() | Scatter() if reads:
                first, *rest = reads
                return node.rebuild([self._read(node, first), *(self._plain(reading.use) for reading in rest)])
            case MatrixFunction() if reads:
                return node.rebuild([self._regular(node, reads[0])])
        uses = [self._plain(use) for use in node.uses()]
        if isinstance(node, Gather):  # the axes of the base live in letters of their own: -1, -2, ...
            base = node.base.node
            uses[0] = relabel(self._image[base], {k: -1 - k for k in range(base.rank)})
        return rebuilt(node, uses)

    def _is_partial(self, node: Node) -> bool:
        """Whether a node is not needed everywhere, or does not need all of its operands everywhere."""
        if self._live.of(node)[0] != EVERYWHERE:
            return True
        if isinstance(node, Add):
            return any(self._vanishing.minus_infinity(use) for use in node.uses())
        return isinstance(node, Contract) and any(self._vanishing.guards(use) for use in node.uses())

    def _may_cancel(self, node: Add) -> bool:
        """Whether infinities of opposite signs may meet where a sum is not needed."""
        unread = [use for use in node.uses() if self._is_unread(use.node)]
        others = [see_through(use) for use in node.uses() if use not in unread]
        endless = any(isinstance(use.node, Previous | Past | Trajectory) or is_masked(use) for use in others)
        return len(unread) > 1 or (bool(unread) and endless)

    def _is_unread(self, node: Node) -> bool:
        """Whether the node is open, and not computed for all its entries anyway."""
        return node in self._open and self._live.of(node)[0] != EVERYWHERE

    def _is_open(self, node: Node) -> bool:
        computed, shown = self._live.of(node)
        if shown == EVERYWHERE:
            return False
        operands = any(use.node in self._open for use in node.uses())
        match node:
            case Input(integer=integer):
                return not integer
            case Trajectory(scan=scan):  # what is not needed in any step is finite, since what it is made of is
                loose = scan.node not in self._live.partial or any(isinstance(p, Past) for p in placeholders(scan.node))
                return loose or any(use.node in self._open for use in scan.node.uses())
            case Add() | Named() | Merge() | Split():
                return operands
            case Gather(base=base):
                return base.node in self._open
            case Apply(head=head, args=args) if head is if_else:
                return any(use.node in self._open for use in args[1:])
            case Apply(head=head) if is_quiet(node):
                return operands and head in _QUIET
        if _is_infinite_of_none(node):
            return computed != EVERYWHERE
        return computed != shown and (operands or _is_risky_itself(node))  # a condition reads it, too

    def _plain(self, use: Use) -> Use:
        return place(self._image[use.node], use.letters)

    def _region(self, node: Node, reading: Reading) -> Region:
        """Where a node needs an operand, in the operand's letters."""
        region = reading.of(self._live.of(node)[0])
        if reading.use.node not in self._chosen:
            return region
        return reduced(
            union, (frozenset([frozenset(one for one in case if not is_of_any(one))]) for case in region), NOWHERE
        )

    def _read(self, node: Node, reading: Reading, safe: Expr = S.Zero, always: bool = False) -> Use:
        """An operand, safe where it is not needed if it is open (or `always`)."""
        below = reading.use.node
        if not always and below not in self._open:
            return self._plain(reading.use)
        region = self._region(node, reading)
        return place(self._within(below, region, const(safe)), reading.use.letters)

    def _factor(self, node: Node, reading: Reading, exponent: Expr) -> Use:
        """A factor of a product; a power of one that overflows is not finite either."""
        use = reading.use
        if not (exponent.is_Integer and exponent.is_positive):
            ties = counts_ties(_at_every_position(use)) and is_of_data(self._region(node, reading))  # of nan none does
            return self._read(node, reading, S.One, always=ties or _is_risky_power(use, exponent))
        if exponent != 1 and isinstance(use.node, Input | Named | Add | Contract | Gather | Trajectory):
            region = self._region(node, reading)
            if is_of_data(region) and not any(guard.some for case in region for guard in case):
                return self._read(node, reading, always=True)
        return self._read(node, reading)

    def _position(self, node: Apply, reading: Reading) -> Use:
        """A position that is checked: the first one where data say that nothing is looked up there.

        Conditions that keep a subscript on its axis stand in it already.
        """
        if reading.everywhere:
            return self._plain(reading.use)
        region = NOWHERE
        for case in self._region(node, reading):
            region = union(region, frozenset([frozenset(one for one in case if one.is_of_data)]))
        return place(self._within(reading.use.node, region, ZERO), reading.use.letters)

    def _regular(self, node: MatrixFunction, reading: Reading) -> Use:
        """Matrices that have an inverse where they are not needed, too."""
        row, column, length = sides_of(node)
        region = self._region(node, reading)
        first, second = (reading.use.letters.index(letter) for letter in (row, column))
        return place(self._within(reading.use.node, region, delta(first, second, length)), reading.use.letters)

    def _within(self, node: Node, region: Region, safe: Use) -> Use:
        """The image of a node in a region, elsewhere what is safe."""
        image = self._image[node]
        if region in (EVERYWHERE, NOWHERE):
            return image if region == EVERYWHERE else safe
        zeros = self._vanishing.guards(image) if is_zero(safe) else []
        try:
            if len(region) == 1:
                (case,) = region
                region = frozenset([frozenset(one for one in case if self._image_of(one) not in zeros)])
            elif any(all(self._image_of(one) in zeros for one in case) for case in region):
                return image
            if region == EVERYWHERE:
                return image
            condition = self.of(condition_of(region))
        except _InProgress:
            return image
        holds = not (isinstance(condition.node, Apply) and condition.node.head is Not)
        if not holds:
            condition = place(condition.node.uses()[0], condition.letters)
        inner = image.node
        if isinstance(inner, Apply) and inner.head is if_else and place(inner.args[0], image.letters) == condition:
            image = place(inner.args[1 if holds else 2], image.letters)
        return apply(if_else, [condition, *((image, safe) if holds else (safe, image))])

    def _image_of(self, one: Guard) -> Guard:
        return Guard(self.of(one.condition), one.holds)

    def _choice(self, node: Apply) -> Use:
        """A choice; none of a branch that is never taken where the node is needed, or is zero where it is not taken."""
        computed, _ = self._live.of(node)
        condition, yes, no = (self._plain(use) for use in node.args)
        for holds, branch, other in ((True, yes, no), (False, no, yes)):
            if computed != NOWHERE and within(computed, guards_of(node.args[0], not holds)) == NOWHERE:
                return branch
            if is_zero(other) and set(guards_of(condition, holds)) <= set(self._vanishing.guards(branch)):
                return branch
        return apply(if_else, [condition, yes, no])

    def _without_masks(self, powers: Sequence[tuple[Use, Any]]) -> list[tuple[Use, Any]]:
        """The factors without those that are 1 or 0 where another one is zero anyway."""
        kept = list(powers)
        for pair in powers:
            mask = mask_of(pair[0]) if pair[1].is_positive else None
            if mask is not None:
                guards = set(guards_of(*mask))
                if any(
                    guards <= set(self._vanishing.guards(use)) for use, e in kept if e.is_positive and use != pair[0]
                ):
                    kept.remove(pair)
        return kept
