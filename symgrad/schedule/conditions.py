"""Conditions under which an entry counts, as guards, and which guards say that others hold."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sympy import And, Eq, Expr, Ge, Gt, Le, Lt, Max, Min, Ne, Not, Or, S

from symgrad.functions import if_else
from symgrad.graph.build import add, apply, const, number, reduce, sizes_of, subtract
from symgrad.graph.comparisons import says
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import (
    Add,
    Apply,
    Const,
    Gather,
    Input,
    Letter,
    Named,
    Range,
    Scan,
    Size,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import place, terms_of

# Whether they hold for large or for small left sides.
RISING = {Gt: 1, Ge: 1, Lt: -1, Le: -1}


class Guard(NamedTuple):
    """An entry counts only where `condition` is `holds`.

    A letter ("some", k) of the condition stands for any of its positions: it holds if it does for one of them.
    """

    condition: Use
    holds: bool

    def choose(self, use: Use, safe: Expr) -> Use:
        """The term where the guard holds, else what is safe."""
        branches = [use, const(safe)] if self.holds else [const(safe), use]
        return apply(if_else, [self.condition, *branches])

    @property
    def some(self) -> tuple[Letter, ...]:
        return tuple(x for x in distinct(self.condition.letters) if is_some(x))

    @property
    def is_of_data(self) -> bool:
        return any(isinstance(node, Input | Named) for node in postorder([self.condition.node]))


def order_of(guard: Guard) -> tuple[bytes, bool, str]:
    """What guards are sorted by, the same in every run."""
    return guard.condition.node.digest, guard.holds, str(guard.condition.letters)


_GIVEN = (Input, Range, Size, Const, Add, Gather, Apply)
# What the keys of recurrences begin with that say which entries of others count.
COUNTS = "counts "


def is_counted(use: Use) -> bool:
    """Whether a term is how often an entry of a recurrence counts."""
    node = use.node.base.node if isinstance(use.node, Gather) else use.node
    return isinstance(node, Trajectory) and key_of(node).startswith(COUNTS)


def key_of(node: Trajectory) -> str:
    """The key of the recurrence that an array of states is of."""
    assert isinstance(node.scan.node, Scan)
    return node.scan.node.key


def is_given(guard: Guard) -> bool:
    """Whether a guard says which data there are: it compares what is given, nothing that is computed.

    That an index is a label, or is not, says which of several entries is meant.
    """
    node = guard.condition.node
    if isinstance(node, Apply) and node.head in (Eq, Ne) and any(isinstance(side.node, Range) for side in node.args):
        return False
    if isinstance(node, Apply) and node.head is Gt and is_counted(node.args[0]):
        return True
    nodes = list(postorder([guard.condition.node]))
    return any(isinstance(node, Input) for node in nodes) and all(isinstance(node, _GIVEN) for node in nodes)


def guards_of(condition: Use, holds: bool) -> list[Guard]:
    """The guards that all hold where a condition does, or does not: those of a and of b for a∧b."""
    node = condition.node
    if isinstance(node, Apply) and node.head in (Not, And if holds else Or):
        inner = holds != (node.head is Not)
        return [one for part in node.args for one in guards_of(place(part, condition.letters), inner)]
    return [Guard(condition, holds)]


def is_some(letter: Letter) -> bool:
    return isinstance(letter, tuple) and letter[0] == "some"


def as_condition(guard: Guard) -> Use:
    """A guard as a condition without letters that stand for any position."""
    if not guard.some:
        return guard.condition if guard.holds else apply(Not, [guard.condition])
    lengths = sizes_of([guard.condition])
    condition = guard.condition if guard.holds else apply(Not, [guard.condition])
    return reduce(Or, condition, {x: lengths[x] for x in guard.some})


def parts_of(use: Use, head: Any) -> Iterator[Use]:
    """The terms that a maximum or minimum is of."""
    if isinstance(use.node, Apply) and use.node.head is head:
        for part in use.node.args:
            yield from parts_of(place(part, use.letters), head)
    else:
        yield use


def is_closed(guard: Guard, letter: Letter, downwards: bool) -> bool:
    """Whether the guard holds at all smaller (or larger) positions along a letter where it holds at one."""
    condition = guard.condition
    if letter not in condition.letters:
        return True
    node = condition.node
    if guard.some or not isinstance(node, Apply):
        return False
    if node.head in (And, Or, Not):
        parts = [Guard(place(part, condition.letters), guard.holds != (node.head is Not)) for part in node.args]
        return all(is_closed(part, letter, downwards) for part in parts)
    if node.head not in RISING:
        return False
    left, right = (place(arg, condition.letters) for arg in node.args)
    slope = S.Zero
    for sign, side in ((1, left), (-1, right)):
        for coefficient, term in terms_of(side):
            if isinstance(term.node, Range) and term.letters == (letter,):
                slope += sign * coefficient
            elif letter in term.letters:
                return False
    rises = slope * RISING[node.head] * (1 if guard.holds else -1)
    return bool(rises <= 0 if downwards else rises >= 0)


def substituted(guard: Guard, images: Mapping[Letter, Use]) -> Guard | None:
    """The guard with other positions for letters, if these occur only as indices in a comparison."""
    if not images.keys() & set(guard.condition.letters):
        return guard
    made = _substituted(guard.condition, images)
    return None if made is None or not isinstance(made.node, Apply) else guard._replace(condition=made)


def _substituted(condition: Use, images: Mapping[Letter, Use]) -> Use | None:
    node = condition.node
    if not isinstance(node, Apply) or node.head not in (And, Or, Not, Eq, Ne, *RISING):
        return None
    parts = [place(part, condition.letters) for part in node.args]
    if node.head in (And, Or, Not):
        found = [_substituted(part, images) if images.keys() & set(part.letters) else part for part in parts]
        known = [part for part in found if part is not None]
        return apply(node.head, known) if len(known) == len(found) else None
    sides = []
    for side in parts:
        terms = []
        for coefficient, term in terms_of(side):
            if images.keys() & set(term.letters):
                if not isinstance(term.node, Range):
                    return None
                term = images[term.letters[0]]
            terms.append((coefficient, term))
        sides.append(add(terms))
    return apply(node.head, sides)


class _Bound(NamedTuple):
    """difference + offset against 0: what is compared, and the number in it."""

    head: object
    holds: bool
    terms: frozenset[tuple[object, Use]]
    offset: Expr


def _bound(guard: Guard) -> _Bound | None:
    node = guard.condition.node
    if not isinstance(node, Apply) or node.head not in RISING:
        return None
    left, right = (place(arg, guard.condition.letters) for arg in node.args)
    terms, offset = [], S.Zero
    for coefficient, term in terms_of(subtract(left, right)):
        value = term.node.value if isinstance(term.node, Size) else number(term)
        if value is None:
            terms.append((coefficient, term))
        else:
            offset += coefficient * value
    return _Bound(node.head, guard.holds, frozenset(terms), offset)


def implies(one: Guard, other: Guard) -> bool:
    """Whether one guard is seen to say that another holds, by comparisons with the same term."""
    return one == other or _says(one, other) or any(_is_within(one, each) for each in [other, *_below_one(other)])


def _says(one: Guard, other: Guard) -> bool:
    """Whether a comparison of two terms says one of the same terms: that a < b or a > b holds, so that a is not b."""
    first, second = one.condition.node, other.condition.node
    if not (isinstance(first, Apply) and isinstance(second, Apply)):
        return False
    sides, others = (
        [place(arg, guard.condition.letters) for arg in node.args] for guard, node in ((one, first), (other, second))
    )
    return any(
        sides == each and says(first.head, second.head, holds=one.holds, wanted=other.holds, swapped=swapped)
        for swapped, each in ((False, others), (True, others[::-1]))
    )


def _below_one(guard: Guard) -> list[Guard]:
    """Comparisons each of which says that one with a maximum (or minimum) holds: i <= a of i <= max(a, b)."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head in (Le, Ge)):
        return []
    left, right = (place(arg, guard.condition.letters) for arg in node.args)
    parts = list(parts_of(right, Max if node.head is Le else Min))
    return [Guard(apply(node.head, [left, part]), True) for part in parts] if len(parts) > 1 else []


def _is_within(one: Guard, other: Guard) -> bool:
    first, second = _bound(one), _bound(other)
    if first is None or second is None or first[:3] != second[:3]:
        return False
    gap = (second.offset - first.offset) * RISING[first.head] * (1 if first.holds else -1)
    return bool(gap.is_nonnegative)
