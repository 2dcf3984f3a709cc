"""The statements of a function once more, for arrays that are kept between calls: every large result has its place.

Nested operations are taken apart first, so that no array is left to be made; what is returned is always a new array.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sympy import Symbol

from symgrad.statements.arithmetic import joined, operation, parts_in_steps
from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer, Expression, Kept, Operation, Read, Shape, Sides, buffers_of
from symgrad.statements.operations import COMPARISONS, Facts, can_write, facts, memory_of
from symgrad.statements.reuse import is_large, with_reuse
from symgrad.statements.statements import Body, Define, Rows, Statement, every


def with_kept_arrays(body: Body, rows: Symbol | None) -> Body:
    """The function with each large array in the workspace; `rows` is the number of rows where they come in blocks."""
    taken = {buffer.name for statement in body.statements for buffer in statement.mentions}
    taken |= {buffer.name for buffer in body.read_at_the_end}
    return _Keeper(rows, taken).function(body)


def asks_for_arrays(statements: Iterable[Statement]) -> bool:
    """Whether statements themselves, not those of a block of rows, ask for arrays of a workspace."""
    return any(_is_kept(statement) for statement in every([s for s in statements if not isinstance(s, Rows)]))


def _is_kept(statement: Statement) -> bool:
    if isinstance(statement, Define):
        parts = (statement.expression, *statement.expression.operands)
        head = statement.expression.head if isinstance(statement.expression, Operation) else ""
        return isinstance(statement.out, Kept) or head == "contiguous_into" or any(isinstance(p, Kept) for p in parts)
    return False


@dataclass
class _Keeper:
    rows: Symbol | None
    taken: set[str]

    def function(self, body: Body) -> Body:
        """The function; a block of rows in it is a function by itself."""
        apart: list[Statement] = []
        for statement in body.statements:
            if isinstance(statement, Rows):
                apart.append(self._rows(statement))
            elif isinstance(statement, Define):
                taker = _Taker(self)
                expression = taker.operands(statement.expression)
                apart += [*taker.statements, having(statement, expression=expression)]
            else:
                apart.append(statement)
        return self._kept(with_reuse(Body(tuple(apart), body.results), self.rows, nested=False))

    def _rows(self, statement: Rows) -> Rows:
        statements, results = list(statement.body), []
        for returned in statement.returned:
            taker = _Taker(self)
            results.append(taker.operands(returned))
            statements += taker.statements
        made = self.function(Body(tuple(statements), tuple(results)))
        return having(statement, body=made.statements, returned=made.results)

    def fresh(self) -> str:
        """A name for a part of an expression."""
        name = next(name for n in count(1) if (name := f"part_{n}") not in self.taken)
        self.taken.add(name)
        return name

    def large(self, expression: Expression) -> Facts | None:
        """What an expression makes, if that is a new large array of the floating type, or of truth values."""
        made = facts(expression)
        compared = isinstance(expression, Operation) and expression.head in COMPARISONS
        large = made is not None and made.new and (made.floating or compared) and is_large(made.shape, self.rows)
        return made if large else None

    def _kept(self, body: Body) -> Body:
        returned = _returned(body)
        made: list[Statement] = []
        for statement in body.statements:
            free = isinstance(statement, Define) and statement.out is None and statement.buffer not in returned
            if free:
                assert isinstance(statement, Define)
                statement = self._in_place(statement)
            made.append(statement)
        return having(body, statements=tuple(made))

    def _in_place(self, statement: Define) -> Define:
        """The statement with the place of its array, if it is large."""
        name, expression = statement.buffer.name, statement.expression
        array = self.large(expression)
        if array is not None:
            kept = Kept(name, array.shape, "real" if array.floating else "boolean")
            return replace(statement, out=kept) if can_write(expression) else statement
        match expression:
            case Operation(head="zeros" | "empty" as head, parts=(shape,)):
                kept = Kept(name, _lengths(shape))
                return replace(statement, expression=operation("zeros_into", kept) if head == "zeros" else kept)
            case Operation(head="ascontiguousarray", parts=(view,)):
                return replace(statement, expression=operation("contiguous_into", view, name=name))
            case Operation(head="place" | "add_windows", parts=(shape, *_)):
                return replace(statement, out=Kept(name, _lengths(shape)))
        return statement


def _lengths(shape: Expression) -> Shape:
    return shape.lengths if isinstance(shape, Sides) else (shape.value,)  # type: ignore[attr-defined]


def _returned(body: Body) -> set[Buffer]:
    """The variables whose memory a result may be."""
    found: set[Buffer] = set()
    for result in body.results:
        found |= set() if memory_of(result) == "new" else set(buffers_of(result))
    before = 0
    while before < len(found):
        before = len(found)
        for statement in every(body.statements):  # those of loops, too; an assignment to part of an array copies
            if isinstance(statement, Define) and statement.buffer in found and statement.buffer.shape != ():
                if statement.out is not None:
                    found |= {*statement.writes}
                elif memory_of(statement.expression) != "new":
                    found |= statement.reads
    return found


class _Taker:
    """Takes the large arrays out of an expression, innermost first; `statements` define them."""

    def __init__(self, keeper: _Keeper) -> None:
        self.keeper = keeper
        self.statements: list[Statement] = []

    def operands(self, expression: Expression) -> Expression:
        """The expression with its operands taken out, but not itself."""
        return joined(expression, [self.visit(part) for part in parts_in_steps(expression)])

    def visit(self, expression: Expression) -> Expression:
        """The expression, or the variable that it is in."""
        made = self.operands(expression)
        array = self.keeper.large(made) if can_write(made) else None
        if array is None:
            return made
        buffer = Buffer(self.keeper.fresh(), array.shape, "real" if array.floating else "boolean")
        self.statements.append(Define(buffer, made))
        return Read(buffer)


def kept_heads(statements: Iterable[Statement]) -> Sequence[str]:
    """The operations that statements write into arrays of the workspace."""
    kept = [one for one in every(list(statements)) if isinstance(one, Define) and isinstance(one.out, Kept)]
    return [one.expression.head for one in kept if isinstance(one.expression, Operation)]
