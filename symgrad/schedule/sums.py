"""Sums that are part of longer ones: computed once, and added up as one term."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sympy import Number

from symgrad.graph.build import add, auxiliary
from symgrad.graph.facts import is_integral
from symgrad.graph.nodes import Add, Letter, Named, Node, Scatter, Use, postorder
from symgrad.graph.transform import own, place, transform
from symgrad.rewrite.record import record

# Terms of a part of a longer sum: two that are added up first save no array. Of a multiple of a whole sum any two do.
_FEWEST = 3
_MOST_ALIKE = 8  # terms of one array at several places that are tried with each other


class _Part(NamedTuple):
    """Where a sum has a multiple of another: which of its terms, how often, and with which letters."""

    node: Add
    places: frozenset[int]
    factor: Number
    letters: tuple[Letter, ...]


@record("with r = a − b + c: 4a − 4b + 4c + d = 4r + d", "what is there is not added up again", "associative law")
def share_sums(roots: Sequence[Use]) -> list[Use]:
    """The terms with every sum of which a longer one has a multiple made a quantity of its own, in both places.

    A residual beside its own terms in a gradient is the ordinary case. The longest goes first.
    """
    current = list(roots)
    while True:
        nodes = list(postorder([use.node for use in current]))
        taken = _parts(nodes)
        if not taken:
            return current
        known = {one.arg.node: one for one in nodes if isinstance(one, Named) and one.arg.letters == _own_letters(one)}
        names: dict[Node, Use] = {part.node: _name(part.node, known) for part in taken.values()}
        current = transform(current, partial(_with_shared, taken=taken, names=names, definitions=known.keys()))


def _with_shared(
    node: Node,
    uses: tuple[Use, ...],
    taken: Mapping[Node, _Part],
    names: Mapping[Node, Use],
    definitions: Collection[Node],
) -> Use | None:
    """A sum with its part as one term, or the part itself by its name."""
    if node not in taken:
        return names[node] if node in names and node not in definitions else None
    assert isinstance(node, Add)
    part = taken[node]
    left = [(c, use) for n, ((c, _), use) in enumerate(zip(node.terms, uses, strict=True)) if n not in part.places]
    return add([*left, (part.factor, place(names[part.node], part.letters))])


def _name(node: Add, known: Mapping[Node, Named]) -> Use:
    """A sum as a quantity, in its own letters: the one that it is the definition of, or one of its own."""
    if node in known:
        return own(known[node])
    minus = any(c.is_negative for c, _ in node.terms)
    return auxiliary("diff" if minus else "sum", own(node))


def _own_letters(node: Node) -> tuple[Letter, ...]:
    return tuple(range(node.rank))


def _parts(nodes: Sequence[Node]) -> dict[Node, _Part]:
    """For each sum that has a multiple of another the longest of these, which has none itself."""
    sums = [node for node in nodes if isinstance(node, Add) and len(node.terms) > 1 and not is_integral(own(node))]
    sums.sort(key=_plainness)  # else in the order of the terms, so that a residual has the sign that it has in the loss
    having: dict[Node, list[Add]] = defaultdict(list)
    for node in sums:
        for one in dict.fromkeys(use.node for use in node.uses()):
            having[one].append(node)
    found: dict[Node, _Part] = {}
    for part in sums:
        if part in found or any(isinstance(use.node, Scatter) for use in part.uses()):  # blocks that are put together
            continue
        least = min((having[use.node] for use in part.uses()), key=len)
        for whole in least:
            more = len(whole.terms) - len(part.terms)
            if whole not in found and whole is not part and (more == 0 or (more > 0 and len(part.terms) >= _FEWEST)):
                match = _match(part, whole)
                if match is not None:
                    found[whole] = match
    used = {part.node for part in found.values()}
    return {whole: part for whole, part in found.items() if whole not in used}


def _plainness(node: Add) -> tuple[int, int]:
    """What longer sums have less of, and of multiples those with smaller coefficients: a − b goes before 2a − 2b."""
    return -len(node.terms), sum(abs(c.p) + c.q if c.is_Rational else 2 for c, _ in node.terms)


def _match(part: Add, whole: Add) -> _Part | None:
    """The terms of `whole` that are a multiple of those of `part`, with letters for the axes of this."""
    wanted, given = part.terms, whole.terms
    by_node: dict[Node, list[int]] = defaultdict(list)
    for n, (_, use) in enumerate(given):
        by_node[use.node].append(n)
    if any(not 0 < len(by_node[use.node]) <= _MOST_ALIKE for _, use in wanted):
        return None

    def tried(k: int, places: tuple[int, ...], letters: dict[Letter, Letter], factor: Number | None) -> _Part | None:
        if k == len(wanted):
            assert factor is not None
            return _Part(part, frozenset(places), factor, tuple(letters[axis] for axis in range(part.rank)))
        c, use = wanted[k]
        for n in by_node[use.node]:
            ratio = given[n][0] / c
            if n in places or factor not in (None, ratio):
                continue
            pairs = dict(letters)
            if all(pairs.setdefault(a, b) == b for a, b in zip(use.letters, given[n][1].letters, strict=True)):
                done = tried(k + 1, (*places, n), pairs, ratio)
                if done is not None and len(set(done.letters)) == len(done.letters):
                    return done
        return None

    return tried(0, (), {}, None)
