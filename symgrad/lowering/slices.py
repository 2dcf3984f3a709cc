"""Recurrences as loops: the terms of one step, over arrays that are computed before the loop.

What depends on no earlier entry is computed for all steps at once, outside; the rest is rebuilt without the time axis.
"""

from collections.abc import Sequence

from sympy import Expr, Integer, S

from symgrad.errors import UnsupportedError
from symgrad.graph.affine import affine, along_one
from symgrad.graph.build import add, auxiliary, gather, number, product_of_powers, scale, scatter
from symgrad.graph.kinds.loops import Entry, Loop
from symgrad.graph.kinds.scans import time_of, within
from symgrad.graph.nodes import (
    Add,
    AxisMap,
    Const,
    Contract,
    Gather,
    Named,
    Node,
    Past,
    Previous,
    Range,
    Scan,
    Scatter,
    Size,
    State,
    Update,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import own, place, terms_of, transform
from symgrad.lowering.whole import whole_nodes


def loops(roots: Sequence[Use]) -> list[Use]:
    """The terms with every recurrence as a loop."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Scan):
            return None
        made = node.rebuild(uses).node
        assert isinstance(made, Scan)
        return own(_loop(made))

    return transform(roots, visit)


def positions_of_steps(nodes: Sequence[Node]) -> list[Node]:
    """The arrays, computed before the loops, of which steps take subscripts."""
    steps = [update.term.node for node in nodes if isinstance(node, Loop) for update in node.updates]
    inside = whole_nodes(list(postorder(steps)))
    entries = [part.source for part in inside if isinstance(part, Entry)]
    return [source for source in entries if not isinstance(source, Past | Previous)]


def _loop(node: Scan) -> Loop:
    slicer = _Slicer(node)
    updates = tuple(one for update in node.updates for one in _at_step(slicer, update, node.states))
    operands = tuple(own(source) for source in slicer.sources)
    return intern(
        Loop, (), node.states, node.steps, node.descending, node.clock, node.bases, node.initial, updates, operands
    )


def _at_step(slicer: "_Slicer", update: Update, states: Sequence[State]) -> list[Update]:
    """An update at one step, over axes of its state: one for each term of what is added to the whole array."""
    term = slicer.at_step(update.term, time_of(update, states))
    if update.lag is not None:
        return [update._replace(term=term)]
    whole = Use(term.node, tuple(letter - 1 for letter in term.letters))
    return [update._replace(term=_scaled_inside(factor, part)) for factor, part in terms_of(whole)]


def _scaled_inside(factor: Expr, part: Use) -> Use:
    """A multiple of a term, with the factor inside a scatter, so that the values are what is scaled."""
    node = part.node
    if not isinstance(node, Scatter) or part.letters != tuple(range(node.rank)):
        return scale(factor, part)
    return own(intern(Scatter, node.shape, scale(factor, node.value), node.subs, node.bound))


Key = tuple[Node, frozenset[int]]  # a node, and those of its axes that are the time


class _Slicer:
    """Rebuilds the terms of a recurrence without their time axis; `sources` are the arrays they then refer to."""

    def __init__(self, node: Scan) -> None:
        self.sources: dict[Node, None] = {}
        self._scan = node
        self._inside = within(node)
        self._made: dict[Key, Use] = {}

    def at_step(self, use: Use, time: int) -> Use:
        """The term at one step, where `time` is the letter of the time."""
        stack = [_key(use, {time})]
        while stack:
            wanted = stack[-1]
            if wanted in self._made:
                stack.pop()
                continue
            missing = [key for key in self._operands(*wanted) if key not in self._made]
            if missing:
                stack.extend(missing)
            else:
                self._made[wanted] = self._slice(*wanted)
        return self._of(use, {time})

    def _of(self, use: Use, times: set[int]) -> Use:
        if use.node in self._inside:
            return place(self._made[_key(use, times)], use.letters)
        return place(self._hoisted(*_key(use, times)), use.letters)

    def _operands(self, node: Node, times: frozenset[int]) -> list[Key]:
        if node not in self._inside:
            return []
        if isinstance(node, Gather):
            keys = [(node.base.node, _base_times(node, times)), *(_key(sub, set(times)) for sub in node.subs)]
        else:
            keys = [_key(use, set(times)) for use in node.uses()]
        return [key for key in keys if key[0] in self._inside]

    def _slice(self, node: Node, times: frozenset[int]) -> Use:
        """A node at one step, in the letters of its other axes."""
        if node not in self._inside:
            return self._hoisted(node, times)
        moving = set(times)
        match node:
            case Previous(state=state, lag=lag):
                if times == {state.axis}:
                    offset = Integer(state.start - lag)
                    return _entry(node, [offset if axis == state.axis else None for axis in range(node.rank)])
            case Past():
                if times == {0}:
                    return _entry(node, [S.Zero if axis == 0 else None for axis in range(node.rank)])
            case Gather():
                return self._gather(node, times)
            case Scatter(value=value, subs=subs, bound=bound):
                if all(isinstance(subs[axis].node, Range) and subs[axis].letters == (axis,) for axis in times):
                    kept = [axis for axis in range(node.rank) if axis not in times]
                    return scatter(
                        self._of(value, moving),
                        self._positions([subs[axis] for axis in kept], moving),
                        tuple(node.shape[axis] for axis in kept),
                        kept,
                        dict(enumerate(bound, node.rank)),
                    )
            case Named(name=name, arg=arg):
                return auxiliary(name, self._of(arg, moving))
            case AxisMap(over=over) if times & set(over):
                pass
            case Add(terms=terms):
                return self._sum(terms, moving)
            case Contract(bound=bound):
                return self._product(node, moving)
            case _ if not isinstance(node, Scan):
                return node.rebuild([self._of(use, moving) for use in node.uses()])
        names = ", ".join(state.name for state in self._scan.states)
        raise UnsupportedError(
            f"in the recurrence of {names} a {type(node).__name__.lower()} joins several times of a state; refer to "
            "fixed distances back, as in h[t - 1, k]"
        )

    def _gather(self, node: Gather, times: frozenset[int]) -> Use:
        base = self._made.get((node.base.node, _base_times(node, times)))
        if base is None:
            base = self._hoisted(node.base.node, _base_times(node, times))
        return gather(base, self._positions([node.subs[axis] for axis in base.letters], set(times)))

    def _positions(self, subs: Sequence[Use], times: set[int]) -> list[Use]:
        """Subscripts at one step; what is a slice or a window stays one, and is no array from before the loop."""
        plain = all(affine(sub) is not None for sub in subs)

        def stays(sub: Use) -> bool:
            return (plain or isinstance(sub.node, Range)) and not times & set(sub.letters)

        return [sub if stays(sub) else self._of(sub, times) for sub in subs]

    def _sum(self, terms: Sequence[tuple[Expr, Use]], times: set[int]) -> Use:
        """A sum whose parts from outside the loop are added up there, for all steps at once."""
        outside = [(c, use) for c, use in terms if use.node not in self._inside]
        inside = [(c, self._of(use, times)) for c, use in terms if use.node in self._inside]
        return add([*inside, (S.One, self._of(add(outside), times))] if outside else inside)

    def _product(self, node: Contract, times: set[int]) -> Use:
        """A product; a factor from outside is multiplied there into one that has all of its letters."""
        outside: list[list[tuple[Use, Expr]]] = []
        factors = []
        for use, exponent in sorted(node.factors, key=lambda factor: -len(factor[0].letters)):
            if use.node in self._inside:
                factors.append((self._of(use, times), exponent))
                continue
            group = next((g for g in outside if set(use.letters) <= set(g[0][0].letters)), None)
            if group is None:
                outside.append([(use, exponent)])
            else:
                group.append((use, exponent))
        factors += [(self._of(product_of_powers(group), times), S.One) for group in outside]
        return product_of_powers(factors, dict(enumerate(node.bound, node.rank)))

    def _hoisted(self, node: Node, times: frozenset[int]) -> Use:
        """A part of an array that is computed before the loop."""
        if isinstance(node, Const | Size) or number(own(node)) is not None:
            return own(node)
        if isinstance(node, Gather) and times:
            direct = self._direct(node, times)
            if direct is not None:
                return direct
        self.sources[node] = None
        return _entry(node, [S.Zero if axis in times else None for axis in range(node.rank)])

    def _direct(self, node: Gather, times: frozenset[int]) -> Use | None:
        """An entry of h[1:] as an entry of h."""
        offsets: list[Expr | None] = []
        letters = []
        for sub, side in zip(node.subs, node.base.node.shape, strict=True):
            found = along_one(sub)
            if found is None or found[0] is None or found[1] != 1:
                return None
            if found[0] in times:
                offsets.append(found[2])
            elif isinstance(sub.node, Range) and sub.node.shape == (side,):
                offsets.append(None)
                letters.append(found[0])
            else:
                return None
        if len(offsets) - len(letters) != len(times) or len(set(letters)) < len(letters):
            return None
        self.sources[node.base.node] = None
        return place(Use(_entry(node.base.node, offsets).node, tuple(range(len(letters)))), letters)


def _key(use: Use, times: set[int]) -> Key:
    return use.node, frozenset(axis for axis, letter in enumerate(use.letters) if letter in times)


def _base_times(node: Gather, times: frozenset[int]) -> frozenset[int]:
    """The axes of the base that are subscripted with the time alone."""
    return frozenset(
        axis for axis, sub in enumerate(node.subs) if isinstance(sub.node, Range) and sub.letters[0] in times
    )


def _entry(source: Node, offsets: Sequence[Expr | None]) -> Use:
    """An entry, in the letters of the axes that are left."""
    kept = [axis for axis, offset in enumerate(offsets) if offset is None]
    made = intern(Entry, tuple(source.shape[axis] for axis in kept), source, tuple(offsets))
    return Use(made, tuple(kept))
