"""Finds where terms are zero by their form: outside which guards."""

from collections.abc import Iterable, Iterator, Sequence

from sympy import Eq, S, exp, log
from sympy.codegen.cfunctions import exp2, log2, log10

from symgrad.functions import LargestOver, LogSumExp, MaxOver, if_else, relu, share, sigmoid, softplus
from symgrad.graph.build import ONE, SOFTMAX, apply, index, is_zero
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Named,
    Node,
    Previous,
    Reduce,
    Scan,
    Scatter,
    State,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import place
from symgrad.schedule.conditions import Guard, guards_of
from symgrad.schedule.recurrences import (
    at_step,
    common,
    landed_at,
    of_gathered,
    of_scattered,
    vanishing,
)
from symgrad.schedule.regions import NOWHERE, implied_guards, is_of_any, meets, moved_case, of_any, union

_LOGARITHMS = (log, log2, log10)
_ZERO_AT_MINUS_INFINITY = (exp, exp2, sigmoid, softplus, relu, share)  # in their first argument


class Vanishing:
    """Finds the guards outside which terms are zero."""

    def __init__(self, roots: Sequence[Use] = ()) -> None:
        self._known: dict[Node, list[Guard]] = {}
        self._below: dict[Node, list[Guard]] = {}
        self._states: dict[tuple[str, State], list[Guard]] = {}  # in letters of their axes, by the recurrence
        for node in postorder([use.node for use in roots]):
            if isinstance(node, Scan):
                self._learn(node)

    def _learn(self, node: Scan) -> None:
        """Find the guards of the states of a recurrence."""
        before = dict(self._known)

        def assume(state: State, guards: list[Guard]) -> None:
            self._states[node.key, state] = guards
            self._known = dict(before)

        vanishing(node, self.guards, self._initially, assume)

    def _initially(self, use: Use, state: State) -> list[Guard]:
        """Guards outside which the initial array of a state is zero, those of where labels say that it is not, too."""
        node = use.node
        match node:
            case Named(arg=arg):
                return self._initially(place(arg, use.letters), state)
            case Add(terms=terms) if terms:
                return _either([self._initially(place(part, use.letters), state) for _, part in terms])
            case Scatter(subs=subs):
                axis = use.letters.index(state.axis) if state.axis in use.letters else None
                landed = None if axis is None else landed_at(subs, node.shape, axis)
                more = [] if landed is None else [landed._replace(condition=place(landed.condition, use.letters))]
                return [*self.guards(use), *more]
        return self.guards(use)

    def guards(self, use: Use) -> list[Guard]:
        """Guards outside which a term is zero."""
        for node in postorder([use.node], self._known.keys()):
            self._known[node] = list(dict.fromkeys(_free(self._own(node), node.rank)))
        return [Guard(place(one.condition, use.letters), one.holds) for one in self._known[use.node]]

    def minus_infinity(self, use: Use) -> list[Guard]:
        """Guards outside which a term is −∞, by conditions that make entries of it so."""
        for node in postorder([use.node], self._below.keys()):
            self._below[node] = list(dict.fromkeys(_free(self._own_below(node), node.rank)))
        return [Guard(place(one.condition, use.letters), one.holds) for one in self._below[use.node]]

    def _own_below(self, node: Node) -> list[Guard]:
        match node:
            case Named(arg=arg):
                return self.minus_infinity(arg)
            case Add(terms=terms):  # by the condition, whatever is beside it
                return [one for c, use in terms if c.is_positive for one in self.minus_infinity(use)]
            case Gather(base=base):
                return of_gathered(node, self.minus_infinity(base))
            case Apply(head=head, args=(condition, yes, no)) if head is if_else:
                branches = [(True, yes), (False, no)]
                cases = [
                    [*guards_of(condition, holds), *self.minus_infinity(use)]
                    for holds, use in branches
                    if not (isinstance(use.node, Const) and use.node.value is S.NegativeInfinity)
                ]
                return _either(cases)
            case Apply(head=head, args=(arg,)) if head in _LOGARITHMS:
                return self.guards(arg)
            case Reduce(head=head, arg=arg) if head in (LogSumExp, MaxOver, LargestOver):
                return self.minus_infinity(arg)
        return []

    def _own(self, node: Node) -> list[Guard]:
        match node:
            case Named(arg=arg):
                return self.guards(arg)
            case Add(terms=terms) if terms:
                return _opposite(node) or _either([self.guards(use) for _, use in terms])
            case Contract(factors=factors):
                return [one for use, e in factors if e.is_positive for one in self.guards(use)]
            case Scatter(value=value):
                return of_scattered(node, self.guards(value))
            case Gather(base=base):
                return of_gathered(node, self.guards(base))
            case Previous(key=key, state=state, lag=lag):
                return self._of_steps(node, key, state, lag)
            case Trajectory(scan=Use(node=Scan(key=key, states=states)), number=number):
                return self._states.get((key, states[number]), [])
            case Delta(shape=(length, _)):
                return [Guard(apply(Eq, [index(0, length), index(1, length)]), True)]
            case Apply(head=head, args=(condition, yes, no)) if head is if_else:
                cases = []
                if not is_zero(yes):
                    cases.append([*guards_of(condition, True), *self.guards(yes)])
                if not is_zero(no):
                    cases.append([*guards_of(condition, False), *self.guards(no)])
                return _either(cases)
            case Apply(head=head, args=(arg, *_)) if head in _ZERO_AT_MINUS_INFINITY:
                return self.minus_infinity(arg)
            case AxisMap(head=head, arg=arg) if head == SOFTMAX:
                return self.minus_infinity(arg)
        return []

    def _of_steps(self, node: Node, key: str, state: State, lag: int) -> list[Guard]:
        """Guards of the entries of a state that are read at each step."""
        steps = node.shape[state.axis]
        found = [at_step(guard, state, steps, lag) for guard in self._states.get((key, state), ())]
        return [guard for guard in found if guard is not None]


