"""What a loop asks for at every step, and is always the same, is asked for once before it.

`np.finfo(dtype).min` takes 0.5 µs, as long as an operation of a small array.
"""

from collections.abc import Callable

from symgrad.statements.arithmetic import operation
from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer, Expression, Read
from symgrad.statements.statements import Body, Define, Loop, Statement, Store, Unpack, every, operations_of

_LEAST = operation("least_number")


def with_invariants(body: Body, fresh: Callable[[str], str]) -> Body:
    """The function with such numbers before its first loop that reads them."""
    first = next((n for n, one in enumerate(body.statements) if isinstance(one, Loop) and _asks(one)), None)
    if first is None:
        return body
    least = Buffer(fresh("least"), ())
    later = [_read(one, least) if isinstance(one, Loop) else one for one in body.statements[first:]]
    return having(body, statements=(*body.statements[:first], Define(least, _LEAST), *later))


def _asks(loop: Loop) -> bool:
    return _LEAST in operations_of(Body(tuple(every(loop.body))))


def _read(statement: Statement, least: Buffer) -> Statement:
    match statement:
        case Loop(body=body):
            return having(statement, body=tuple(_read(one, least) for one in body))
        case Define() | Store() | Unpack():
            return having(statement, expression=_replaced(statement.expression, least))
    return statement


def _replaced(expression: Expression, least: Buffer) -> Expression:
    if expression == _LEAST:
        return Read(least)
    return expression.rebuilt([_replaced(part, least) for part in expression.operands])
