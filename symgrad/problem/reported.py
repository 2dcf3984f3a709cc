"""The report of a problem: formulas, where its matrices have their entries, its module and the check of it."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
from markupsafe import Markup

from symgrad.calls import checked, whole_number
from symgrad.errors import ModelError
from symgrad.formula.mathml import in_lines
from symgrad.inspect import plots
from symgrad.inspect.page import environment
from symgrad.inspect.report import Report
from symgrad.inspect.sparsity import sparsity
from symgrad.problem.conditions import Row, Sections, ShownProblem
from symgrad.problem.functions import CONSTRAINTS, HESSIAN, HESSIAN_PATTERN, JACOBIAN, JACOBIAN_PATTERN
from symgrad.verify.table import by_parameter
from symgrad.version import __version__

_SIDE = 12  # of each array in the pictures, if the problem has such sizes: small enough to see single entries


class ReportedProblem(ShownProblem):
    """A problem's report; see `Problem`."""

    @checked("report(seed=1)")
    def report(self, seed: int = 0, *, progress: Callable[[str], None] = lambda doing: None) -> Report:
        """Everything about the problem as one page of HTML that needs nothing else: no network, no other file.

        The problem, its Lagrangian and the conditions of a minimum, pictures of where Jacobian and Hessian of the
        Lagrangian have entries, the module, and the check.

        Parameters
        ----------
        seed : of the inputs that the check draws.
        progress : is told what is being done.

        Returns
        -------
        Report : its `.html` is the page, which `.save(path)` writes; its `.check` is the check.

        Examples
        --------
        >>> from sympy import Le, symbols
        >>> from symgrad import Problem
        >>> x, y = symbols("x y", real=True)
        >>> report = Problem(x**2 + y**2, [x, y], subject_to=[Le(1, x)]).report()
        >>> report.check.ok, report.html.count("<svg") >= 2
        (True, True)
        """
        seed = whole_number("seed", seed)
        progress("deriving the derivatives")
        source = self.source()
        sections = self.model._run(lambda: [*self._stated(), *self._conditions()])
        progress("checking them")
        check = self.check(seed=seed)
        progress("drawing")
        sizes, pictures = self._pictures(seed)
        page = (
            environment()
            .get_template("problem.html.j2")
            .render(
                name=self.name,
                version=__version__,
                groups=_groups(sections),
                pictures=pictures,
                sizes=sizes,
                source=source,
                report=check,
                verdict=str(check.conclusion).splitlines(),
                rows=list(by_parameter(check.entries)),
                agreement=Markup(plots.agreement(check.entries)),
                steps_plot="",
            )
        )
        return Report(page, check)

    def _pictures(self, seed: int) -> tuple[str, list[dict[str, Any]]]:
        """The sizes that are drawn, and for each matrix its picture and what it has."""
        module, inputs = self._unchecked_module, self._drawn(seed)
        variables = [(name, int(np.size(inputs[name]))) for name in module.PARAMETERS]
        found = []
        if self.constraints:
            values = _called(module, CONSTRAINTS, inputs)
            rows = [(one.name, int(np.size(value))) for one, value in zip(self.constraints, values, strict=True)]
            found.append(("Jacobian of the constraints", JACOBIAN, JACOBIAN_PATTERN, rows))
        found.append(("Hessian of the Lagrangian", HESSIAN, HESSIAN_PATTERN, variables))
        made = []
        for title, function, pattern, rows in found:
            places = _called(module, pattern, inputs)
            picture = sparsity(function, title, (rows, variables), places.rows, places.columns)
            said = f"{places.shape[0]} × {places.shape[1]}, {len(places.rows)} entries"
            made.append({"title": title, "function": function, "said": said, "picture": Markup(picture)})
        sizes = ", ".join(f"{name} = {inputs[name]}" for name in module.DIMENSIONS)
        return sizes, made

    def _drawn(self, seed: int) -> dict[str, Any]:
        """Inputs at which matrices are drawn."""
        dimensions = self.model.program.dimensions
        for sizes in (dict.fromkeys(dimensions, _SIDE), None):
            try:
                draws = self.model.draws(self.model.compile(check=False), seed=seed, sizes=sizes, timed=True)
            except ModelError:  # the problem has no such sizes
                continue
            largest = max(draws, key=lambda draw: sum(draw.sizes.values()))
            return {**{str(dimension): size for dimension, size in largest.sizes.items()}, **largest.inputs}
        raise ModelError("no inputs are found at which the problem's functions are finite")


def _called(module: Any, function: str, inputs: dict[str, Any]) -> Any:
    """A function of a module with what it takes of the inputs."""
    taken = signature(getattr(module, function)).parameters
    return getattr(module, function)(**{name: inputs[name] for name in taken if name in inputs})


def _groups(sections: Sections) -> list[dict[str, Any]]:
    return [{"title": title, "rows": [_shown(one) for one in rows]} for title, rows in sections]


def _shown(one: Row) -> dict[str, Any]:
    return {"math": Markup(in_lines(None, one.formula, "")), "said": one.said.strip()}
