"""A model's formulas, laid out: the loss, the names, their adjoints and the gradient, under their titles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Lambda

from symgrad.formula.boxes import PARTIAL, Box, Fence, Fraction, Script, derivative_box, name_box, number, operator, row
from symgrad.formula.layout import layout
from symgrad.formula.listing import Blocks, Second, body_of, known_sums, shown_formulas
from symgrad.formula.text import is_long
from symgrad.frontend.names import label_of


@dataclass(frozen=True)
class Formula:
    """`left` = `right`; there is no right side where it would be too long to read.

    `name` is what the formula computes, a quantity's name, and `title` the section it stands in.
    """

    title: str
    name: str
    left: Box
    right: Box | None


def sheet(model: Any, more: Blocks | None = None) -> list[Formula]:
    """The formulas of a model, in the order in which they are shown; `more` are those of second derivatives."""
    known = known_sums(model)
    loss = model.program.loss_name
    made = []
    for title, pairs in [*shown_formulas(model, short=False), *(more or [])]:
        for left, value in pairs:
            body = body_of(value)
            right = None if body is None or is_long(body) else layout(body, known)
            if isinstance(left, str):
                made.append(Formula(title, left, name_box(left), right))
            elif isinstance(left, Second):
                made.append(Formula(title, label_of(left.p), _second(loss, left, value), right))
            elif title == "where":
                base = getattr(left, "base", getattr(left, "parent", left))
                made.append(Formula(title, label_of(base), layout(left), right))
            else:
                made.append(Formula(title, label_of(left), derivative(loss, left, value), right))
    return made


def _second(loss: str, left: Second, value: Any) -> Box:
    """∂²loss/∂p∂q, or ∂p/∂q, with the indices that the formula is a function of."""
    p, q = name_box(label_of(left.p)), name_box(label_of(left.q))
    fraction = derivative_box(p, q)
    if left.of_loss:
        above = row(Script(PARTIAL, sup=number("2")), name_box(loss))
        fraction = Fraction(above, row(PARTIAL, p, PARTIAL, q))
    return Script(Fence(fraction), sub=_listed(value.variables)) if isinstance(value, Lambda) else fraction


def _listed(variables: Sequence[Any]) -> Box:
    parts: list[Box] = []
    for variable in variables:
        parts += [operator(","), layout(variable)] if parts else [layout(variable)]
    return row(*parts)


def derivative(loss: str, quantity: Any, value: Any) -> Box:
    """∂loss/∂quantity, with the indices that the formula is a function of."""
    below = name_box(label_of(quantity))
    if isinstance(value, Lambda):
        below = Script(row(below), sub=_listed(value.variables))
    return derivative_box(name_box(loss), below)
