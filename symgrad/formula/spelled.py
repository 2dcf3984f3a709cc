"""Formulas as a Python file in `srepr` form: running it gives the SymPy objects back."""

from typing import Any

from sympy import srepr

from symgrad.formula.listing import Blocks, Second, shown_formulas
from symgrad.frontend.names import name_of

_HEAD = """\
# {name}: the formulas as SymPy objects, each under the name of what it is (the derivative by) in the dictionaries.
from sympy import *
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.tensor.indexed import Idx, Indexed, IndexedBase

from symgrad.formula.indexed import IndexLambda
from symgrad.formula.network import Inner
from symgrad.functions import *
from symgrad.functions.solutions import *
from symgrad.matrix_functions import *
"""


def spelled(model: Any, more: Blocks | None = None) -> str:
    """A Python file that defines `loss`, and the dictionaries `where`, `adjoints` and `gradient` by name.

    With further formulas also `hessian`, by pairs of names, and `jacobian_of_NAME`.

    A formula that is too long to be read is None.
    """
    parts = [_HEAD.format(name=" ".join(model.name.split()))]
    for title, pairs in [*shown_formulas(model, short=False), *(more or [])]:
        if title == "Loss":
            parts.append(f"loss = {_srepr(model.loss)}\n")
            continue
        lines = [f"    {_key(left)!r}: {_srepr(value)},\n" for left, value in pairs]
        parts.append(f"{title.lower().replace(' ', '_')} = {{\n{''.join(lines)}}}\n")
    return "\n".join(parts)


def _key(left: Any) -> str | tuple[str, str]:
    if isinstance(left, Second):
        return (name_of(left.p), name_of(left.q))
    return name_of(getattr(left, "base", getattr(left, "parent", left)))


def _srepr(value: Any) -> str:
    return "None" if value is None else str(srepr(value))
