"""Totals over rows of data alone, which functions with bound data compute once."""

from collections.abc import Iterable
from dataclasses import replace

from symgrad.arguments import Argument
from symgrad.lowering.functions import SPECIAL
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Buffer, Expression, Operation, buffers_of, parts_of
from symgrad.statements.operations import UNARY
from symgrad.statements.statements import Body, Define, Rows, every


def with_once(body: Body, arguments: Iterable[Argument]) -> Body:
    """The function with totals that cost something, and depend on no parameter, computed if they are not known."""
    roles = {a.name: a.role for a in arguments}
    if "known" in roles:  # what the variable is called
        return body
    data = {name for name, role in roles.items() if role == "data"}
    return replace(body, statements=tuple(_known(s, data) if isinstance(s, Rows) else s for s in body.statements))


def _known(rows: Rows, data: set[str]) -> Rows:
    given = {buffer for buffer in rows.arguments if buffer.name in data}
    written = {buffer for one in every(rows.body) for buffer in one.writes}
    made = {s.buffer: s.expression for s in rows.body if isinstance(s, Define) and s.out is None}
    returned, found = list(rows.returned), []
    for n, (expression, result) in enumerate(zip(rows.returned, rows.results, strict=True)):
        variable = next(iter(buffers_of(expression)), None)
        inside = made.get(variable) if variable is not None and variable not in written else None
        alone = rows.joins[n] not in ("rows", "largest", "scaled")  # what is joined with others is computed with them
        if alone and _is_costly(expression, given):
            returned[n] = operation("once", expression)
            found.append(result)
        elif alone and inside is not None and variable == result and _is_costly(inside, given):
            found.append(result)
    if not found:
        return rows
    statements = [
        replace(s, expression=operation("once", s.expression)) if isinstance(s, Define) and s.buffer in found else s
        for s in rows.body
    ]
    return replace(rows, body=tuple(statements), returned=tuple(returned), once=tuple(found))


def _is_costly(expression: Expression, data: set[Buffer]) -> bool:
    """Whether an expression of data alone has functions that are worth it."""
    heads = {part.head for part in parts_of(expression) if isinstance(part, Operation)}
    plain = {"negative", "abs", "square", "sign"}
    return set(buffers_of(expression)) <= data and bool(heads & (SPECIAL | (UNARY - plain)))
