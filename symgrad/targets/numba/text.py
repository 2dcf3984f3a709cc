"""Kernels as text: loops over entries, sums in variables, and arrays for what outlives the loop that makes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sympy import Expr, S, Symbol

from symgrad.codegen.sizes import tuple_text
from symgrad.codegen.speller import ATOM, Speller
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Length,
    Number,
    Operation,
    Read,
    Shape,
    Size,
    Subscript,
    symbols_of,
)
from symgrad.targets.numba.functions import NUMBA, OWN
from symgrad.targets.numba.steps import Access, Blocks, Flat, Item, Nest, NotNative, Step, Steps, all_steps, plain

_LOOPS = "ijklmnpquv"  # the variables of loops, from the outermost one
_SIGNS = {"set": "", "add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
BLOCK = 64  # entries of a loop in blocks: several are computed at a time, and their arrays stay in the first cache
ENTRIES = 1024  # of a block whose entries are in one loop: 8 kB in each of its arrays, which stay in the first cache
# names of the floating type, its least number, and, in front of them, of sizes of whole arrays in a block of rows
KIND, LEAST, WHOLE = "_kind", "_least", "_all_"
TYPES = {"real": KIND, "python": "np.float64", "integer": "np.int64", "boolean": "np.bool_"}


@dataclass
class KernelText:
    """The lines of the body of a kernel.

    Parameters
    ----------
    items : its loops.
    kept : the arrays that are whole: arguments and results.
    shapes : those of the variables.
    taken : names that no variable of a loop may have.
    """

    items: Sequence[Item]
    kept: frozenset[Buffer]
    shapes: Mapping[Buffer, Shape]
    taken: frozenset[str]
    _owner: dict[Symbol, Nest | Flat] = field(default_factory=dict)
    _blocks: dict[Symbol, Blocks] = field(default_factory=dict)
    _starts: dict[int, str] = field(default_factory=dict)  # the variables in which blocks start, that run
    _loops: list[str] = field(default_factory=list)
    _speller: Speller = field(default_factory=lambda: Speller(NUMBA, KIND))
    _seconds: dict[int, tuple[str, str]] = field(default_factory=dict)  # what reductions in order need beside
    _begun: set[int] = field(default_factory=set)
    _running: dict[int, str] = field(default_factory=dict)  # the variables of sums, by the steps
    _sizes: dict[int, str] = field(default_factory=dict)  # how many entries blocks have
    _views: dict[Buffer, Buffer] = field(default_factory=dict)  # arrays as all of their entries, by rows

    def __post_init__(self) -> None:
        self._own(self.items)
        names = [*_LOOPS, *(f"{name}_{n}" for n in range(2, 9) for name in _LOOPS)]
        self._loops = [name for name in names if name not in self.taken]

    def _own(self, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Nest):
                self._owner.update(dict.fromkeys(item.letters, item))
            if isinstance(item, Blocks):
                self._blocks.update(dict.fromkeys(item.letters, item))
                if item.width is not None:
                    self._sizes[id(item)] = self._fresh("rows")
            if isinstance(item, Flat):
                self._owner.update(dict.fromkeys(item.letters, item))
                for access in (item.body[0].write, *item.body[0].reads):
                    if (buffer := access.buffer) not in self._views:
                        self._views[buffer] = Buffer(self._fresh(f"{buffer.name}_flat"))
            if not isinstance(item, Step):
                self._own(item.body)

    @cached_property
    def accesses(self) -> dict[Buffer, list[Access]]:
        found: dict[Buffer, list[Access]] = {}
        for step in all_steps(self.items):
            for access in (step.write, *step.reads):
                found.setdefault(access.buffer, []).append(access)
        return found

    @cached_property
    def stored(self) -> dict[Buffer, tuple[int, ...]]:
        """The axes along which variables are arrays; along others only one entry is there at a time."""
        return {buffer: self._stored(buffer, found) for buffer, found in self.accesses.items()}

    def _stored(self, buffer: Buffer, found: Sequence[Access]) -> tuple[int, ...]:
        rank = len(found[0].places)
        if buffer in self.kept:
            return tuple(range(rank))
        axes = []
        for axis in range(rank):
            owners = {id(self._owner.get(letter)) if (letter := plain(a.places[axis])) else None for a in found}
            fixed = {a.places[axis] for a in found}
            loop = len(owners) == 1 and None not in owners and id(None) not in owners
            alone = len(fixed) == 1 and fixed == {Length(S.Zero)}
            if not (loop or alone):
                axes.append(axis)
        return tuple(axes)

    @cached_property
    def in_blocks(self) -> frozenset[tuple[Buffer, int]]:
        """The axes of arrays along which only a block is there at a time."""
        found = set()
        for buffer, axes in self.stored.items():
            for axis in axes if buffer not in self.kept else ():
                owners = {id(self._blocks.get(plain(a.places[axis]))) for a in self.accesses[buffer]}
                if len(owners) == 1 and id(None) not in owners:
                    found.add((buffer, axis))
        return frozenset(found)

    @property
    def allocations(self) -> Iterator[tuple[Buffer, tuple[Expr | int, ...]]]:
        """The arrays that the kernel makes, in the order of their first use."""
        for buffer in dict.fromkeys(step.buffer for step in all_steps(self.items)):
            if axes := self.stored[buffer]:
                sides, blocks = self.shapes[buffer], self.in_blocks
                yield buffer, tuple(self._rows(buffer, n) if (buffer, n) in blocks else sides[n] for n in axes)

    def _rows(self, buffer: Buffer, axis: int) -> Expr | int:
        """How many entries of an axis a block has."""
        letter = plain(self.accesses[buffer][0].places[axis])
        assert letter is not None
        size = self._sizes.get(id(self._blocks[letter]))
        return BLOCK if size is None else Symbol(size, integer=True)

    @property
    def row_counts(self) -> set[Expr]:
        """The sides of arrays that are as long as blocks, which the kernel makes itself."""
        return {Symbol(name, integer=True) for name in self._sizes.values()}

    @property
    def rows(self) -> list[str]:
        """The lines that say how many rows blocks have whose entries are in one loop."""
        made = {id(item): item for item in self._blocks.values() if item.width is not None}
        return [f"{self._sizes[n]} = 1 + {ENTRIES} // max({self._size(S(b.width), {})}, 1)" for n, b in made.items()]

    @property
    def flat(self) -> list[str]:
        """The lines that name arrays as all of their entries."""
        return [f"{view.name} = {buffer.name}.ravel()" for buffer, view in self._views.items()]

    # --- lines --------------------------------------------------------------------------------------------------------

    def sides(self, sides: Sequence[Expr | int]) -> str:
        """A shape; N − 1 entries are none where N is 0."""
        return tuple_text([self._side(S(side)) for side in sides])

    def _side(self, side: Expr) -> str:
        found = self._speller.size(side)
        may_be_negative = any(c.is_negative for c in side.expand().as_coefficients_dict().values())
        return f"max({found}, 0)" if may_be_negative else found

    def lines(self) -> list[str]:
        """All lines of the loops."""
        return self._block(self.items, {}, 0)

    def _block(self, items: Sequence[Item], env: dict[Symbol, str], depth: int) -> list[str]:
        made: list[str] = []
        for item in items:
            match item:
                case Step():
                    lines = self._step(item, env)
                    if item.only is not None and symbols_of([item.only]) >= {*item.letters}:
                        lines = [f"if {self._text(item.only, env)}:", *_indented(lines)]
                    made += lines
                case Nest():
                    made += self._nest(item, env, depth)
                case Blocks():
                    made += self._in_blocks(item, env, depth)
                case Steps():
                    made += self._steps(item, env, depth)
        return made

    def _steps(self, item: Steps, env: dict[Symbol, str], depth: int) -> list[str]:
        first, end = self._size(item.first, env), self._size(item.end, env)
        if item.descending:
            last = self._size(item.first - 1, env)
            head = f"for {item.clock} in range({self._size(item.end - 1, env)}, {last}, -1):"
        else:
            head = f"for {item.clock} in range({first}, {end}):"
        return [head, *_indented(self._block(item.body, env, depth) or ["pass"])]

    def _nest(self, nest: Nest, env: dict[Symbol, str], depth: int, span: str = "") -> list[str]:
        variable = self._loops[depth]
        inner = env | dict.fromkeys(nest.letters, variable)
        before, after = self._reductions(nest, env)
        body = self._block(nest.body, inner, depth + 1)
        span = span or self._size(nest.length, env)
        lines = [f"for {variable} in range({span}):", *_indented(body)]
        return [*before, *self._where(nest, env, lines), *after]

    def _where(self, nest: Nest, env: dict[Symbol, str], lines: list[str]) -> list[str]:
        """A loop that is only needed somewhere, of what its steps tell the same outside it."""
        conditions = {step.only for step in all_steps(nest.body)}
        only = next(iter(conditions)) if len(conditions) == 1 else None
        if only is None or nest.letters & symbols_of([only]):
            return lines
        return [f"if {self._text(only, env)}:", *_indented(lines)]

    def _flat(self, item: Flat, env: dict[Symbol, str], depth: int, start: str, stop: str) -> list[str]:
        """All entries of a block, one after the other."""
        variable = self._loops[depth]
        (step,) = item.body
        entry = Subscript(Read(step.buffer), step.places)
        first = Symbol(start, integer=True) * item.length
        target, value = (self._in_rows(one, Symbol(variable, integer=True), first) for one in (entry, step.value))
        self._speller.lengths = dict(env)
        line = f"{self._speller.text(target)} = {self._speller.text(value)}"
        width = self._speller.at(Length(item.length), ATOM)
        return [f"for {variable} in range(({stop} - {start}) * {width}):", *_indented([line])]

    def _in_rows(self, value: Expression, entry: Expr, first: Expr) -> Expression:
        """An expression of arrays as all of their entries, of whole arrays from the first one of the block on."""
        match value:
            case Subscript(array=Read(buffer=buffer)):
                place = entry if (buffer, 0) in self.in_blocks else first + entry
                return Subscript(Read(self._views[buffer]), (Length(place),))
        return value.rebuilt([self._in_rows(part, entry, first) for part in value.operands])

    def _in_blocks(self, item: Blocks, env: dict[Symbol, str], depth: int) -> list[str]:
        before, after = self._reductions(item, env)
        number = len({*self._starts.values()}) + 1
        start, stop = (self._fresh(f"{end}{'' if number == 1 else f'_{number}'}") for end in ("start", "stop"))
        self._starts |= {id(item): start}
        length = self._size(item.length, env)
        rows = self._sizes.get(id(item), str(BLOCK))
        lines = [f"{stop} = min({start} + {rows}, {length})"]
        for part in item.body:
            if isinstance(part, Flat):
                lines += self._flat(part, env, depth, start, stop)
            else:
                lines += self._nest(part, env, depth, f"{start}, {stop}")
        return [*before, f"for {start} in range(0, {length}, {rows}):", *_indented(lines), *after]

    def _reductions(self, loop: Nest | Blocks, env: dict[Symbol, str]) -> tuple[list[str], list[str]]:
        """What stands before and after a loop that is the outermost one of reductions."""
        before, after = list[str](), list[str]()
        for step in all_steps(loop.body):
            outermost = not any(letter in env for letter in step.over) and loop.letters & set(step.over)
            if step.reduces and outermost and id(step) not in self._begun:
                self._begun.add(id(step))
                start, end = self._reduction(step, env)
                before += start
                after += end
        return before, after

    def _reduction(self, step: Step, env: dict[Symbol, str]) -> tuple[list[str], list[str]]:
        """What stands before and after the outermost loop of a reduction."""
        assert step.initial is not None
        initial = self._text(step.initial, env)
        if step.how == "add" and step.buffer.kind == "real":
            initial = "0.0"
        open_axes = [
            axis
            for axis in self.stored[step.buffer]
            if (letter := plain(step.places[axis])) in self._owner and letter not in env
        ]
        bound = all(letter in env for letter in step.kept if letter in self._owner)
        if not bound and not open_axes:  # the entries are made inside, one at a time
            raise NotNative("a sum around the loops of its entries")
        if open_axes:
            target = self._target(step, env, dict.fromkeys(open_axes, ":"))
            return [f"{target} = {initial}"], []
        if not self.stored[step.buffer]:
            name, after = step.buffer.name, list[str]()
            before = [f"{name} = {initial}"]
        else:
            name = self._fresh(f"_{step.buffer.name}")
            before, after = [f"{name} = {initial}"], [f"{self._target(step, env)} = {name}"]
        self._running[id(step)] = name
        if step.how in ("rest", "argmax"):
            self._seconds[id(step)] = self._fresh(f"_best_{name}"), self._fresh(f"_next_{name}")
            before.append(f"{self._seconds[id(step)][0]} = {'0.0' if step.how == 'rest' else '-1.0'}")
        return before, after

    def _step(self, step: Step, env: dict[Symbol, str]) -> list[str]:
        value = self._text(step.value, env)
        running = self._running.get(id(step))
        if running is not None:
            return self._joined(step, running, value, env)
        target = self._target(step, env)
        if step.how in ("maximum", "minimum"):
            return [f"{target} = _{OWN[step.how]}({target}, {value})"]
        if step.how == "or":
            return [f"{target} = {target} | {value}"]
        if step.how not in _SIGNS:
            raise NotNative(step.how)
        return [f"{target} {_SIGNS[step.how]}= {value}"]

    def _joined(self, step: Step, running: str, value: str, env: dict[Symbol, str]) -> list[str]:
        """The next value of a reduction."""
        match step.how:
            case "add" if step.buffer.kind == "real":
                return [f"{running} = _plus({running}, {value})"]
            case "add":
                return [f"{running} += {value}"]
            case "maximum" | "minimum":
                return [f"{running} = _{OWN[step.how]}({running}, {value})"]
            case "or":
                return [f"{running} = {running} | {value}"]
        best, following = self._seconds[id(step)]
        lines = [f"{following} = {value}", f"if {following} > {best}:"]
        if step.how == "rest":
            lines += [f"    {running} += {best}", f"    {best} = {following}"]
            return [*lines, "else:", f"    {running} += {following}"]
        (letter,) = step.over
        return [*lines, f"    {best} = {following}", f"    {running} = {env[letter]}"]

    def _target(self, step: Step, env: dict[Symbol, str], wide: Mapping[int, str] | None = None) -> str:
        axes = self.stored[step.buffer]
        places = [(wide or {}).get(axis) or self._text(self._place(step.write, axis), env) for axis in axes]
        if not places:
            return step.buffer.name
        return f"{step.buffer.name}[{', '.join(places)}]"

    # --- expressions --------------------------------------------------------------------------------------------------

    def _text(self, expression: Expression, env: Mapping[Symbol, str]) -> str:
        self._speller.lengths = dict(env)
        return self._speller.text(self._seen(expression))

    def _size(self, size: Expr, env: Mapping[Symbol, str]) -> str:
        self._speller.lengths = dict(env)
        return self._speller.size(size)

    def _seen(self, expression: Expression) -> Expression:
        """An expression as it reads what is stored, which may have fewer axes."""
        match expression:
            case Subscript(array=Read(buffer=buffer), places=places):
                access = Access(buffer, places)  # type: ignore[arg-type]
                kept = [self._seen(self._place(access, axis)) for axis in self.stored[buffer]]
                return Subscript(expression.array, tuple(kept)) if kept else expression.array
            case Read() | Length() | Number():
                return expression
            case Size(value=value):
                return Length(value.xreplace({s: Symbol(f"{WHOLE}{s}") for s in value.free_symbols}))
            case Operation(head="least_number"):
                return Read(Buffer(LEAST))
            case Operation(head="invert", parts=parts):  # of truth values, which Numba takes for integers
                return Operation("logical_not", tuple(map(self._seen, parts)))
        return expression.rebuilt([self._seen(part) for part in expression.operands])

    def _place(self, access: Access, axis: int) -> Expression:
        """An index along an axis as it is stored."""
        place = access.places[axis]
        if (access.buffer, axis) not in self.in_blocks:
            return place
        letter = plain(place)
        assert letter is not None
        return Length(letter - Symbol(self._starts[id(self._blocks[letter])], integer=True))

    def _fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken |= {name}
        return name


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
