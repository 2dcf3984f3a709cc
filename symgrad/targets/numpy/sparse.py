"""Which data may be sparse matrices: those of which functions need nothing but products with dense arrays."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from symgrad.arguments import Argument
from symgrad.lowering.values import turned
from symgrad.outputs.function import axes_of
from symgrad.statements.arithmetic import operation
from symgrad.statements.changing import having
from symgrad.statements.expressions import Expression, Operation, Read
from symgrad.statements.operations import facts
from symgrad.statements.statements import Body, Define, Loop, Once, Rows, Statement, Store, Unpack, every

_PRODUCTS = ("dot", "matmul")


def sparse_arguments(arguments: Sequence[Argument], body: Body) -> frozenset[str]:
    """The names of matrices of data that a function only multiplies, none with another of them."""
    found = {a.name for a in arguments if a.is_given and not a.integer and len(axes_of(a)) == 2}
    for statement in every(body.statements):
        into = isinstance(statement, Define) and statement.out is not None
        into = into or (isinstance(statement, Store) and statement.direct)
        for expression in statement.expressions:
            found -= _others(expression, found, bare=not into)
    for result in body.results:
        found -= _others(result, found, bare=True)
    return frozenset(found)


def _others(expression: Expression, names: Collection[str], bare: bool) -> set[str]:
    """The matrices that an expression needs otherwise than in products; of these the outermost is `bare` or not."""
    name = _matrix(expression, names)
    if name is not None:
        return {name}
    product = isinstance(expression, Operation) and expression.head in _PRODUCTS and not expression.options
    dense = [part for part in expression.operands if _matrix(part, names) is None]
    if product and bare and len(dense) == 1 and _is_flat(dense[0]):
        return _others(dense[0], names, True)
    return {other for part in expression.operands for other in _others(part, names, True)}


def _is_flat(expression: Expression) -> bool:
    """Whether an array is a vector or a matrix; with others, matrices of SciPy have no products."""
    found = facts(expression)
    return found is not None and len(found.shape) in (1, 2)


def _matrix(expression: Expression, names: Collection[str]) -> str | None:
    """The name of the matrix that an expression is, or is the transpose of."""
    if isinstance(expression, Operation) and expression.head == "transpose":
        expression = expression.parts[0]
    if isinstance(expression, Read) and expression.buffer.owner == "argument" and expression.buffer.name in names:
        return expression.buffer.name
    return None


def with_sparse_products(body: Body, names: frozenset[str]) -> Body:
    """The function with products of a vector and a sparse matrix by methods of the matrix: an array knows none."""
    if not names:
        return body
    results = tuple(_mapped(result, names) for result in body.results)
    return having(body, statements=tuple(_statements(body.statements, names)), results=results)


def _statements(statements: Iterable[Statement], names: frozenset[str]) -> Iterator[Statement]:
    for one in statements:
        match one:
            case Define() | Unpack() | Store():
                yield having(one, expression=_mapped(one.expression, names))
            case Loop():
                yield having(one, body=tuple(_statements(one.body, names)))
            case Rows() | Once():
                returned = tuple(_mapped(part, names) for part in one.returned)
                yield having(one, body=tuple(_statements(one.body, names)), returned=returned)
            case _:
                yield one


def _mapped(expression: Expression, names: frozenset[str]) -> Expression:
    made = expression.rebuilt([_mapped(part, names) for part in expression.operands])
    if isinstance(made, Operation) and made.head == "dot" and _matrix(made.parts[1], names) is not None:
        vector, matrix = made.parts
        return operation("dot", matrix.parts[0] if isinstance(matrix, Operation) else turned(matrix, (1, 0)), vector)
    return made
