"""Writes one result into an array that is there: that of an operand, or the place where it is stored."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from symgrad.statements.arithmetic import parts_in_steps
from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer, Expression, Operation, Read, Shape, buffers_of
from symgrad.statements.operations import elementwise, facts
from symgrad.statements.statements import Accumulate, Define, Statement, Store, root

_COMMUTE = ("add", "multiply", "maximum", "minimum")
_ACCUMULATE: dict[str, Accumulate] = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
}


class Plan(Protocol):
    """What is known of arrays at a statement."""

    owner: dict[Buffer, Buffer]

    def reusable(self, buffer: Buffer, n: int) -> bool: ...


@dataclass
class Writer:
    """Writes the statement of a number `n`, whose result is of a shape."""

    plan: Plan
    statement: Define | Store
    shape: Shape
    n: int

    def written(self, expression: Expression, pending: frozenset[Buffer]) -> tuple[list[Statement], Buffer]:
        """Statements that define the statement's variable, and the variable whose array that then is.

        `pending` is what they must not overwrite yet.
        """
        assert isinstance(self.statement, Define)
        buffer = self.statement.buffer
        operation = elementwise(expression)
        if isinstance(expression, Operation) and expression.head in ("balanced", "centred"):
            pair = expression.parts[:2]  # what is read before the result is written
            free_ones = [one for one in pair if isinstance(one, Read) and self._is_free(one, pending)]
            if free_ones:
                return [Define(buffer, expression, free_ones[0].buffer)], self.plan.owner[free_ones[0].buffer]
        if operation is not None:
            head, operands = operation
            for operand in operands:
                if isinstance(operand, Read) and self._is_free(operand, pending):
                    free = operand.buffer
                    given = list(operands)
                    statements = self._first(operands, given, pending | {free})
                    made = Define(buffer, Operation(head, tuple(given)), free)
                    return [*statements, made], self.plan.owner[free]
            if head != "negative":  # NumPy itself reuses an operand that nobody else has
                ways = [self._into_operand(head, operands, place, pending) for place in range(len(operands))]
                found = [way for way in ways if way is not None]
                if found:
                    return min(found, key=lambda way: len(way[0]))
        return [having(self.statement, expression=expression)], buffer

    def _first(
        self, operands: Sequence[Expression], given: list[Expression], pending: frozenset[Buffer]
    ) -> list[Statement]:
        """Statements that compute operands in arrays that these read for the last time; `given` then has those."""
        statements: list[Statement] = []
        reads = list(buffers_of(self.statement.expression))
        for place, operand in enumerate(operands):
            if elementwise(operand) is None or not self._fits(operand):
                continue
            once = [part for part in _in_breadth(operand) if isinstance(part, Read) and reads.count(part.buffer) == 1]
            once.sort(key=lambda part: part not in _entrywise(operand))  # a whole operand is overwritten entry by entry
            free = next((part for part in once if self._is_free(part, pending)), None)
            if free is not None:
                statements += self.stored(operand, free)
                given[place] = free
        return statements

    def stored(self, expression: Expression, target: Expression) -> list[Statement]:
        """Statements that write the expression into an array that is there, without others for what it is made of."""
        operation = elementwise(expression)
        if isinstance(expression, Operation) and expression.head == "matmul":
            operation = "matmul", expression.parts
        if operation is None:
            return [Store(target, expression)]
        head, operands = operation
        for place, operand in enumerate(operands):
            rest = [other for k, other in enumerate(operands) if k != place]
            if head == "matmul" or elementwise(operand) is None or not self._fits(operand):
                continue
            if all(root(target) not in buffers_of(other) for other in rest):
                return [*self.stored(operand, target), _joined(head, operands, place, target)]
        return [Store(target, Operation(head, tuple(operands)), direct=True)]

    def _into_operand(
        self, head: str, operands: Sequence[Expression], place: int, pending: frozenset[Buffer]
    ) -> tuple[list[Statement], Buffer] | None:
        """Statements that compute one operand first, if it is a whole new array, and write the result over it."""
        assert isinstance(self.statement, Define)
        made = facts(operands[place])
        if made is None or not made.new or not self._fits(operands[place]):
            return None
        rest = {buffer for k, other in enumerate(operands) if k != place for buffer in buffers_of(other)}
        statements, owner = self.written(operands[place], pending | rest)
        return [*statements, _joined(head, operands, place, Read(self.statement.buffer))], owner

    def _is_free(self, operand: Read, pending: frozenset[Buffer]) -> bool:
        """Whether an operand is a whole array that can be written to."""
        return operand.buffer not in pending and self._fits(operand) and self.plan.reusable(operand.buffer, self.n)

    def _fits(self, operand: Expression) -> bool:
        found = facts(operand)
        return found is not None and found.floating and found.shape == self.shape


def _joined(head: str, operands: Sequence[Expression], place: int, target: Expression) -> Store:
    """The operation with one operand, which is there already, in its place."""
    if head in _ACCUMULATE and (place == 0 or head in _COMMUTE):
        return Store(target, operands[1 - place], _ACCUMULATE[head])
    given = [target if k == place else other for k, other in enumerate(operands)]
    return Store(target, Operation(head, tuple(given)), direct=True)


def _in_breadth(expression: Expression) -> Iterator[Expression]:
    """The parts of an expression, outer ones first."""
    waiting = deque([expression])
    while waiting:
        part = waiting.popleft()
        yield part
        waiting.extend(parts_in_steps(part))


def _entrywise(expression: Expression) -> list[Expression]:
    """What an expression is made of entry by entry."""
    if elementwise(expression) is None:
        return [expression]
    return [part for operand in parts_in_steps(expression) for part in _entrywise(operand)]
