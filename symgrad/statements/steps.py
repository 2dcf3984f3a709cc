"""Which arrays a loop reads and fills, entry by entry."""

from collections.abc import Sequence

from symgrad.statements.expressions import Buffer, Place, Read, Subscript, buffers_of, parts_of
from symgrad.statements.operations import memory_of
from symgrad.statements.statements import Define, Kernel, Statement, Store


def first_write(body: Sequence[Statement], array: Buffer) -> int | None:
    """The first statement of a step that writes an entry of the array."""
    return next((n for n, statement in enumerate(body) if _written(statement, array)), None)


def may_replace(body: Sequence[Statement], array: Buffer, old: Buffer) -> bool:
    """Whether the entries of `array` may be written over those of `old`.

    So it is if each step reads of `old` only the entry in whose place it writes, and not after that.
    """
    if any(isinstance(one, Kernel) and array in one.writes for one in body):
        return False
    first = first_write(body, array)
    places = {place for statement in body if (place := _written(statement, array))}
    if first is None or len(places) > 1:
        return False
    entry = Subscript(Read(old), places.pop())
    views = {old}
    for n, statement in enumerate(body):
        if not statement.mentions & views:
            continue
        if n > first or statement.inside or not _reads_only(statement, old, entry):
            return False
        if isinstance(statement, Define) and statement.out is None and not _is_new(statement):
            views.add(statement.buffer)
    return True


def _reads_only(statement: Statement, old: Buffer, entry: Subscript) -> bool:
    reads = sum(buffer == old for expression in statement.expressions for buffer in buffers_of(expression))
    reads += sum(buffer == old for buffer in (statement.writes if isinstance(statement, Define) else ()))
    entries = sum(part == entry for expression in statement.expressions for part in parts_of(expression))
    return reads == entries


def _written(statement: Statement, array: Buffer) -> tuple[Place, ...] | None:
    """The place in the array to which a statement writes."""
    if isinstance(statement, Store) and isinstance(statement.target, Subscript) and not statement.repeated:
        return statement.target.places if statement.target.array == Read(array) else None
    return None


def _is_new(statement: Define) -> bool:
    return memory_of(statement.expression) == "new"
