"""Products by a method of an array, where that is faster than an operator, or where an operator does not know how.

Of a matrix of 200×5 with itself, V.T.dot(V) takes 1.75 µs and V.T @ V 2.4; large ones are alike.
"""

from collections.abc import Iterable, Iterator, Sequence

from symgrad.lowering.values import turned
from symgrad.statements.arithmetic import operation
from symgrad.statements.changing import having
from symgrad.statements.expressions import Expression, Operation, Read
from symgrad.statements.statements import Body, Define, Loop, Once, Rows, Statement, Store, Unpack
from symgrad.targets.numpy.sparse import is_written_into, matrix_name


def with_methods(body: Body, sparse: frozenset[str]) -> Body:
    """The function with products of a matrix with itself, and of a vector and a `sparse` matrix, by methods."""
    results = tuple(_mapped(result, sparse) for result in body.results)
    return having(body, statements=tuple(_statements(body.statements, sparse)), results=results)


def _statements(statements: Iterable[Statement], sparse: frozenset[str]) -> Iterator[Statement]:
    for one in statements:
        match one:
            case Define() | Unpack() | Store():
                mapped = _operands_mapped if is_written_into(one) else _mapped
                yield having(one, expression=mapped(one.expression, sparse))
            case Loop():
                yield having(one, body=tuple(_statements(one.body, sparse)))
            case Rows() | Once():
                returned = tuple(_mapped(part, sparse) for part in one.returned)
                yield having(one, body=tuple(_statements(one.body, sparse)), returned=returned)
            case _:
                yield one


def _operands_mapped(expression: Expression, sparse: frozenset[str]) -> Expression:
    return expression.rebuilt([_mapped(part, sparse) for part in expression.operands])


def _mapped(expression: Expression, sparse: frozenset[str]) -> Expression:
    made = _operands_mapped(expression, sparse)
    if not isinstance(made, Operation):
        return made
    if made.head == "dot" and matrix_name(made.parts[1], sparse) is not None:  # an array knows no sparse ones
        vector, matrix = made.parts
        return operation("dot", matrix.parts[0] if isinstance(matrix, Operation) else turned(matrix, (1, 0)), vector)
    if made.head == "matmul" and not made.options and _are_transposed(made.parts):
        return operation("dot", *made.parts)
    return made


def _are_transposed(pair: Sequence[Expression]) -> bool:
    """Whether two operands are a matrix that is a variable, and its transpose, in any order."""
    plain = [one for one in pair if isinstance(one, Read)]
    return len(plain) == 1 and turned(plain[0], (1, 0)) in pair
