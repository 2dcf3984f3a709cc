"""What variables of generated code are called where nothing else names them, and what has one in any case."""

from collections.abc import Iterator

from symgrad.graph.build import ADJUGATE, CHOLESKY, DET, INVERSE, LOG_ABS_DET, LOGDET, SIGN_DET
from symgrad.statements.expressions import Expression, Operation, Read, Subscript, Total, buffers_of

# An expression in which there is more to read (`operations.weight`) is split by giving its parts names of their own.
HEAVIEST = 20
# What is read several times needs no name if it is a part of an array with no more to read than that.
LIGHTEST = 6

MATRIX_LABELS: dict[str, str] = {
    **{INVERSE: "inv", CHOLESKY: "chol", ADJUGATE: "adj", DET: "det"},
    **{LOGDET: "logdet", LOG_ABS_DET: "logdet", SIGN_DET: "sign_det"},
}

# Names for the results of comparisons, by the operation
RELATION_LABELS: dict[str, str] = {
    **dict.fromkeys(("less", "less_equal"), "below"),
    **dict.fromkeys(("greater", "greater_equal"), "above"),
    **{"equal": "equal", "not_equal": "unequal"},
}

_PRODUCTS = {"matmul", "dot", "vdot", "einsum", "tensordot", "multiply"}
_LABELS: dict[str, str] = {
    **RELATION_LABELS,
    **dict.fromkeys(("divide", "power"), "prod"),
    **{"where": "chosen", "accumulate": "scatter", "or": "is", "and": "is"},
}
_SAME = {"transpose", "reshape", "diagonal", "broadcast_to", "asarray", "array", "negative", "float", "real_part"}

# A name made of more labels, such as sum_exp_prod_X, is cut to what it is about: names would grow with the nesting.
MOST_LABELS = 4


def name_of(expression: Expression) -> str:
    """What an expression is of which variables, from outside in.

    `sum_gammaln_y` of Σ log Γ(y + 1), `prod_A_x` of A x, and `gram_X` of Xᵀ X.
    """
    labels: list[str] = []
    while not isinstance(expression, Read):
        about = [part for part in expression.operands if any(buffers_of(part))]
        match expression:
            case Total(terms=terms) if len(about) > 1:
                labels.append("diff" if any(sign for sign, _ in terms) else "sum")
            case Operation(head="einsum", parts=(_,)):
                labels.append("sum")
            case Operation(head=head) if head in _PRODUCTS:
                variables = list(_factors(expression))
                if 2 <= len(variables) < MOST_LABELS and None not in variables:
                    first, *others = [variable for variable in variables if variable is not None]
                    named = f"gram_{first}" if others == [first] else "_".join(["prod", first, *others])
                    return "_".join([*labels[: MOST_LABELS - 2], named])
                labels += ["prod"] if len(about) > 1 else []
            case Operation(head=head) if head not in _SAME:
                labels.append(_LABELS.get(head, head.lower()))
        expression = expression.array if isinstance(expression, Subscript) else about[0]
    return "_".join([*labels[: MOST_LABELS - 1], expression.buffer.name])


def _factors(expression: Expression) -> Iterator[str | None]:
    """The variables that are multiplied; None for a factor that is no variable."""
    match expression:
        case Operation(head=head, parts=parts) if head in _PRODUCTS | _SAME:
            for part in parts:
                if any(buffers_of(part)):
                    yield from _factors(part)
        case Subscript(array=array):
            yield from _factors(array)
        case Read(buffer=buffer):
            yield buffer.name
        case _:
            yield None
