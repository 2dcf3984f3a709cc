"""What a legal function of statements is; checked between passes in the tests, and where `SYMGRAD_VALIDATE=1` is set.

* A variable is defined before it is read or written to, once, and under a name of its own; only the sums of a block of
  rows have the names of their variables inside it.
* Arguments are not written to.
* What is let go of is not read any more, and neither is a view of it: a view lives no longer than its array.
* What is written into an array fits: the shape of a definition is that of its array, that of a stored value broadcasts
  to that of its place, as far as shapes are known.
* What is returned is no array of a workspace, which the next call writes to, and no part of one.
* What is computed once for all calls is not written to, and not returned.
* Letters of a sum of products are those of its operands' axes, as many as they have axes.
* The clock of a loop is read inside it only, and not at all where nothing counts it.
* Every operation has axes, which follow from those of its operands and go together.
* Rows stand in no loop and no other rows. All have the same number of rows, and arrays of blocks, which are joined as
  `rows`, are kept for later rows, and read by nothing else. What a section between rows is given it does not write to
  where later parts take it, too: each of the parts of a seam can be called by itself.
"""

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sympy import Symbol

from symgrad.statements.axes import spaces_of
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Group,
    Kept,
    Operation,
    Read,
    buffers_of,
    parts_of,
    sizes_of,
)
from symgrad.statements.operations import Facts, facts, memory_of
from symgrad.statements.seam import Seam, Section, seam_of
from symgrad.statements.spaces import UnknownAxes
from symgrad.statements.statements import (
    Body,
    Called,
    Comment,
    Define,
    Kernel,
    Loop,
    Once,
    Release,
    Rows,
    Solve,
    Statement,
    Store,
    Unpack,
    every,
)


class IllegalStatement(AssertionError):
    """A statement that a function may not have; the message says which, and why."""


_LEGAL: deque[Body] = deque(maxlen=1)  # what was found legal last: most passes leave most functions as they are


def validated(body: Body, after: str) -> Body:
    """The function itself, checked if the environment asks for it; `after` names the pass that made it.

    A function that the pass left as it was when it was checked last is not checked again.
    """
    if os.environ.get("SYMGRAD_VALIDATE") == "1" and body not in _LEGAL:
        check(body, after)
        try:
            spaces_of(body)
        except UnknownAxes as problem:
            raise IllegalStatement(f"{problem} after {after}") from problem
        _LEGAL.append(body)
    return body


def check(body: Body, after: str = "") -> None:
    """Check that a function is legal.

    Raises
    ------
    IllegalStatement : it is not; names the statement, the variable, and the pass.
    """
    checker = _Checker(after)
    checker.statements(body.statements)
    for result in body.results:
        checker.returned(result, Comment("the results"))
    seam = seam_of(body)
    if seam is not None:
        checker.seam(seam)


