"""Which dimensions the statements of a function mention."""

from collections.abc import Iterable

from sympy import Symbol

from symgrad.statements.expressions import Expression, Kept, Size, parts_of, sizes_of
from symgrad.statements.statements import Body, Define, Loop, Rows, Statement


def dimensions_of(body: Body) -> set[Symbol]:
    """The dimensions that a function has to know; a block of rows knows by itself how many rows it has."""
    return _of_statements(body.statements) | _of_expressions(body.results)


def dimensions_in(rows: Rows) -> set[Symbol]:
    """The dimensions that a block of rows has to know: how many rows it has itself, it knows."""
    own = _of_expressions(rows.returned) | _of_statements(rows.body)
    return (own - {rows.dimension}) | _whole(rows)


def _of_statements(statements: Iterable[Statement]) -> set[Symbol]:
    found: set[Symbol] = set()
    for statement in statements:
        if isinstance(statement, Rows):
            found |= dimensions_in(statement) | statement.width.free_symbols | statement.size.free_symbols
            continue
        inside = _of_expressions(statement.expressions) | _of_statements(statement.inside)
        if isinstance(statement, Loop):
            inside = {symbol for symbol in inside if str(symbol) != statement.clock}
            inside |= statement.first.free_symbols | statement.end.free_symbols
        found |= inside
        if isinstance(statement, Define) and isinstance(statement.out, Kept):
            found |= _of_expressions([statement.out])
    return found


def _of_expressions(expressions: Iterable[Expression]) -> set[Symbol]:
    return {symbol for expression in expressions for size in sizes_of(expression) for symbol in size.free_symbols}


def _whole(statement: Statement) -> set[Symbol]:
    """What is said of all rows, in a block of them, too."""
    sizes = {part.value for one in statement.expressions for part in parts_of(one) if isinstance(part, Size)}
    own = {symbol for size in sizes for symbol in size.free_symbols}
    return own.union(*(_whole(inside) for inside in statement.inside))
