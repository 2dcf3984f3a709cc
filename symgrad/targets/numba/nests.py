"""Fuses steps: those over axes of one length become one loop, and inside it again, as far as what they read allows.

A step joins the loop of an earlier one unless it reads, in another place than the loop stands at, what the earlier one
writes: another row, or the sum of all rows. What stands between them and needs neither comes before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Symbol

from symgrad.statements.expressions import Buffer, Operation, parts_of, symbols_of
from symgrad.targets.numba.flat import Spread, is_flat
from symgrad.targets.numba.functions import COSTLY
from symgrad.targets.numba.overlaps import Pairs, told_apart
from symgrad.targets.numba.steps import IN_ORDER, Access, Blocks, Flat, Item, Nest, Step, Steps, all_steps, plain

UNROLLED = 16  # a shorter loop is none: compilers write its turns one after the other


def nested(items: Sequence[Item], spread: Spread) -> tuple[Item, ...]:
    """The steps in loops."""
    users: dict[Buffer, set[int]] = {}
    writers: dict[Buffer, int] = {}
    for step in all_steps(items):
        writers[step.buffer] = writers.get(step.buffer, 0) + 1
        for buffer in (step.buffer, *(access.buffer for access in step.reads)):
            users.setdefault(buffer, set()).add(id(step))
    return _Fusion(spread, users, writers).nested(items, frozenset())


@dataclass
class _Fusion:
    spread: Spread
    users: Mapping[Buffer, set[int]]  # the steps that read or write a variable
    writers: Mapping[Buffer, int]  # how many write it
    _clocks: set[str] = field(default_factory=set)
    _flat: set[int] = field(default_factory=set)  # the steps that are loops over all entries of rows

    @property
    def lengths(self) -> Mapping[Symbol, Expr]:
        """Those of the letters."""
        return self.spread.lengths

    def nested(self, items: Sequence[Item], bound: frozenset[Symbol]) -> tuple[Item, ...]:
        made: list[Item] = []
        left = list(items)
        while left:
            first = left[0]
            if isinstance(first, Steps):
                self._clocks.add(first.clock)
                made.append(replace(first, body=self.nested(first.body, bound)))
                left.pop(0)
                continue
            assert isinstance(first, Step)
            open_letters = _open(first, bound)
            if not open_letters:
                made.append(left.pop(0))
                continue
            groups = [self._group(left, letter, bound, n == 0) for n, letter in enumerate(open_letters)]
            best = max(groups, key=lambda group: (not self._is_strided(group, bound), len(group.steps)))
            made += self.nested(best.before, bound)
            length = self.lengths[best.letter]
            made += self._loop(length, best.steps, bound)
            left = best.after
        return tuple(made)

    def _is_strided(self, group: "_Group", bound: frozenset[Symbol]) -> bool:
        """Whether a loop leaves to those inside it mostly entries that are a row apart in memory."""
        return sum(self._apart(step, letter, bound) for step, letter in group.steps) > 0

    def _apart(self, step: Step, letter: Symbol, bound: frozenset[Symbol]) -> int:
        """How many more of its entries a loop leaves a row apart than side by side; a few of them are no loop."""
        apart = 0
        for access in (step.write, *step.reads):
            found = [symbol for place in access.places if (symbol := plain(place)) in self.lengths]
            letters = [symbol for symbol in found if symbol not in bound and not self._is_short(symbol)]
            if len(letters) > 1 and letter in letters:
                apart += 1 if letters[-1] == letter else -1
        return apart

    def _is_short(self, letter: Symbol | None) -> bool:
        length = self.lengths[letter]
        return bool(length.is_Integer and length <= UNROLLED)

    def _loop(self, length: Expr, steps: Sequence[tuple[Step, Symbol]], bound: frozenset[Symbol]) -> list[Item]:
        """A loop of steps; with those that compute costly numbers in loops of their own, for a block of entries."""
        steps = self._with_flat(length, steps, bound)
        parts = self._parts(steps, bound)
        made = [loop for part in parts for loop in self._loops(length, part, bound)]
        return [Blocks(length, frozenset(letter for _, letter in steps), tuple(made))] if len(parts) > 1 else [*made]

    def _loops(self, length: Expr, steps: Pairs, bound: frozenset[Symbol]) -> Sequence[Nest | Flat]:
        """The loops of steps that are done for the same entries: of single numbers, more than one if costly."""
        flat = self._flat_loop(*steps[0], bound)
        if flat is not None:
            return [flat]
        alone = all(not _open(step, bound | {letter}) for step, letter in steps)
        apart = [steps]
        if alone and any(_is_costly(step) for step, _ in steps):
            own = {id(step) for step, _ in steps}
            inside = {buffer for buffer, users in self.users.items() if users <= own and self.writers.get(buffer) == 1}
            apart = told_apart(steps, inside.intersection(self.spread.temporary))
        return [self._nest(length, one, bound) for one in apart]

    def _flat_loop(self, step: Step, letter: Symbol, bound: frozenset[Symbol]) -> Flat | None:
        if id(step) not in self._flat:
            return None
        (place,) = _open(step, bound | {letter})
        return Flat(self.lengths[place], frozenset((letter, place)), (step,))

    def _is_fixed(self, *lengths: Expr) -> bool:
        """Whether sizes are the same at all steps of loops over time."""
        return not {str(symbol) for length in lengths for symbol in length.free_symbols} & self._clocks

    def _with_flat(
        self, length: Expr, steps: Sequence[tuple[Step, Symbol]], bound: frozenset[Symbol]
    ) -> list[tuple[Step, Symbol]]:
        """The steps of a loop over rows, with costly entries of rows that are summed up as steps of their own."""
        summed = {
            self.lengths[x] for step, letter in steps if step.reduces for x in step.over if x not in {letter, *bound}
        }
        made: list[tuple[Step, Symbol]] = []
        for step, letter in steps:
            inner = _open(step, bound | {letter})
            costly = step.only is None and _is_costly(step)
            if costly and len(inner) == 1 and self._is_fixed(length, side := self.lengths[inner[0]]) and side in summed:
                found = self.spread.steps(step, (letter, inner[0]))
                self._flat |= {id(one) for one, letters in found if is_flat(one, letters)}
                made += [(one, own) for one, (own, _) in found]
            else:
                made.append((step, letter))
        return made

    def _nest(self, length: Expr, steps: Sequence[tuple[Step, Symbol]], bound: frozenset[Symbol]) -> Nest:
        letters = frozenset(letter for _, letter in steps)
        return Nest(length, letters, self.nested([step for step, _ in steps], bound | letters))

    def _parts(self, steps: Sequence[tuple[Step, Symbol]], bound: frozenset[Symbol]) -> list[list[tuple[Step, Symbol]]]:
        """The steps of a loop in turns, of numbers and of more loops, if numbers are costly and there are loops."""
        alone = [not _open(step, bound | {letter}) for step, letter in steps]
        costly = any(one and _is_costly(step) for one, (step, _) in zip(alone, steps, strict=True))
        flat = [id(step) in self._flat for step, _ in steps]
        if not any(flat) and (not costly or all(alone)):
            return [list(steps)]
        kinds = ["flat" if both else "numbers" if one else "loops" for both, one in zip(flat, alone, strict=True)]
        left = list(zip(kinds, steps, strict=True))
        made = []
        while left:
            for wanted in ("loops", "flat", "numbers"):
                group, later = _Group(steps[0][1]), []
                for kind, (step, letter) in left:
                    between = wanted == "loops" and kind == "numbers" and any(flat) and not _is_costly(step)
                    room = wanted != "flat" or not group.steps
                    if (kind == wanted or between) and room and group.is_free(step):
                        group.join(step, letter)
                    else:
                        group.put_off(step)
                        later.append((kind, (step, letter)))
                left = later
                made += [group.steps] if group.steps else []
        return made

    def _group(self, items: Sequence[Item], letter: Symbol, bound: frozenset[Symbol], first_letter: bool) -> "_Group":
        """The steps that can be in one loop with the first one, which is over this letter, its first or another."""
        group = _Group(letter)
        first, *others = items
        assert isinstance(first, Step)
        group.join(first, letter)
        length = self.lengths[letter]
        if not _is_done(first, letter):
            group.after += others
            return group
        for n, item in enumerate(others):
            late = isinstance(item, Step) and item.late
            if not group.is_free(item) or (late and not self._is_read(item, others[n + 1 :], group, bound)):
                group.put_off(item)
                continue
            fitting = self._fitting(item, length, group, bound, first_letter) if isinstance(item, Step) else None
            if fitting is not None:
                group.join(item, fitting)  # type: ignore[arg-type]
            elif group.is_apart(item):
                group.before.append(item)
            else:
                group.put_off(item)
        return group

    def _is_read(self, item: Item, later: Sequence[Item], group: "_Group", bound: frozenset[Symbol]) -> bool:
        """Whether all that reads what an item writes can be in the loop, too."""
        written = {step.buffer for step in all_steps([item])}
        return all(
            self._fitting(step, self.lengths[group.letter], group, bound, True) is not None
            for step in all_steps(later)
            if any(access.buffer in written for access in step.reads)
        )

    def _fitting(
        self, step: Step, length: Expr, group: "_Group", bound: frozenset[Symbol], alone: bool
    ) -> Symbol | None:
        """The letter by which a step joins: its first, or one along which it has to do with what is in the loop."""
        for n, letter in enumerate(_open(step, bound)):
            if (
                self.lengths[letter] == length
                and self._apart(step, letter, bound) <= 0
                and _is_done(step, letter)
                and ((alone and n == 0) or group.shares(step))
                and group.fits(step, letter)
            ):
                return letter
        return None


@dataclass
class _Group:
    """Steps in one loop, what comes before it, and what comes after it."""

    letter: Symbol
    steps: list[tuple[Step, Symbol]] = field(default_factory=list)
    before: list[Item] = field(default_factory=list)
    after: list[Item] = field(default_factory=list)
    _written: dict[Buffer, list[tuple[Access, Symbol]]] = field(default_factory=dict)
    _read: dict[Buffer, list[tuple[Access, Symbol]]] = field(default_factory=dict)
    _written_later: set[Buffer] = field(default_factory=set)
    _read_later: set[Buffer] = field(default_factory=set)

    def join(self, step: Step, letter: Symbol) -> None:
        self.steps.append((step, letter))
        self._written.setdefault(step.buffer, []).append((step.write, letter))
        for access in step.reads:
            self._read.setdefault(access.buffer, []).append((access, letter))

    def put_off(self, item: Item) -> None:
        self.after.append(item)
        for step in all_steps([item]):
            self._written_later.add(step.buffer)
            self._read_later.update(access.buffer for access in step.reads)

    def is_free(self, item: Item) -> bool:
        """Whether an item may come before those that were put off."""
        for step in all_steps([item]):
            if step.buffer in self._written_later or step.buffer in self._read_later:
                return False
            if any(access.buffer in self._written_later for access in step.reads):
                return False
        return True

    def is_apart(self, item: Item) -> bool:
        """Whether an item may come before the loop."""
        for step in all_steps([item]):
            if step.buffer in self._written or step.buffer in self._read:
                return False
            if any(access.buffer in self._written for access in step.reads):
                return False
        return True

    def shares(self, step: Step) -> bool:
        """Whether a step has an array with the others in common."""
        mine = {step.buffer, *(access.buffer for access in step.reads if access.places)}
        return not mine.isdisjoint(self._written) or not mine.isdisjoint(self._read)

    def fits(self, step: Step, letter: Symbol) -> bool:
        """Whether a step can be in the loop: it meets what the others write, or read and it writes, where it stands."""
        pairs = [(access, there) for access in step.reads for there in self._written.get(access.buffer, ())]
        pairs += [(step.write, there) for there in self._written.get(step.buffer, ())]
        pairs += [(step.write, there) for there in self._read.get(step.buffer, ())]
        return all(_meet(access, letter, *there) for access, there in pairs)


def _is_costly(step: Step) -> bool:
    return any(isinstance(part, Operation) and part.head in COSTLY for part in parts_of(step.value))


def _is_done(step: Step, letter: Symbol) -> bool:
    """Whether a step can share a loop over a letter: it is done for all of its values, or tells of each itself."""
    return step.only is None or letter in symbols_of([step.only])


def _open(step: Step, bound: frozenset[Symbol]) -> list[Symbol]:
    """The letters that a step can have a loop of next."""
    left = [letter for letter in step.letters if letter not in bound]
    first = [letter for letter in left if letter in step.kept]
    return first if first and step.how in IN_ORDER else left


def _meet(one: Access, its: Symbol, other: Access, others: Symbol) -> bool:
    """Whether two accesses to an array are, in a loop, always of the same part of it."""
    if not one.places and not other.places:
        return False  # a number that all turns of the loop share
    pairs: Iterable[tuple[Symbol | None, Symbol | None]] = [
        (plain(a), plain(b)) for a, b in zip(one.places, other.places, strict=True)
    ]
    return (its, others) in pairs
