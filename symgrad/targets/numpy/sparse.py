"""Which data may be sparse matrices: those of which functions need nothing but products with dense arrays."""

from collections.abc import Collection, Sequence

from symgrad.arguments import Argument
from symgrad.outputs.function import axes_of
from symgrad.statements.expressions import Expression, Operation, Read
from symgrad.statements.operations import facts
from symgrad.statements.statements import Body, Define, Statement, Store, every

_PRODUCTS = ("dot", "matmul")


def sparse_arguments(arguments: Sequence[Argument], body: Body) -> frozenset[str]:
    """The names of matrices of data that a function only multiplies, none with another of them."""
    found = {a.name for a in arguments if a.is_given and not a.integer and len(axes_of(a)) == 2}
    for statement in every(body.statements):
        for expression in statement.expressions:
            found -= _others(expression, found, bare=not is_written_into(statement))
    for result in body.results:
        found -= _others(result, found, bare=True)
    return frozenset(found)


def is_written_into(statement: Statement) -> bool:
    """Whether an operation is given the array that its result is written into."""
    into = isinstance(statement, Define) and statement.out is not None
    return into or (isinstance(statement, Store) and statement.direct)


def _others(expression: Expression, names: Collection[str], bare: bool) -> set[str]:
    """The matrices that an expression needs otherwise than in products; of these the outermost is `bare` or not."""
    name = matrix_name(expression, names)
    if name is not None:
        return {name}
    product = isinstance(expression, Operation) and expression.head in _PRODUCTS and not expression.options
    dense = [part for part in expression.operands if matrix_name(part, names) is None]
    if product and bare and len(dense) == 1 and _is_flat(dense[0]):
        return _others(dense[0], names, True)
    return {other for part in expression.operands for other in _others(part, names, True)}


def _is_flat(expression: Expression) -> bool:
    """Whether an array is a vector or a matrix; with others, matrices of SciPy have no products."""
    found = facts(expression)
    return found is not None and len(found.shape) in (1, 2)


def matrix_name(expression: Expression, names: Collection[str]) -> str | None:
    """The name of the matrix that an expression is, or is the transpose of."""
    if isinstance(expression, Operation) and expression.head == "transpose":
        expression = expression.parts[0]
    if isinstance(expression, Read) and expression.buffer.owner == "argument" and expression.buffer.name in names:
        return expression.buffer.name
    return None
