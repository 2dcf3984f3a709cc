"""Drops definitions of variables that nothing reads, such as positions that turned into slices."""

from collections.abc import Sequence
from dataclasses import replace

from symgrad.statements.expressions import Buffer
from symgrad.statements.statements import Body, Define, Loop, Rows, Solve, Statement, every


def needed(body: Body) -> Body:
    """The function without definitions that nothing reads."""
    statements = body.statements
    while True:
        used = {buffer for statement in every(statements) for buffer in {*statement.reads, *statement.writes}}
        used |= body.read_at_the_end
        kept = _kept(statements, used)
        if kept == statements:
            return replace(body, statements=statements)
        statements = kept


def _kept(statements: Sequence[Statement], used: set[Buffer] | frozenset[Buffer]) -> tuple[Statement, ...]:
    made: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Define) and statement.buffer not in used:
            continue
        if isinstance(statement, Loop | Rows | Solve):
            statement = replace(statement, body=_kept(statement.body, used))
        made.append(statement)
    return tuple(made)
