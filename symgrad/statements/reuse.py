"""Puts results into arrays that nothing reads any more: `Z += b`, `H = tanh(Z)` in the array of Z.

Every array less is a pass over memory less, and for arrays of more than a few hundred kilobytes it saves asking the
system for pages. Only arrays that the statements themselves have made are written to, never arguments or views.

In a loop the entries of arrays are written where they belong, tanh(z) into h[t], and an array that a loop fills takes
the place of one that the loop reads for the last time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sympy import Symbol

from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer, Operation, Read, Shape, Subscript
from symgrad.statements.operations import Facts, elementwise, facts, made_by
from symgrad.statements.statements import Body, Define, Loop, Rows, Statement, Store, Unpack
from symgrad.statements.steps import first_write, may_replace
from symgrad.statements.writing import Writer


def with_reuse(body: Body, rows: Symbol | None, nested: bool = True) -> Body:
    """The function with arrays reused.

    Parameters
    ----------
    body : the function.
    rows : the number of rows where they come in blocks.
    nested : whether blocks of rows are treated, each by itself; what they have from outside they do not own.
    """
    made: list[Statement] = []
    free: set[Buffer] = set()  # blocks that nothing else is a part of
    for n, statement in enumerate(body.statements):
        if nested and isinstance(statement, Rows):
            later = frozenset[Buffer]().union(*(other.mentions for other in body.statements[n + 1 :]))
            inside = _reusing(Body(statement.body, statement.returned), rows, free.difference(later))
            free |= inside.alone(statement.results)
            statement = having(statement, body=tuple(inside.made))
        made.append(statement)
    return having(body, statements=tuple(_reusing(having(body, statements=tuple(made)), rows).made))


def _reusing(body: Body, rows: Symbol | None, given: Collection[Buffer] = ()) -> "Reuse":
    """The pass, over; `given` arrays may be written to once nothing reads them any more."""
    reuse = Reuse(_reordered(body.statements, body), body.read_at_the_end, rows)
    for buffer in given:
        reuse.owner[buffer] = buffer
        reuse._share(buffer, frozenset({buffer}))
    reuse.run()
    return reuse


def is_large(shape: Shape, rows: Symbol | None) -> bool:
    """Whether an array is worth a statement: a matrix, or a vector with an entry a row."""
    return len(shape) > 1 or shape == (rows,)


def is_placed(statement: Statement) -> bool:
    """Whether a statement sets part of an array."""
    plain = isinstance(statement, Store) and not (statement.accumulate or statement.repeated or statement.direct)
    return plain and isinstance(statement.target, Subscript) and isinstance(statement.target.array, Read)  # type: ignore[attr-defined]


def _mentioned(statement: Statement) -> frozenset[Buffer]:
    return statement.reads if isinstance(statement, Define) else statement.mentions


def _reordered(statements: Sequence[Statement], body: Body) -> list[Statement]:
    """The statements, of which one that could reuse an operand but for its other readers comes after these.

    That is, after the last reader of an array of the result's shape, if nothing needs the result before.
    """
    reads = [_mentioned(statement) for statement in statements] + [body.read_at_the_end]
    last = {buffer: n for n, buffers in enumerate(reads) for buffer in buffers}
    first = {buffer: n for n, buffers in reversed(list(enumerate(reads))) for buffer in buffers}
    made_here = {s.buffer for s in statements if isinstance(s, Define)}
    made_here |= {buffer for s in statements if is_placed(s) for buffer in s.writes}
    places: list[tuple[float, int]] = []
    for n, statement in enumerate(statements):
        place: float = n
        if isinstance(statement, Define) and _is_matrix(statement.buffer):
            shape = statement.buffer.shape
            alike = [name for name in statement.reads & made_here if _is_known(name) and name.shape == shape]
            readers = [last[name] for name in alike]
            later = [reader for reader in readers if n < reader < min(first[statement.buffer], len(statements))]
            if later and n not in readers and elementwise(statement.expression) is not None:  # none is free as it is
                place = min(later) + 0.5
        places.append((place, n))
    return [statements[n] for _, n in sorted(places)]


def _is_known(buffer: Buffer) -> bool:
    return buffer.shape is not None and buffer.kind != "integer"


def _is_matrix(buffer: Buffer) -> bool:
    return buffer.shape is not None and len(buffer.shape) > 1 and buffer.kind == "real"


@dataclass
class Reuse:
    """The pass over the statements of one function, or of the body of a loop.

    Attributes
    ----------
    statements, results, rows : what it is given.
    made : the statements so far.
    owner : the array that a variable is, if it was made here.
    shares : the arrays whose memory a variable may be part of.
    holders : the other way round.
    last : the last statement that reads a variable.
    empty : of an array that a loop fills, the statement that makes it.
    """

    statements: Sequence[Statement]
    results: frozenset[Buffer]
    rows: Symbol | None
    made: list[Statement] = field(default_factory=list)
    owner: dict[Buffer, Buffer] = field(default_factory=dict)
    shares: dict[Buffer, frozenset[Buffer]] = field(default_factory=dict)
    holders: dict[Buffer, set[Buffer]] = field(default_factory=dict)
    last: dict[Buffer, int] = field(default_factory=dict)
    empty: dict[Buffer, int] = field(default_factory=dict)

    def run(self) -> list[Statement]:
        for n, statement in enumerate(self.statements):
            self.last.update(dict.fromkeys(_mentioned(statement), n))
        self.last.update(dict.fromkeys(self.results, len(self.statements)))
        for n, statement in enumerate(self.statements):
            match statement:
                case Define(out=None):
                    self._define(statement, n)
                case Loop():
                    self._loop(statement, n)
                case Store() if is_placed(statement):
                    self._store(statement, n)
                case Unpack(buffers=buffers):
                    for buffer in buffers:  # each is a part of a new array for itself
                        self.owner[buffer] = buffer
                        self._share(buffer, frozenset({buffer}))
                    self.made.append(statement)
                case _:
                    self.made.append(statement)
        return self.made

    def alone(self, results: Collection[Buffer]) -> set[Buffer]:
        """Those of the results that are arrays made here, of which no other one is a part."""
        found = {buffer for buffer in results if buffer in self.owner}
        return {buffer for buffer in found if self.holders[self.owner[buffer]].intersection(results) == {buffer}}

    def _define(self, statement: Define, n: int) -> None:
        buffer, expression = statement.buffer, statement.expression
        known = _is_known(buffer)
        made = made_by(expression, buffer.shape if known else None, buffer.kind == "real")
        if isinstance(expression, Operation) and expression.head == "empty":
            self.empty[buffer] = len(self.made)
        new = (known and not buffer.shape) or (made is not None and made.new)
        shared = [self.shares.get(other, frozenset({other})) for other in ([] if new else statement.reads)]
        self._share(buffer, frozenset({buffer}).union(*shared))
        if new and self._is_large(made):
            assert made is not None
            statements, owner = Writer(self, statement, made.shape, n).written(expression, frozenset())
            self.made.extend(statements)
            self.owner[buffer] = owner
            self._share(buffer, self.shares[buffer] | {owner})
            return
        self.made.append(statement)

    def _is_large(self, made: Facts | None) -> bool:
        return made is not None and made.floating and bool(made.shape) and is_large(made.shape, self.rows)

    def _loop(self, statement: Loop, n: int) -> None:
        body = Reuse(statement.body, frozenset(), self.rows).run()
        self._take_places(body, n)
        self.made.append(having(statement, body=tuple(body)))

    def _store(self, statement: Store, n: int) -> None:
        """A statement that writes an entry of an array."""
        made, entry = facts(statement.expression), facts(statement.target)
        fits = made is not None and entry is not None and made.floating and made.new and made.shape == entry.shape
        if made is not None and fits and is_large(made.shape, self.rows):
            self.made.extend(Writer(self, statement, made.shape, n).stored(statement.expression, statement.target))
        else:
            self.made.append(statement)

    def _share(self, buffer: Buffer, arrays: frozenset[Buffer]) -> None:
        """A variable may be part of these arrays."""
        for array in self.shares.get(buffer, frozenset()) - arrays:
            self.holders[array].discard(buffer)
        for array in arrays:
            self.holders.setdefault(array, set()).add(buffer)
        self.shares[buffer] = arrays

    def _take_places(self, body: Sequence[Statement], n: int) -> None:
        """Let arrays that a loop fills take the places of arrays that nothing reads after the loop."""
        filled = [(first, buffer) for buffer in self.empty if (first := first_write(body, buffer)) is not None]
        mentioned = frozenset[Buffer]().union(*(statement.mentions for statement in body))
        for _, buffer in sorted(filled, key=lambda found: (found[0], found[1].name)):
            at = self.empty[buffer]
            for old in sorted(self.owner, key=lambda old: old not in mentioned):  # what is in the cache first
                if self._may_take(buffer, old, body, n, mentioned):
                    self.made[at] = Define(buffer, Read(old))
                    self.owner[buffer] = self.owner[old]
                    self._share(buffer, self.shares[buffer] | {self.owner[old]})
                    break
            del self.empty[buffer]

    def _may_take(
        self, buffer: Buffer, old: Buffer, body: Sequence[Statement], n: int, mentioned: frozenset[Buffer]
    ) -> bool:
        """Whether an array that a loop fills may be the array `old`."""
        owner = self.owner[old]
        others = self.holders.get(owner, set()) - {old}
        defined = any(isinstance(s, Define) and s.buffer == old for s in self.made[: self.empty[buffer]])
        return (
            owner != self.owner.get(buffer, owner)  # a short array is left alone
            and (old.shape, old.kind) == (buffer.shape, "real")
            and self.reusable(old, n)
            and not others & mentioned
            and defined
            and may_replace(body, buffer, old)
        )

    def reusable(self, buffer: Buffer, n: int) -> bool:
        """Whether an array was made here, and no statement after the n-th reads anything that may be part of it."""
        if buffer not in self.owner:
            return False
        return all(self.last.get(other, -1) <= n for other in self.holders.get(self.owner[buffer], ()))
