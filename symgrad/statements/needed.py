"""Drops definitions of variables that nothing reads, such as positions that turned into slices."""

from collections.abc import Sequence

from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer
from symgrad.statements.statements import Body, Define, Loop, Rows, Solve, Statement, every


def needed(body: Body) -> Body:
    """The function without definitions that nothing reads."""
    while True:
        used = {buffer for statement in every(body.statements) for buffer in statement.writes}
        used = used.union(body.read_at_the_end, *(statement.reads for statement in body.statements))
        kept = having(body, statements=_kept(body.statements, used))
        if kept is body:
            return body
        body = kept


def _kept(statements: Sequence[Statement], used: set[Buffer] | frozenset[Buffer]) -> tuple[Statement, ...]:
    made: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Define) and statement.buffer not in used:
            continue
        if isinstance(statement, Loop | Rows | Solve):
            statement = having(statement, body=_kept(statement.body, used))
        made.append(statement)
    return tuple(made)
