"""The report as one page of HTML that needs nothing else, and formulas as a page."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from symgrad.codegen.environment import template_folder
from symgrad.codegen.lines import Listing
from symgrad.compiler import operations
from symgrad.files import write_all
from symgrad.formula.boxes import drawn
from symgrad.formula.breaking import width
from symgrad.formula.layout import layout
from symgrad.formula.mathml import TOO_LONG, in_lines, mathml
from symgrad.formula.sheet import Formula, sheet
from symgrad.inspect import measure, plots
from symgrad.inspect.code import linked_lines
from symgrad.inspect.display import framed
from symgrad.inspect.narrative import count
from symgrad.inspect.steps import steps
from symgrad.inspect.story import Equation, Section, Shown
from symgrad.inspect.svg import svg
from symgrad.inspect.writing import shape_text
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Function
from symgrad.targets import NUMPY, target
from symgrad.verify.report import CheckReport
from symgrad.verify.table import by_parameter
from symgrad.version import __version__

WIDE = 36.0  # letters, as `formula.breaking` counts them; about the width of a column of the forward pass

Progress = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class Report:
    """A model's report.

    Attributes
    ----------
    html : the page, which needs nothing else.
    check : the gradient check that it shows.
    """

    html: str
    check: CheckReport

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Report({self.check.name}: {len(self.html)} characters of HTML, ok={self.check.ok})"

    def _repr_html_(self) -> str:
        return framed(self.html, f"Report: {self.check.name}")

    def save(self, path: str | Path) -> None:
        """Write the page to a file."""
        write_all({Path(path): self.html})


@cache
def _environment() -> Environment:
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
    return _environment().get_template("steps.html.j2").render(sections=sections)


def formulas_page(model: Any, formulas: Sequence[Formula], with_steps: bool) -> str:
    """The formulas as a page of their own."""
    template = _environment().get_template("formulas.html.j2")
    return template.render(
        name=model.name,
        version=__version__,
        groups=_groups(formulas),
        sections=steps(model) if with_steps else [],
    )


def report_page(model: Any, seed: int = 0, progress: Progress = lambda doing: None) -> Report:
    """Everything about a model on one page: formulas, graph, code, derivation, gradient check, costs.

    Parameters
    ----------
    model : the `Model`.
    seed : of the inputs that the check draws.
    progress : is told what is being done.
    """
    progress("deriving the gradient")
    formulas = sheet(model)
    sections = steps(model)
    source = model.source()
    module = model.compile(check=False)
    progress("checking the gradient")
    report = model.check(seed=seed)
    names = [argument.name for argument in model.arguments if argument.role == "parameter"]
    draws = model.draws(module, seed=seed)
    curves = measure.curves(module, draws[0], names, seed)
    progress("measuring")
    functions = first_order(model.derivation)
    forward, everything = measure.operation_counts(model.derivation.program, functions)
    template = _environment().get_template("report.html.j2")
    page = template.render(
        name=model.name,
        version=__version__,
        arguments=[
            {"name": a.name, "role": a.role, "shape": shape_text(a.shape) or "scalar", "integer": a.integer}
            for a in model.arguments
        ],
        facts=[Markup(mathml(layout(fact))) for fact in model.facts],
        groups=_groups(formulas),
        graph=Markup(svg(model, "graph")),
        lines=linked_lines(_listing(model, functions), *_keys(model, formulas)),
        source=source,
        sections=sections,
        report=report,
        verdict=str(report.conclusion).splitlines(),
        rows=list(by_parameter(report.entries)),
        agreement=Markup(plots.agreement(report.entries)),
        steps_plot=Markup(plots.step_sizes(curves)),
        forward=str(forward).replace("**", "^").replace("*", "·"),
        everything=str(everything).replace("**", "^").replace("*", "·"),
        written=operations(model.program.loss, ()),
        timings=measure.timings(model, module, seed, everything),
        machine=f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
    )
    return Report(page, report)


def _groups(formulas: Sequence[Formula]) -> list[dict[str, Any]]:
    """The formulas under their titles, each with its key and its MathML."""
    made = []
    for title, group in groupby(formulas, key=lambda formula: formula.title):
        rows = [{"key": _key(f), "math": Markup(_shown(f))} for f in group]
        made.append({"title": title[0].upper() + title[1:], "rows": rows})
    return made


def _shown(formula: Formula) -> str:
    return in_lines(formula.left, formula.right) + ("" if formula.right is not None else f" {TOO_LONG}")


def _listing(model: Any, functions: Sequence[Function]) -> Listing:
    """The function that computes value and gradient."""
    (function,) = (one for one in functions if one.name == "value_and_gradient")
    return target(NUMPY).listed(function, model.derivation.program)


def _key(formula: Formula) -> str:
    return f"{formula.title.lower()}-{formula.name}"


def _keys(model: Any, formulas: Sequence[Formula]) -> tuple[dict[str, str], list[str]]:
    """The formulas' keys by the variables of the code, and those of the results."""
    variables = {"Loss": "loss", "where": "{}", "Adjoints": "d_{}", "Gradient": "grad_{}"}
    keys = {variables[f.title].format(f.name): _key(f) for f in formulas if f.title in variables}
    loss = next(_key(f) for f in formulas if f.title == "Loss")
    return keys, [loss, *(_key(f) for f in formulas if f.title == "Gradient")]
