"""A problem as code: its module, and the check of it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Basic

from symgrad import targets
from symgrad.calls import checked, switch, whole_number
from symgrad.errors import GradientCheckError, UnsupportedError
from symgrad.files import write_all
from symgrad.generated import load
from symgrad.interface import GeneratedModule
from symgrad.outputs.request import Request
from symgrad.problem.calls import as_checked
from symgrad.problem.functions import problem_functions, with_multipliers
from symgrad.problem.stated import StatedProblem
from symgrad.targets import NUMPY
from symgrad.verify.check import check_module
from symgrad.verify.report import CheckReport
from symgrad.verify.subject import Settings
from symgrad.version import __version__

_WITH_SPARSE = (NUMPY, "numba")
LIMITS = {"=": "(0.0, 0.0)", "≤": "(None, 0.0)", "≥": "(0.0, None)"}


class CompiledProblem(StatedProblem):
    """A problem's generated module; see `Problem`."""

    @checked('source(target="jax")')
    def source(self, *, target: str = NUMPY) -> str:
        """The generated module's text.

        It has `objective`, `gradient`, `objective_and_gradient`; `constraints`, with a field for each; sparse matrices
        by the flat vector of all variables, with `to_scipy()`: `jacobian`, and `hessian_of_lagrangian`, which takes
        `factor` and an array `multiplier_NAME` for each constraint besides; where their entries stand,
        `jacobian_pattern` and `hessian_pattern`, which depends on sizes and data alone; the table CONSTRAINTS of the
        least and the largest value of each, and BOUNDS.

        Parameters
        ----------
        target : what the module is written in, "numpy" or "numba".

        Raises
        ------
        UnsupportedError : the target has no sparse matrices.

        Examples
        --------
        >>> from sympy import Le, symbols
        >>> from symgrad import Problem
        >>> x, y = symbols("x y", real=True)
        >>> print(Problem(x**2 + y, [x, y], subject_to=[Le(x*y, 1)]).source().split("CONSTRAINTS")[1])
        : dict[str, tuple[float | None, float | None]] = {"c0": (None, 0.0)}
        BOUNDS: dict[str, tuple[Any, Any]] = {"x": (None, None), "y": (None, None)}
        <BLANKLINE>
        """
        if targets.target(target).name not in _WITH_SPARSE:
            raise UnsupportedError(
                f"the target {target} has no sparse matrices, which Jacobian and Hessian of a problem are; take "
                f"{' or '.join(_WITH_SPARSE)}"
            )
        if target not in self._sources:
            self._sources[target] = self.model._run(lambda: self._written(target))
        return self._sources[target]

    @cached_property
    def _unchecked_module(self) -> Any:
        return self.compile(check=False)

    @cached_property
    def _sources(self) -> dict[str, str]:
        return {}

    def _written(self, target: str) -> str:
        model, goal = self.model, targets.target(target)
        names = [one.symbol for one in self.constraints]
        given = [base for base in model.program.names if base not in (self._objective_name, *names)]
        derivation = with_multipliers(model.derivation, self.multipliers)
        functions = problem_functions(derivation, self._objective_name, names, given)
        program = derivation.program
        text = goal.module_source(program, functions, self.name, self._summary(), __version__)
        limits = ", ".join(f'"{one.name}": {LIMITS[one.kind]}' for one in self.constraints)
        ends = ", ".join(f'"{name}": ({_text(b.low)}, {_text(b.high)})' for name, b in self.bounds.items())
        table = "CONSTRAINTS: dict[str, tuple[float | None, float | None]] = {"
        return f"{text}\n\n{table}{limits}}}\nBOUNDS: dict[str, tuple[Any, Any]] = {{{ends}}}\n"

    @checked('compile(check=False, path="problem.py")')
    def compile(
        self, check: bool = True, *, path: str | Path | None = None, seed: int = 0, target: str = NUMPY
    ) -> GeneratedModule:
        """The generated module, imported under a name of its own.

        Parameters
        ----------
        check : compare its derivatives with numerical ones first, its values with what the problem says.
        path : also write its text to this file, after the check.
        seed : of the check's random inputs.
        target : what the module is written in.

        Raises
        ------
        GradientCheckError : the check failed, or was inconclusive.
        """
        text = self.source(target=target)
        if switch("check", check):
            report = self.check(whole_number("seed", seed), chain=False, target=target)
            GradientCheckError.unless_ok(report, f"the check of {self.name}")
        if path is not None:
            write_all({Path(path): text})
        return load(text, self.name, None if path is None else Path(path))

    @checked("check(sizes={N: 3})")
    def check(
        self,
        seed: int = 0,
        *,
        sizes: Any = None,
        inputs: Mapping[str, Any] | None = None,
        chain: bool = True,
        target: str = NUMPY,
    ) -> CheckReport:
        """Compare objective and constraints with what the problem says, and all derivatives with numerical ones.

        The Hessian is compared with differences of the gradient of the Lagrangian at random multipliers, which is
        itself checked. The arguments are those of `Model.check`.
        """
        model, goal = self.model, targets.target(target)
        names = tuple(one.symbol for one in self.constraints)
        quantities = (*names, self._objective_name)
        module = goal.on_arrays(goal.imported(self.source(target=target), self.name))
        lagrangian = goal.on_arrays(goal.imported(model.source(hessian="sparse", target=target), self.name))
        joined = as_checked(module, lagrangian, self.variables, [one.name for one in self.constraints])
        request = Request(sparse=True, jacobian=quantities, quantities=quantities)
        settings = Settings(whole_number("seed", seed), sizes, model._inputs(inputs), switch("chain", chain))
        return model._run(lambda: check_module(model._checking.subject(joined, request), settings))

    def _summary(self) -> list[str]:
        """The lines of the module's docstring."""
        return [repr(self)]


def _text(end: Any) -> str:
    """An end of a bound in a module: a number, a list, None for none, or the name or an expression of data."""
    if isinstance(end, str | Basic):
        return f'"{end}"'
    if np.ndim(end):
        return repr(np.asarray(end).tolist()).replace("inf", 'float("inf")')
    return "None" if np.isinf(end) else repr(float(end))
