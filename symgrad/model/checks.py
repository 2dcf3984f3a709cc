"""What can be asked of a model that runs its generated module: the check, and what is checked before it is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from symgrad import targets
from symgrad.calls import checked, quoted, switch, whole_number
from symgrad.errors import GradientCheckError, ModelError, UnsupportedError
from symgrad.files import write_all
from symgrad.generated import imported, load
from symgrad.interface import GeneratedModule, TensorModule
from symgrad.later import Later
from symgrad.model.code import Code, Options
from symgrad.outputs.request import Request
from symgrad.targets import NUMPY
from symgrad.version import __version__

if TYPE_CHECKING:
    from symgrad.model import numerics
else:
    numerics = Later("symgrad.model.numerics")


class Checks(Code):
    """A model's module compared with numerical gradients, and what rests on that; see `Model`."""

    @overload
    def compile(
        self,
        check: bool = True,
        *,
        path: str | Path | None = None,
        seed: int = 0,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        target: Literal["jax", "torch"],
    ) -> TensorModule: ...

    @overload
    def compile(
        self,
        check: bool = True,
        *,
        path: str | Path | None = None,
        seed: int = 0,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        target: Literal["numpy", "numba"] = "numpy",
    ) -> GeneratedModule: ...

    @overload
    def compile(
        self,
        check: bool = True,
        *,
        path: str | Path | None = None,
        seed: int = 0,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        target: str,
    ) -> GeneratedModule | TensorModule: ...

    @checked('compile(check=False, path="model_gradient.py")')
    def compile(
        self,
        check: bool = True,
        *,
        path: str | Path | None = None,
        seed: int = 0,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        target: str = NUMPY,
    ) -> GeneratedModule | TensorModule:
        """The generated module, imported under a name of its own.

        Parameters
        ----------
        check : compare it with numerical gradients first.
        path : also write its text to this file, after the check.
        seed : of the check's random inputs.
        hessian, hvp, jacobian, quantities : which other functions it has, as for `source`; they are checked, too.
        workspace : whether value and gradient take a `workspace`, whose arrays are kept between calls.
        chunks : whether it has functions for rows of data that come in chunks, as for `source`; checked, too.
        target : what the module is written in, "numpy", "jax", "torch" or "numba"; the check is of that module.

        Raises
        ------
        GradientCheckError : the check failed, or was inconclusive: something of the gradient was not seen to be right,
            such as a branch that no inputs were found for. Nothing is written; `check=False` leaves the check out.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> value, gradient = model.compile().value_and_gradient(x=2.0, a=1.0)
        >>> float(value), float(gradient.x)
        (8.0, 12.0)
        """
        request, seed = self._request(hessian, hvp, jacobian, quantities), whole_number("seed", seed)
        if isinstance(check, str):
            raise ModelError(f"check is {quoted(check)}; give True or False, and a file as path={check!r}")
        check = switch("check", check)
        if not isinstance(path, str | Path | None):
            raise ModelError(f"path is {quoted(path)}; give the name of a file, such as path='model_gradient.py'")
        options = Options(switch("workspace", workspace), switch("chunks", chunks))
        text, goal = self._source(request, options, target), targets.target(target)
        if check:
            module = self._checked_module(text, goal)
            report = self._check(module, request, numerics.Settings(seed, chain=False))
            GradientCheckError.unless_ok(report, f"the gradient check of {self.name}")
        if path is not None:
            write_all({Path(path): text})
        return load(text, self.name, None if path is None else Path(path))

    @checked('test_source("model_gradient")')
    def test_source(self, module_name: str, seed: int = 0, *, hessian: bool = False, hvp: bool = False) -> str:
        """The text of a pytest file that checks the generated module beside it; it needs NumPy and pytest only.

        Parameters
        ----------
        module_name : the name of the generated module, without `.py`.
        seed : of the inputs, which are written into the file.
        hessian, hvp : whether the module has these functions, which are tested, too.

        Raises
        ------
        UnsupportedError : the model has a parameter inside `constant`.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> "def test_gradient_agrees_with_numerical_derivatives" in model.test_source("cubic_gradient")
        True
        """
        self._needs_loss("gradient to test")
        if self._run(lambda: self._checking.held()) is not None:
            raise UnsupportedError(
                f"{self.name} holds parameters in constant(...): numerical derivatives of its value move those, too, "
                "so that a test of the module alone would fail; use Model.check or `symgrad check`"
            )
        draws = self.draws(imported(self.source(), self.name), seed=seed)
        return numerics.written_test(
            module_name, self.name, self.arguments, draws, numerics.environment(), hessian=hessian, hvp=hvp
        )

    @checked("check(sizes={N: 3}, hessian=True)")
    def check(
        self,
        seed: int = 0,
        *,
        sizes: Any = None,
        inputs: Mapping[str, Any] | None = None,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        chain: bool = True,
        accuracy: bool = False,
        target: str = NUMPY,
    ) -> "numerics.CheckReport":
        """Compare the generated gradient with numerical gradients, and the value with the SymPy loss.

        Parameters
        ----------
        seed : of the random inputs.
        sizes : sizes by dimension, one set or several; by default several are chosen.
        inputs : values for some arguments, by name; the others are drawn so that the facts hold. Large arrays are
            checked as a whole in float64, and everything else at blocks of neighbouring rows, which the report names.
        hessian, hvp, jacobian, quantities : check these, too: derivatives as differences of the gradient and of the
            named quantities, and these against their definitions.
        workspace : check the module whose functions take a `workspace`.
        chunks : check the module with functions for rows in chunks, and these.
        chain : also compare the stages of the compiler with each other at 50 digits, from the SymPy loss to the code,
            so that what is wrong is blamed on one of them.
        accuracy : also audit the digits of value and gradient on a logarithmic grid of each input, from 1e-300 to
            1e300 where the facts allow it, against mpmath; what loses them is named. It takes seconds to minutes.
        target : what the module to be checked is written in.

        Returns
        -------
        CheckReport : prints itself; `.ok` says whether the gradient is right.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> model.check().ok
        True
        """
        request, seed = self._request(hessian, hvp, jacobian, quantities), whole_number("seed", seed)
        inputs, chain, accuracy = self._inputs(inputs), switch("chain", chain), switch("accuracy", accuracy)
        options = Options(switch("workspace", workspace), switch("chunks", chunks))
        goal = targets.target(target)
        module = self._checked_module(self._source(request, options, target), goal)
        return self._check(module, request, numerics.Settings(seed, sizes, inputs, chain, accuracy))

    def _inputs(self, inputs: Any) -> dict[str, Any] | None:
        """The values for arguments by their names, which may be given as symbols.

        Raises
        ------
        ModelError : they are no dictionary.
        """
        if inputs is None:
            return None
        if not isinstance(inputs, Mapping):
            raise ModelError(f"inputs is {quoted(inputs)}; give a dictionary such as {{'w': np.ones(2)}}")
        names = {argument.symbol: argument.name for argument in self.arguments}
        return {names.get(key, str(key)): value for key, value in inputs.items()}

    @cached_property
    def _checking(self) -> "numerics.Checking":
        """What the checker has to know of the model."""
        model = (self.name, self._stated, self.where, self.facts)
        return numerics.Checking(*model, self.program, self.derivation, self._first_order)

    @checked("draws(module)")
    def draws(self, module: Any, *, seed: int = 0, sizes: Any = None, timed: bool = False) -> "list[numerics.Draw]":
        """The inputs at which the model is checked, one draw for each set of sizes.

        Parameters
        ----------
        module : the generated module; inputs are drawn where its value is finite.
        seed : of the random inputs.
        sizes : sizes by dimension, one set or several; by default several are chosen.
        timed : the inputs are to measure time with: they may be near kinks, and facts about names are not tested.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> draw = model.draws(model.compile())[0]
        >>> sorted(draw.inputs)
        ['a', 'x']
        """
        settings = numerics.Settings(seed, sizes)
        module = module if self.loss is not None else self._with_squares(module, targets.target(NUMPY))
        subject = self._checking.subject(module)
        if timed:
            facts = [fact for fact in self.facts if not any(fact.has(name) for name in self.program.names)]
            subject = replace(subject, kinks=None, reference=None, facts=facts)
        return self._run(lambda: numerics.draw_inputs(subject, settings))

    def _checked_module(self, text: str, goal: targets.Target) -> Any:
        """The module of a text as the check calls it."""
        module = goal.on_arrays(goal.imported(text, self.name))
        return module if self.loss is not None else self._with_squares(module, goal)

    def _with_squares(self, module: Any, goal: targets.Target) -> Any:
        """A module without a loss beside value and gradient of the squares of its quantities."""
        if goal not in self._squares:
            program = self.derivation.program
            text = goal.module_source(program, self._first_order, self.name, (), __version__)
            self._squares[goal] = goal.on_arrays(goal.imported(text, self.name))
        return numerics.together(module, self._squares[goal])

    @cached_property
    def _squares(self) -> dict[targets.Target, Any]:
        return {}

    def _check(self, module: Any, request: Request, settings: "numerics.Settings") -> "numerics.CheckReport":
        return self._run(lambda: numerics.check_module(self._checking.subject(module, request), settings))

    @checked("report(seed=1)")
    def report(self, seed: int = 0, *, progress: Callable[[str], None] = lambda doing: None) -> "numerics.Report":
        """Everything about the model as one page of HTML that needs nothing else: no network, no other file.

        Formulas (as MathML) beside the code that computes them, the graph, the derivation step by step, the gradient
        check with its plots, operations, memory and timings on this machine.

        Parameters
        ----------
        seed : of the inputs that the check draws.
        progress : is told what is being done.

        Returns
        -------
        Report : its `.html` is the page, which `.save(path)` writes; its `.check` is the gradient check.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> report = model.report()
        >>> report.check.ok, report.html.startswith("<!DOCTYPE html>")
        (True, True)
        """
        self._needs_loss("report")
        if isinstance(seed, str):
            raise ModelError(f"seed is {quoted(seed)}; the page is written by report().save({seed!r})")
        seed = whole_number("seed", seed)
        return self._run(lambda: numerics.report_page(self, seed, progress))
