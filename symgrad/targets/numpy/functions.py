"""What NumPy, SciPy and the functions of a generated module call operations."""

from symgrad.codegen.speller import ADD, ATOM, Dialect, Form, Speller, after, called
from symgrad.lowering.functions import RUNTIME, SPECIAL
from symgrad.statements.expressions import Operation
from symgrad.targets.numpy.lines import lines_of

# Of Python's numbers, functions of the runtime
FLOAT_FUNCTIONS = (
    *("cos", "cosh", "exp", "expm1", "log", "log1p", "logaddexp", "maximum", "minimum", "pow", "quotient", "sigmoid"),
    *("sin", "sinh", "sqrt", "tanh"),
)

# The functions of the runtime, each under its own name with an underscore in front, by the heads of operations
RUNTIME_HEADS: dict[str, str] = {
    **{function.__name__: function.__name__ for function in RUNTIME},
    **{name: name for name in ("accumulate", "add_windows", "adjugate", "in_range", "logdet", "place", "rolled")},
    **{name: name for name in ("largest_so_far", "product_of_others", "sums_of_exponentials", "windows")},
    **{name: name for name in ("entries", "pattern", "pattern_of")},
    **{
        name: name
        for name in (
            "balanced",
            "centred",
            "linear_recurrence",
            "log_sum_recurrence",
            "matrix_recurrence",
            "log_total",
            "norm",
        )
    },
    **{name: name for name in ("contiguous_into", "tensordot_into", "where_into", "zeros_into")},
    "definite_cholesky": "cholesky",
    **{f"float_{name}": f"float_{name}" for name in FLOAT_FUNCTIONS},
}


def _tensordot(speller: Speller, operation: Operation) -> str:
    axes = ", ".join(str(list(axes)) for axes in operation.option("axes"))
    name = speller.dialect.function_name(operation.head)
    return f"{name}({', '.join(map(speller.text, operation.parts))}, ({axes}))"


def _contiguous_into(speller: Speller, operation: Operation) -> str:
    return f'_contiguous_into(kept, "{operation.option("name")}", {speller.text(operation.parts[0])})'


def _pattern_of(speller: Speller, operation: Operation) -> str:
    given = "pattern" if operation.option("given") else "None"
    return f"_pattern_of({', '.join([given, operation.option('name'), *map(speller.text, operation.parts)])})"


def _float_where(speller: Speller, operation: Operation) -> str:
    condition, yes, no = operation.parts
    return f"({speller.at(yes, ADD)} if {speller.text(condition)} else {speller.at(no, ADD)})"


_FORMS: dict[str, Form] = {
    "pattern_of": _pattern_of,
    "tensordot": _tensordot,
    "tensordot_into": _tensordot,
    "contiguous_into": _contiguous_into,
    "scalar": called("{dtype}.type({0})"),
    "number": called("float({0})"),  # a NumPy scalar would turn float32 arrays into float64
    "whole": after(".astype({np}.intp)"),
    "item": after(".item()"),
    "tolist": after(".tolist()"),
    "no_numbers": called("[]"),
    "float_where": _float_where,
    "float_not": lambda speller, operation: f"(not {speller.at(operation.parts[0], ATOM)})",
}

# What is called otherwise than its head
SPELLINGS: dict[str, str] = {"definite_cholesky": "_cholesky", "remainder": "np.mod", "float_abs": "abs"}

NUMPY = Dialect(
    "np",
    ("scipy.special", SPECIAL),
    RUNTIME_HEADS,
    2**63,  # NumPy's functions do not know what to do with larger ones
    SPELLINGS,
    _FORMS,
    lines_of,
)
