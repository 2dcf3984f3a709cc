"""What NumPy, SciPy and the functions of a generated module call operations."""

from symgrad.codegen.speller import Dialect, Form, Speller, after, called
from symgrad.lowering.functions import RUNTIME, SPECIAL
from symgrad.statements.expressions import Operation

# The functions of the runtime, each under its own name with an underscore in front, by the heads of operations
RUNTIME_HEADS: dict[str, str] = {
    **{function.__name__: function.__name__ for function in RUNTIME},
    **{name: name for name in ("accumulate", "add_windows", "adjugate", "in_range", "logdet", "place")},
    **{name: name for name in ("largest_so_far", "product_of_others", "sums_of_exponentials", "windows")},
    **{name: name for name in ("entries", "pattern", "pattern_of")},
    **{name: name for name in ("balanced", "centred", "log_total", "norm")},
    **{name: name for name in ("contiguous_into", "tensordot_into", "where_into", "zeros_into")},
    "definite_cholesky": "cholesky",
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


_FORMS: dict[str, Form] = {
    "pattern_of": _pattern_of,
    "tensordot": _tensordot,
    "tensordot_into": _tensordot,
    "contiguous_into": _contiguous_into,
    "scalar": called("{dtype}.type({0})"),
    "number": called("float({0})"),  # a NumPy scalar would turn float32 arrays into float64
    "whole": after(".astype({np}.intp)"),
}

# What is called otherwise than its head
SPELLINGS: dict[str, str] = {"definite_cholesky": "_cholesky", "remainder": "np.mod"}

NUMPY = Dialect(
    "np",
    ("scipy.special", SPECIAL),
    RUNTIME_HEADS,
    2**63,  # NumPy's functions do not know what to do with larger ones
    SPELLINGS,
    _FORMS,
)
