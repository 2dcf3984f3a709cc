"""The report: everything about a model as one page of HTML that needs nothing else."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from symgrad.codegen.lines import Listing
from symgrad.compiler import operations
from symgrad.files import write_all
from symgrad.formula.layout import layout
from symgrad.formula.mathml import mathml
from symgrad.formula.sheet import Formula, sheet
from symgrad.inspect import measure, plots
from symgrad.inspect.code import linked_lines
from symgrad.inspect.display import framed
from symgrad.inspect.page import environment, groups, key
from symgrad.inspect.steps import steps
from symgrad.inspect.svg import svg
from symgrad.inspect.writing import shape_text
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Function
from symgrad.targets import NUMPY, target
from symgrad.verify.report import CheckReport
from symgrad.verify.table import by_parameter
from symgrad.version import __version__

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
    template = environment().get_template("report.html.j2")
    page = template.render(
        name=model.name,
        version=__version__,
        arguments=[
            {"name": a.name, "role": a.role, "shape": shape_text(a.shape) or "scalar", "integer": a.integer}
            for a in model.arguments
        ],
        facts=[Markup(mathml(layout(fact))) for fact in model.facts],
        groups=groups(formulas),
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


def _listing(model: Any, functions: Sequence[Function]) -> Listing:
    """The function that computes value and gradient."""
    (function,) = (one for one in functions if one.name == "value_and_gradient")
    return target(NUMPY).listed(function, model.derivation.program)


def _keys(model: Any, formulas: Sequence[Formula]) -> tuple[dict[str, str], list[str]]:
    """The formulas' keys by the variables of the code, and those of the results."""
    variables = {"Loss": "loss", "where": "{}", "Adjoints": "d_{}", "Gradient": "grad_{}"}
    keys = {variables[f.title].format(f.name): key(f) for f in formulas if f.title in variables}
    loss = next(key(f) for f in formulas if f.title == "Loss")
    return keys, [loss, *(key(f) for f in formulas if f.title == "Gradient")]