@dataclass
class _Checker:
    after: str
    defined: set[Buffer] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    released: set[Buffer] = field(default_factory=set)
    memory: dict[Buffer, frozenset[Buffer]] = field(default_factory=dict)  # whose memory a variable may be part of
    clocks: set[str] = field(default_factory=set)  # of all loops so far
    kept: set[Buffer] = field(default_factory=set)  # arrays of a workspace
    same: set[Buffer] = field(default_factory=set)  # arrays that later calls read, too
    running: set[str] = field(default_factory=set)  # of the loops around

    def statements(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            self._statement(statement)

    def reads(self, expression: Expression, statement: Statement) -> None:
        """What an expression reads is there, and its letters are bound."""
        for part in parts_of(expression):
            if isinstance(part, Read):
                self._is_there(part.buffer, statement)
            elif isinstance(part, Operation) and part.head == "einsum":
                self._letters(part, statement)
        if ended := self.clocks - self.running:
            mentioned = {str(symbol) for size in sizes_of(expression) for symbol in size.free_symbols}
            if clocks := mentioned & ended:
                self._refuse(f"the clock {min(clocks)} is read outside its loop", statement)

    def returned(self, expression: Expression, statement: Statement) -> None:
        """What a function gives back is its own."""
        self.reads(expression, statement)
        if isinstance(expression, Group):
            for part in expression.parts:
                self.returned(part, statement)
        elif memory_of(expression) != "new":
            shared = {array for buffer in buffers_of(expression) for array in self.memory.get(buffer, ())}
            if shared & self.same:
                name = min(buffer.name for buffer in shared & self.same)
                self._refuse(f"{name} is the same for all calls, and may be part of a result", statement)
            if shared & self.kept:
                name = min(buffer.name for buffer in shared & self.kept)
                self._refuse(f"{name} is an array of the workspace, and may be part of a result", statement)

    def seam(self, seam: Seam) -> None:
        """The parts of a function with rows can be called one by one."""
        blocks: set[Buffer] = set()
        first, *_ = (rows.dimension for rows, _ in seam.rounds)
        for n, part in enumerate(seam.parts):
            where = part if isinstance(part, Rows) else Comment(part.name)
            if read := blocks.intersection(part.takes):
                self._refuse(f"{min(b.name for b in read)}, which is in blocks, is read at once", where)
            if isinstance(part, Section):
                later = {buffer for other in seam.parts[n + 1 :] for buffer in other.takes}
                self._spares(part, frozenset().union(*map(self._memory, later)))
                continue
            if part.dimension != first:
                self._refuse(f"there are rows of {first} and of {part.dimension}", where)
            if missing := set(part.kept) - blocks:
                self._refuse(f"{min(b.name for b in missing)} is not kept in blocks", where)
            blocks.update(b for b, join in zip(part.results, part.joins, strict=True) if join == "rows")

    def _spares(self, section: Section, arrays: frozenset[Buffer]) -> None:
        """A section does not write to these arrays if it was given them."""
        for statement in every(section.body):
            for buffer in statement.writes:
                if buffer in section.takes and self._memory(buffer) & arrays:
                    self._refuse(f"{buffer.name}, which later parts take, is written to", statement)

    def _memory(self, buffer: Buffer) -> frozenset[Buffer]:
        return self.memory.get(buffer, frozenset({buffer}))

    def _statement(self, statement: Statement) -> None:
        if isinstance(statement, Loop | Rows) and any(isinstance(one, Rows) for one in every(statement.inside)):
            self._refuse("there are rows inside", statement)
        for expression in statement.expressions if not isinstance(statement, Called) else ():
            self.reads(expression, statement)
        for buffer in statement.writes:
            self._is_there(buffer, statement)
            if buffer.owner == "argument":
                self._refuse(f"the argument {buffer.name} is written to", statement)
            if same := self._memory(buffer) & self.same:
                self._refuse(f"{min(b.name for b in same)}, which is the same for all calls, is written to", statement)
        match statement:
            case Define():
                self._define(statement)
            case Unpack(buffers=buffers) | Kernel(defines=buffers):
                for buffer in buffers:
                    self._introduce(buffer, statement, frozenset({buffer}))
            case Store():
                self._store(statement)
            case Loop(clock=clock, body=inside, streams=streams):
                for buffer, _ in streams:
                    self._introduce(buffer, statement, frozenset({buffer}))
                self.clocks.add(clock)
                self.running.add(clock)
                self.statements(inside)
                self.running.remove(clock)
            case Called():
                self._apart(statement)
            case Release(buffers=buffers):
                for buffer in buffers:
                    self._is_there(buffer, statement)
                self.released.update(buffers)
        self._views(statement)

    def _define(self, statement: Define) -> None:
        buffer, made = statement.buffer, facts(statement.expression)
        if made is not None and buffer.shape is not None and not _same(made.shape, buffer.shape):
            self._refuse(f"{buffer.name} of shape {buffer.shape} is given an array of shape {made.shape}", statement)
        out = statement.out
        if isinstance(out, Buffer) and out.shape is not None and made is not None and not _same(made.shape, out.shape):
            self._refuse(f"an array of shape {made.shape} is written into {out.name} of shape {out.shape}", statement)
        if buffer.shape == ():  # a number
            shared: frozenset[Buffer] = frozenset()
        elif isinstance(out, Kept | type(None)):
            shared = frozenset() if memory_of(statement.expression) == "new" or out else statement.reads
        else:
            shared = frozenset({out})
        arrays = frozenset({buffer}).union(*(self.memory.get(other, frozenset({other})) for other in shared))
        self._introduce(buffer, statement, arrays)
        into = isinstance(statement.expression, Operation) and statement.expression.head in (
            "zeros_into",
            "contiguous_into",
        )
        if isinstance(out, Kept) or isinstance(statement.expression, Kept) or into:
            self.kept.add(buffer)

    def _store(self, statement: Store) -> None:
        place, made = facts(statement.target), facts(statement.expression)
        if place is not None and made is not None and not _fits(made, place):
            self._refuse(f"an array of shape {made.shape} is stored in a place of shape {place.shape}", statement)

    def _apart(self, statement: Called) -> None:
        inside = _Checker(self.after, set(self.defined), set(self.names), set(self.released), dict(self.memory))
        inside.clocks, inside.same = self.clocks, set(self.same)
        if isinstance(statement, Solve):
            self.reads(statement.start, statement)
            inside._introduce(statement.tried, statement, frozenset({statement.tried}))
        inside.statements(statement.body)
        for expression in statement.returned:  # of a solution, Newton's method only reads
            (inside.reads if isinstance(statement, Solve) else inside.returned)(expression, statement)
        joined = statement.joins if isinstance(statement, Rows) else statement.results
        if not isinstance(statement, Solve) and not len(statement.returned) == len(statement.results) == len(joined):
            self._refuse("there are not as many results and joins as what a block of rows returns", statement)
        for buffer in statement.results:
            self._introduce(buffer, statement, frozenset({buffer}))
        if isinstance(statement, Once):
            self.same |= {buffer for buffer in statement.results if buffer.shape != ()}

    def _introduce(self, buffer: Buffer, statement: Statement, arrays: frozenset[Buffer]) -> None:
        if buffer.name in self.names:
            self._refuse(f"{buffer.name} is defined twice", statement)
        self.names.add(buffer.name)
        self.defined.add(buffer)
        self.memory[buffer] = arrays

    def _is_there(self, buffer: Buffer, statement: Statement) -> None:
        if buffer in self.released:
            self._refuse(f"{buffer.name} is read after it was let go of", statement)
        if buffer.owner == "local" and buffer.shape is not None and buffer not in self.defined:
            self._refuse(f"{buffer.name} is read before it is defined", statement)

    def _views(self, statement: Statement) -> None:
        """Nothing that is read is a view of an array that is gone, of which other variables are left."""
        for buffer in statement.reads:
            gone = self.memory.get(buffer, frozenset()) & self.released
            if gone and buffer not in self.released and not isinstance(statement, Release):
                self._refuse(
                    f"{buffer.name} may be part of {min(b.name for b in gone)}, which was let go of", statement
                )

    def _letters(self, operation: Operation, statement: Statement) -> None:
        inside, out = operation.option("letters")
        known = [facts(part) for part in operation.parts]
        if len(inside) != len(operation.parts) or not set(out) <= set("".join(inside)):
            self._refuse(f"letters {inside} -> {out} are not bound", statement)
        for letters, part in zip(inside, known, strict=True):
            if part is not None and len(part.shape) != len(letters):
                self._refuse(f"an array of shape {part.shape} has letters {letters!r}", statement)

    def _refuse(self, what: str, statement: Statement) -> None:
        where = f" after {self.after}" if self.after else ""
        raise IllegalStatement(f"{what}{where}: {statement}")


def _same(shape: Sequence[object], other: Sequence[object]) -> bool:
    pairs = list(zip(shape, other, strict=False))
    return len(shape) == len(other) and all(a == b or _is_open(a) or _is_open(b) for a, b in pairs)


def _is_open(side: object) -> bool:
    """Whether a length may be another, too: an axis that broadcasts, or a size that is written otherwise."""
    return side == 1 or not isinstance(side, Symbol)


def _fits(made: Facts, place: Facts) -> bool:
    """Whether an array broadcasts to its place."""
    skipped = len(place.shape) - len(made.shape)
    return skipped >= 0 and _same(made.shape, place.shape[skipped:])
