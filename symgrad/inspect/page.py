"""Formulas and the steps of a derivation as HTML, and what the templates of pages know of them."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from symgrad.codegen.template_folder import template_folder
from symgrad.formula.boxes import drawn
from symgrad.formula.breaking import width
from symgrad.formula.mathml import TOO_LONG, in_lines, mathml
from symgrad.formula.sheet import Formula
from symgrad.inspect.narrative import count
from symgrad.inspect.steps import steps
from symgrad.inspect.story import Equation, Section, Shown
from symgrad.version import __version__

WIDE = 36.0  # letters, as `formula.breaking` counts them; about the width of a column of the forward pass


@cache
def environment() -> Environment:
    """The Jinja environment of pages, in which texts are escaped."""
    made = Environment(
        loader=FileSystemLoader(template_folder()),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["math"] = lambda shown: Markup(_math(shown))
    made.filters["equation"] = lambda equation: Markup(_equation(equation))
    made.tests["wide"] = lambda equation: _is_wide(equation.right)
    made.globals["rewritten"] = lambda before, after: Markup(_rewritten(before, after))
    made.filters["seconds"] = _seconds
    made.filters["memory"] = _memory
    made.filters["count"] = count
    return made


def _math(shown: Shown) -> str:
    return mathml(shown.box) if shown.box is not None else "<em>too long to show</em>"


def _equation(equation: Equation) -> str:
    return in_lines(equation.left.box, equation.right.box) + _note(equation.right)


def _rewritten(before: Shown, after: Shown) -> str:
    """What a rewrite was applied to, and below it what it gave."""
    return f"{in_lines(None, before.box, '')}{_note(before)}{in_lines(None, after.box, '→')}{_note(after)}"


def _note(shown: Shown) -> str:
    return "" if shown.box is not None else " <em>too long to show</em>"


def _is_wide(shown: Shown) -> bool:
    """Whether a formula wants the whole page rather than one of its columns."""
    return shown.box is not None and width(drawn(shown.box)) > WIDE


def _sides(left: Shown, right: Shown, sign: str) -> str:
    if left.box is None:
        return f"<em>too long to show</em> {sign} {_math(right)}"
    return in_lines(left.box, right.box, sign) + ("" if right.box is not None else " <em>too long to show</em>")


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def _memory(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B"


def steps_html(sections: Sequence[Section]) -> str:
    """The steps of a derivation as a fragment of HTML, each to be unfolded."""
    return environment().get_template("steps.html.j2").render(sections=sections)


def formulas_page(model: Any, formulas: Sequence[Formula], with_steps: bool) -> str:
    """The formulas as a page of their own."""
    template = environment().get_template("formulas.html.j2")
    return template.render(
        name=model.name,
        version=__version__,
        groups=groups(formulas),
        sections=steps(model) if with_steps else [],
    )


def groups(formulas: Sequence[Formula]) -> list[dict[str, Any]]:
    """The formulas under their titles, each with its key and its MathML."""
    made = []
    for title, group in groupby(formulas, key=lambda formula: formula.title):
        rows = [{"key": key(f), "math": Markup(_shown(f))} for f in group]
        made.append({"title": title[0].upper() + title[1:], "rows": rows})
    return made


def _shown(formula: Formula) -> str:
    return in_lines(formula.left, formula.right) + ("" if formula.right is not None else f" {TOO_LONG}")


def key(formula: Formula) -> str:
    """What a page calls the formula, for links to it."""
    return f"{formula.title.lower()}-{formula.name}"
