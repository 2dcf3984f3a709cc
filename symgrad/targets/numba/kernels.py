"""Functions with kernels: their statements in stretches, of which those that a kernel can do are compiled together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, takewhile

from sympy import Dummy, Expr, S, Symbol

from symgrad.statements.arithmetic import operation
from symgrad.statements.axes import Axes
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Length,
    Operation,
    Read,
    Shape,
    Size,
    Total,
    buffers_of,
    parts_of,
    symbols_of,
)
from symgrad.statements.needed import needed
from symgrad.statements.operations import declared, memory_of
from symgrad.statements.spaces import UnknownAxes
from symgrad.statements.statements import Body, Comment, Define, Kernel, Loop, Once, Rows, Statement, every
from symgrad.targets.numba.flat import Spread
from symgrad.targets.numba.functions import COSTLY, OWN
from symgrad.targets.numba.in_place import in_arrays, written_into
from symgrad.targets.numba.nests import nested
from symgrad.targets.numba.reading import Reader
from symgrad.targets.numba.split import Split, roots_of, stretches
from symgrad.targets.numba.steps import Item, NotNative, Step, Steps, all_steps
from symgrad.targets.numba.text import KIND, LEAST, TYPES, WHOLE, KernelText

# Operations of a kernel, of which costly ones count twice: its call costs as much as so many of NumPy's.
LEAST_ARRAYS, LEAST_NUMBERS = 2, 12


# What kernels call: no variable of the function may hide it
RESERVED = frozenset({"abs", "math", "min", "range"})


@dataclass(frozen=True)
class Compiled:
    """A kernel as it stands in a module: its name, what it takes, its lines, and the functions of `runtime` in them."""

    name: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    calls: frozenset[str]


@dataclass
class Kernels:
    """Makes kernels of one function.

    Attributes
    ----------
    function : its name.
    taken : the names of its variables.
    made : its kernels.
    left : the operations that stay with NumPy.
    """

    function: str
    taken: set[str]
    axes: Axes = field(default_factory=Axes)
    made: list[Compiled] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    _roots: dict[Buffer, set[Buffer]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def body(self, body: Body) -> Body:
        """The function with calls of kernels."""
        try:
            list(self.axes.follow(body.statements))
        except UnknownAxes:
            return body
        self.taken |= {buffer.name for one in every(body.statements) for buffer in one.mentions}
        self.taken |= {one.clock for one in every(body.statements) if isinstance(one, Loop)}
        self.taken |= {str(s) for shape in self.axes.known.values() for side in shape for s in S(side).free_symbols}
        return needed(self._body(body))

    def _body(self, body: Body, ends: bool = True) -> Body:
        """The same with kernels; `ends` says whether what nothing reads after a statement is free then."""
        split = Split(self.axes, self.taken, self._loop)
        for statement in body.statements:
            if not isinstance(statement, Comment):
                split.statement(self._rows(statement) if isinstance(statement, Rows) else statement)
        results = tuple(map(split.result, body.results))
        found: list[Statement] = []
        self._roots |= roots_of(split.parts)
        all_of_them = list(stretches(split.parts))
        for n, (native, stretch) in enumerate(all_of_them):
            rest = [one for _, other in all_of_them[n + 1 :] for one in other]
            read = {b for one in rest for b in one.mentions} | {b for one in results for b in buffers_of(one)}
            free = self._free(found, read) if native and ends else set()
            found += self._kernel(stretch, read, free) if native else stretch
            self.left |= set() if native else set(_left(stretch))
        return Body(tuple(found), results)

    def _rows(self, rows: Rows) -> Rows:
        first = rows.body[:1] if rows.body and isinstance(rows.body[0], Once) else ()
        inner = self._body(Body(rows.body[len(first) :], rows.returned))
        return replace(rows, body=(*first, *inner.statements), returned=inner.results)

    def _loop(self, loop: Loop) -> Loop:
        return replace(loop, body=self._body(Body(loop.body, ()), ends=False).statements)

    def _free(self, before: Sequence[Statement], read: set[Buffer]) -> set[Buffer]:
        """The arrays that a function has made, after its last rows if it has some, and does not read any more.

        Those from before its rows are not its own: who calls it part by part may give them again.
        """
        made: set[Buffer] = set()
        for statement in takewhile(lambda one: not isinstance(one, Rows), reversed(before)):
            if isinstance(statement, Kernel) or (
                isinstance(statement, Define) and memory_of(statement.expression) == "new"
            ):
                made.update(statement.defines)
        return made - {root for buffer in read for root in self._memory(buffer)}

    def _kernel(self, statements: Sequence[Statement], read: set[Buffer], free: set[Buffer]) -> list[Statement]:
        """A kernel of these statements, or themselves where there is nothing to win."""
        if not _is_worth_it(statements, self.axes):
            return list(statements)
        results = tuple(b for one in statements for b in one.defines if b in read)
        try:
            reader = Reader(self.axes, self.taken)
            steps = reader.items(statements)
            again = written_into(steps, results, free - set(results), self.axes.known)
            steps = tuple(in_arrays(step, again) for step in steps) if again else steps
            reader.made -= again.keys()
            made, kernel = self._compiled(reader, steps, tuple(b for b in results if b not in again))
        except (NotNative, UnknownAxes):
            return list(statements)
        self.made.append(made)
        return [kernel, *(Define(result, Read(array)) for result, array in again.items())]

    def _memory(self, buffer: Buffer) -> set[Buffer]:
        return {buffer, *self._roots.get(buffer, ())}

    def _compiled(
        self, reader: Reader, ordered: Sequence[Item], results: tuple[Buffer, ...]
    ) -> tuple[Compiled, Kernel]:
        if hidden := RESERVED & self.taken:
            raise NotNative(f"a variable called {min(hidden)}")
        spread = Spread(reader.lengths, reader.array, reader.made.difference(results))
        items = nested(ordered, spread)
        steps = list(all_steps(items))
        accessed = dict.fromkeys(a.buffer for step in steps for a in (*step.reads, step.write))
        given = [buffer for buffer in accessed if buffer not in reader.made]
        changed = tuple(dict.fromkeys(step.buffer for step in steps if step.buffer not in reader.made))
        if any(self._memory(one) & self._memory(other) for one in changed for other in given if one != other):
            raise NotNative("an array that is changed under one name and read under another")
        shapes = self.axes.known | {b: b.shape for b in accessed if b not in self.axes.known and b.shape is not None}
        groups, left = _groups(results, shapes)
        written = KernelText(items, frozenset({*given, *results}), shapes, frozenset(self.taken))
        body = written.lines()
        arrays = [*((b, s) for b, s in written.allocations if b not in given)]
        arrays += [(b, shapes[b]) for b in reader.empty if b in results and b not in dict(arrays)]
        sizes = _sizes(items, [side for _, sides in arrays for side in sides if side not in written.row_counts], reader)
        known, taken = _lengths(given, shapes, sizes)
        least = any(isinstance(p, Operation) and p.head == "least_number" for s in steps for p in _all(s))
        whole = sorted(
            {s for step in steps for p in _all(step) if isinstance(p, Size) for s in p.value.free_symbols}, key=str
        )
        called = [
            *map(Read, given),
            *map(Length, taken),
            *map(Size, whole),
            *([operation("least_number")] if least else []),
        ]
        names = [b.name for b in given] + [str(s) for s in taken] + [f"{WHOLE}{s}" for s in whole] + [LEAST] * least
        lines = [
            *known,
            *_kind(given, shapes, any(b.kind == "real" for b, _ in arrays) or any(g[0].kind == "real" for g in groups)),
        ]
        lines += written.rows
        lines += [f"{b.name} = np.empty({written.sides(sides)}, {TYPES[b.kind]})" for b, sides in arrays]
        lines += [*written.flat, *body, *_returned(groups, left)]
        name = f"_{self.function}_kernel{'' if (n := next(self._numbers)) == 1 else f'_{n}'}"
        return Compiled(name, tuple(names), tuple(lines), _calls(steps)), Kernel(
            name, tuple(called), changed, tuple(groups), tuple(left), tuple(shapes[b] for b in left)
        )


def _all(step: Step) -> list[Expression]:
    return [part for one in step.expressions for part in parts_of(one)]


def _calls(steps: Sequence[Step]) -> frozenset[str]:
    heads = {part.head for step in steps for part in _all(step) if isinstance(part, Operation)}
    return frozenset(f"_{OWN[name]}" for name in heads.union(step.how for step in steps) & OWN.keys()) | {"_plus"}


def _left(statements: Sequence[Statement]) -> Iterator[str]:
    """The operations of statements that are more than views."""
    for one in every([one for one in statements if not isinstance(one, Rows | Once)]):
        for expression in one.expressions:
            for part in parts_of(expression):
                if isinstance(part, Operation) and declared(part.head).memory in ("new", "unknown"):
                    yield part.head


def _is_worth_it(statements: Sequence[Statement], axes: Axes) -> bool:
    if any(isinstance(one, Loop) for one in statements):
        return True
    arrays = numbers = 0
    for one in statements:
        for expression in one.expressions:
            for part in parts_of(expression):
                if isinstance(part, Total | Operation) and not isinstance(part, Length):
                    shapes = [axes.shape(p) for p in (part, *part.operands) if isinstance(p, Total | Operation | Read)]
                    costly = isinstance(part, Operation) and part.head in COSTLY
                    arrays += any(shapes) * (1 + costly)
                    numbers += 1
    return arrays >= LEAST_ARRAYS or numbers >= LEAST_NUMBERS


def _sizes(items: Sequence[Item], sides: Sequence[Expr | int], reader: Reader) -> set[Symbol]:
    """The sizes that a kernel mentions."""
    steps = list(all_steps(items))
    found = {s for step in steps for letter in step.letters for s in reader.lengths[letter].free_symbols}
    for step in steps:
        found |= symbols_of(step.expressions)
    clocks = set[str]()
    stack = list(items)
    while stack:
        item = stack.pop()
        if isinstance(item, Steps):
            clocks.add(item.clock)
            found |= item.first.free_symbols | item.end.free_symbols
        stack += [] if isinstance(item, Step) else item.body
    if any(str(s) in clocks for side in sides for s in S(side).free_symbols):
        raise NotNative("an array whose size depends on the step")
    found |= {s for side in sides for s in S(side).free_symbols}
    return {s for s in found if not isinstance(s, Dummy) and str(s) not in clocks}


def _lengths(
    given: Sequence[Buffer], shapes: dict[Buffer, Shape], sizes: set[Symbol]
) -> tuple[list[str], list[Symbol]]:
    """Lines that read sizes off arrays, and the sizes that none has."""
    lines, left = [], []
    for size in sorted(sizes, key=str):
        at = next(((b, axis) for b in given for axis, side in enumerate(shapes[b]) if side == size), None)
        if at is None:
            left.append(size)
        else:
            lines.append(f"{size} = {at[0].name}.shape[{at[1]}]")
    return lines, left


def _kind(given: Sequence[Buffer], shapes: dict[Buffer, Shape], needs: bool) -> list[str]:
    """The line that reads the floating type off an argument."""
    if not needs:
        return []
    real = [b for b in given if b.kind == "real"]
    array = next((b for b in real if shapes[b]), None)
    if array is not None:
        return [f"{KIND} = {array.name}.dtype"]
    if not real:
        raise NotNative("a kernel without an argument of the floating type")
    return [f"{KIND} = np.full(1, {real[0].name}).dtype"]


def _groups(results: Sequence[Buffer], shapes: dict[Buffer, Shape]) -> tuple[list[tuple[Buffer, ...]], list[Buffer]]:
    """The results in the order in which a kernel returns them: numbers in an array for each kind, then all others."""
    kinds = ("real", "integer", "boolean")
    groups = [tuple(b for b in results if shapes[b] == () and b.kind == kind) for kind in kinds]
    return [group for group in groups if group], [b for b in results if shapes[b] != () or b.kind == "python"]


def _returned(groups: Sequence[tuple[Buffer, ...]], arrays: Sequence[Buffer]) -> list[str]:
    lines, names = [], []
    for group in groups:
        kind = group[0].kind
        names.append(f"_{kind}_numbers")
        lines.append(f"_{kind}_numbers = np.empty({len(group)}, {TYPES[kind]})")
        lines += [f"_{kind}_numbers[{n}] = {one.name}" for n, one in enumerate(group)]
    return [*lines, f"return {', '.join([*names, *(one.name for one in arrays)])}"]
