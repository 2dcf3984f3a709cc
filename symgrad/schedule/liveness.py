"""For which entries each node is computed, and for which of them a number that is not finite shows in the results."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import sympy as sp
from sympy.codegen import cfunctions

from symgrad.functions import LogSumExp, if_else, in_range, log_sigmoid, sigmoid, softplus
from symgrad.graph.build import LOG_SOFTMAX, SOFTMAX, is_zero
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.kinds.scans import placeholders
from symgrad.graph.kinds.scans import within as within_steps
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    Letter,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Past,
    Previous,
    Reduce,
    Scan,
    Scatter,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import own
from symgrad.schedule.conditions import Guard, guards_of
from symgrad.schedule.recurrences import at_base, at_steps, gathered, needed, scattered
from symgrad.schedule.regions import EVERYWHERE, NOWHERE, Region, moved, union, within
from symgrad.schedule.vanishing import Vanishing

# An entry of -oo is legal in what they are applied to: a probability of 0, of which nothing shows.
_HIDING = (sp.exp, cfunctions.exp2, cfunctions.expm1, sigmoid, log_sigmoid, softplus)


class Reading(NamedTuple):
    """How a node reads an operand.

    Attributes
    ----------
    guards : it counts only where they hold.
    shows : whether an entry that is not a number makes the node's not one: not that of a condition, or of a table of
        which some entries are read.
    hides : whether an entry of -oo does not show.
    gone : letters along which all entries act together.
    sums : as in `regions.moved`.
    everywhere : whether it has to have a value wherever the node is computed: a position, also of what is left out, but
        for one that is checked.
    found_by : the node, if it looks entries up in the operand, whose letters are its axes then.
    put_by : the node, if it adds entries of the operand at positions.
    """

    use: Use
    guards: Sequence[Guard] = ()
    shows: bool = True
    hides: bool = False
    gone: Collection[Letter] = ()
    sums: bool = True
    everywhere: bool = False
    found_by: Gather | None = None
    put_by: Scatter | None = None

    def of(self, region: Region) -> Region:
        """Where the operand is needed, in its letters, if the node is needed in a region."""
        if self.everywhere and region != NOWHERE:
            return EVERYWHERE
        region = within(region, self.guards)
        if self.found_by is not None:
            return gathered(region, self.found_by)
        if self.put_by is not None:
            region = scattered(region, self.put_by)
        return moved(region, self.use, self.gone, self.sums)


@dataclass
class Liveness:
    """Regions of nodes.

    Attributes
    ----------
    computed : where an entry is needed.
    shown : where an entry that is not finite shows in the results anyway.
    partial : recurrences of which not every entry is needed.
    """

    computed: dict[Node, Region] = field(default_factory=dict)
    shown: dict[Node, Region] = field(default_factory=dict)
    partial: set[Scan] = field(default_factory=set)

    def of(self, node: Node) -> tuple[Region, Region]:
        """Both regions of a node; a condition on regions that no model has written is needed everywhere."""
        if node not in self.computed:
            return EVERYWHERE, EVERYWHERE
        return self.computed[node], self.shown.get(node, NOWHERE)


def liveness(roots: Sequence[Use], vanishing: Vanishing, chosen: Collection[Node] = ()) -> Liveness:
    """The regions of all nodes below the roots, which are needed everywhere, and `chosen` recurrences in every step."""
    found = Liveness()
    hidden: dict[Node, Region] = {}  # where all but -oo shows
    for use in roots:
        found.computed[use.node] = found.shown[use.node] = EVERYWHERE
    for node in reversed(list(postorder([use.node for use in roots]))):
        if isinstance(node, Trajectory):
            continue
        if isinstance(node, Scan):
            _reach_steps(node, found, vanishing, node in chosen)
            continue
        computed, shown = found.computed[node], found.shown.get(node, NOWHERE)
        veiled = union(shown, hidden.get(node, NOWHERE))
        passes = isinstance(node, Add | Named | Gather) or getattr(node, "head", None) is if_else
        for reading in readings(node, vanishing):
            below = reading.use.node
            _join(found.computed, below, reading.of(computed))
            if reading.shows:
                if not reading.hides:
                    _join(found.shown, below, reading.of(shown if passes else veiled))
                if reading.hides or passes:
                    _join(hidden, below, reading.of(veiled))
    return found


def _reach_steps(node: Scan, found: Liveness, vanishing: Vanishing, everywhere: bool) -> None:
    """Join the regions of what a recurrence is made of; a loop computes every step, but of what is needed only."""
    arrays = [part for part in found.computed if isinstance(part, Trajectory) and part.scan.node is node]
    outside = {part.number: found.computed[part] for part in arrays}
    inside = within_steps(node)
    order = [
        part for part in reversed(list(postorder([update.term.node for update in node.updates]))) if part in inside
    ]

    def reach(terms: Mapping[Use, Region]) -> dict[Previous | Past, Region]:
        regions: dict[Node, Region] = {}
        for term, region in terms.items():
            _join(regions, term.node, moved(region, term))
        for part in order:
            for reading in readings(part, vanishing):
                if reading.use.node in inside:
                    _join(regions, reading.use.node, reading.of(regions.get(part, NOWHERE)))
        return {part: regions.get(part, NOWHERE) for part in placeholders(node)}

    states = None if everywhere else needed(node, outside, reach)
    if states is None:
        regions = [(use, EVERYWHERE) for use in node.uses()]
    else:
        found.partial.add(node)
        regions = [(term, at_base(states[number], node.states[number], at)) for number, at, term in node.bases]
        regions += [
            (term, at_steps(states[number], node.states[number], node.steps)) for number, _, term in node.updates
        ]
    for use, region in regions:
        for reached in (found.computed, found.shown):
            _join(reached, use.node, moved(region, use))


def _join(regions: dict[Node, Region], node: Node, region: Region) -> None:
    regions[node] = union(regions.get(node, NOWHERE), region)


def is_checked(position: Use) -> bool:
    """Whether a position is compared with its axis where it is needed, and is any other where it is not."""
    return isinstance(position.node, Apply) and position.node.head is in_range


def readings(node: Node, vanishing: Vanishing) -> Iterator[Reading]:
    """How a node reads its operands, in their order."""
    match node:
        case Apply(head=head, args=(condition, yes, no)) if head is if_else:
            used = yes if is_zero(no) else no if is_zero(yes) else None
            inner = [] if used is None else vanishing.guards(used)  # where both branches are 0, it does not matter
            stated = {one.condition for one in guards_of(condition, True)}
            yield Reading(condition, [one for one in inner if one.condition not in stated], shows=False)
            yield Reading(yes, guards_of(condition, True))
            yield Reading(no, guards_of(condition, False))
        case Apply(head=head, args=(position, *rest)) if head is in_range:
            yield Reading(position, shows=False, everywhere=getattr(position.node, "head", None) is if_else)
            yield from (Reading(use, shows=False) for use in rest)
        case Apply(head=head, args=args):
            for use in args:
                yield Reading(use, hides=head in _HIDING)
        case Add(terms=terms):
            gone = [vanishing.minus_infinity(use) if c.is_positive else [] for c, use in terms]
            for n, (_, use) in enumerate(terms):
                yield Reading(use, [one for m, guards in enumerate(gone) if m != n for one in guards])
        case Contract(factors=factors):
            zeros = [vanishing.guards(use) if e.is_positive else [] for use, e in factors]
            for n, (use, _) in enumerate(factors):  # of two that are zero by one guard none may rely on the other
                others = [one for m, guards in enumerate(zeros) if m != n for one in guards]
                yield Reading(use, [one for one in others if one not in zeros[n]])
        case Reduce(head=head, arg=arg, known=known):
            yield Reading(arg, hides=head is LogSumExp)
            yield from (Reading(use) for use in known)
        case AxisMap(head=head, arg=arg, over=over, weights=weights):
            yield Reading(arg, hides=head in (SOFTMAX, LOG_SOFTMAX), gone=over)
            yield from (Reading(weight, gone=over) for weight in weights)
        case Gather(base=base, subs=subs):
            yield Reading(own(base.node), shows=False, found_by=node)
            for sub in subs:
                yield Reading(sub, shows=False, everywhere=not is_checked(sub))
        case MatrixFunction(arg=arg, known=known):
            yield Reading(arg, gone=sides_of(node)[:2], sums=False)
            for use in known:
                yield Reading(use)
        case Scatter(value=value, subs=subs):
            yield Reading(value, put_by=node)
            zero = vanishing.guards(value)
            for sub in subs:
                yield Reading(sub, zero, shows=False, everywhere=not is_checked(sub), put_by=node)
        case Merge() | Split():
            yield Reading(node.arg, sums=False)
        case Named(arg=arg):
            yield Reading(arg)
        case _:  # nobody knows which entries
            for use in node.uses():
                yield Reading(use, everywhere=True)