def _either(cases: Sequence[Sequence[Guard]]) -> list[Guard]:
    """What holds where all guards of some case hold."""
    region = NOWHERE
    shared = set.intersection(*map(set, cases)) if cases else set()
    for guards in cases:  # that one sum or another has terms at all is not worth a pass over both
        kept = [one for one in guards if one in shared or not is_of_any(one)]
        region = union(region, frozenset([frozenset(kept)]))
    said = common(region)
    written = [one for guards in cases for one in guards if one in said]
    return [*written, *(one for one in said if one not in written)]


def _free(guards: Iterable[Guard], rank: int) -> Iterator[Guard]:
    """Guards without bound letters: a sum is zero where they hold for none of its terms."""
    axes, every = {axis: axis for axis in range(rank)}, list(guards)
    for guard in every:
        ends = [end for end in every if meets(end, guard, axes)]
        yield from moved_case(frozenset([guard, *ends]), axes, sums=True)
    if not rank:
        yield from of_any(every, axes)
    yield from implied_guards(every, axes)


def _opposite(node: Add) -> list[Guard]:
    """¬q of 1 - [q], outside which that is zero; nothing of any other sum."""
    terms = dict(node.terms)
    if len(node.terms) != 2 or terms.get(S.One) != ONE or S.NegativeOne not in terms:
        return []
    other = terms[S.NegativeOne]
    if isinstance(other.node, Delta):
        length = other.node.shape[0]
        return [Guard(apply(Eq, [index(x, length) for x in other.letters]), False)]
    mask = mask_of(other)
    return [] if mask is None else guards_of(mask[0], not mask[1])


def mask_of(use: Use) -> tuple[Use, bool] | None:
    """Of a factor that is 1 or 0 the condition, and whether it is 1 where that holds; None of any other."""
    node = use.node
    if not (isinstance(node, Apply) and node.head is if_else):
        return None
    condition, yes, no = (place(arg, use.letters) for arg in node.args)
    if yes == ONE and is_zero(no):
        return condition, True
    return (condition, False) if is_zero(yes) and no == ONE else None
