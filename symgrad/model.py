"""`Model`: what a user writes, and what can be asked of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from sympy import Basic, Indexed, MatrixSymbol, S, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.arguments import Argument
from symgrad.codegen.environment import environment
from symgrad.codegen.module import module_source
from symgrad.compiler import Derivation, adjoint, derive, expanded, kink_plan, plan, short_blocks
from symgrad.deep import with_room
from symgrad.errors import GradientCheckError, ModelError
from symgrad.formula.indexed import IndexLambda, IndexNames, IndexWriter
from symgrad.formula.matrix import NoMatrixForm, matrix_form
from symgrad.formula.text import formulas, latex_formulas
from symgrad.frontend import given
from symgrad.frontend.names import base_symbol, name_of
from symgrad.frontend.program import Program, index_symbols, read_program
from symgrad.graph.nodes import Named, Node, Use
from symgrad.graph.transform import tree_size
from symgrad.rewrite.facts import expand_names
from symgrad.verify.check import check_module, draw_inputs
from symgrad.verify.reference import evaluate
from symgrad.verify.report import CheckReport
from symgrad.verify.test_file import test_cases, test_file
from symgrad.version import __version__
from symgrad.walk import depth

_T = TypeVar("_T")

# An adjoint of at most this many operations, such as y - t, is written out where a formula refers to it.
SHORT = 2


# A formula of more terms is left out where formulas are shown; it would fill pages.
LONGEST = 150


class Model:
    """A scalar loss with the parameters to differentiate it by.

    Parameters
    ----------
    loss : a scalar SymPy expression, or a 1×1 matrix expression.
    parameters : the symbols to differentiate by: `MatrixSymbol`, `IndexedBase` with a shape, or scalar `Symbol`. Every
        other free symbol that is not a dimension or a bound index is data.
    where : equations `Eq(name, expression)` that name intermediate quantities, indexed (`Eq(z[i], ...)`) or matrix.
    facts : SymPy statements that the compiler may use and that the checker's inputs satisfy, such as
        `Eq(Sum(t[n, k], (k, 0, K - 1)), 1)`.
    name : the model's name, for the generated module's docstring and the reports.

    Raises
    ------
    ModelError : a name, shape, index or equation is wrong.
    UnsupportedError : legal mathematics that symgrad does not know; the message names the sub-expression.

    Examples
    --------
    >>> from sympy import MatrixSymbol, symbols
    >>> N, M = symbols("N M", integer=True, positive=True)
    >>> X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
    >>> model = Model((X*w - y).T*(X*w - y), [w])
    >>> model.gradient(w)
    2*X.T*(X*w - y)
    """

    def __init__(
        self,
        loss: Any,
        parameters: Sequence[Any],
        *,
        where: Sequence[Any] = (),
        facts: Sequence[Any] = (),
        name: str | None = None,
    ) -> None:
        self.loss = given.expression(loss)
        self.parameters: tuple[Any, ...] = given.listed(parameters, "parameters", "[W, b]")
        self.where: tuple[Any, ...] = given.listed(where, "where", "[Eq(z, X*w)]")
        self.facts: tuple[Any, ...] = given.listed(facts, "facts", "[x > 0]")
        self.name = given.model_name(name)
        parts = [part for part in (self.loss, *self.where, *self.facts) if isinstance(part, Basic)]
        self._depth = depth(parts)
        self.program: Program = self._run(lambda: read_program(self.loss, self.parameters, self.where, self.facts))
        self._adjoints: dict[Any, Use] = {}

    def _run(self, function: Callable[[], _T]) -> _T:
        """`function()`, with room for SymPy's recursion over a deep model."""
        return with_room(self._depth, function)

    def __repr__(self) -> str:
        return f"Model({self.name}: by {', '.join(name_of(p) for p in self.parameters)})"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of the generated functions: parameters, data in alphabetical order, undetermined dimensions."""
        return self.program.arguments

    # --- formulas -----------------------------------------------------------------------------------------------------

    @cached_property
    def derivation(self) -> Derivation:
        """The derived and simplified gradient, with the trace of its rewriting."""
        return self._run(lambda: derive(self.program))

    def gradient(self, parameter: Any, *, expand: bool = False) -> Any:
        """∂loss/∂parameter as a SymPy object.

        Parameters
        ----------
        parameter : a parameter, or a subscripted one such as `W[j, k]`.
        expand : substitute the names of `where`.

        Returns
        -------
        A matrix expression where the formula has one, else a `Lambda` over indices; for a subscripted parameter the
        indexed expression in just those indices; for a scalar an expression.

        Raises
        ------
        ModelError : it is not a parameter of the model.
        """
        if base_symbol(parameter) not in self.program.parameters:
            known = ", ".join(name_of(p) for p in self.parameters)
            raise ModelError(f"{parameter} is not a parameter of this model; the parameters are {known}")
        return self.adjoint(parameter, expand=expand)

    def adjoint(self, quantity: Any, *, expand: bool = False) -> Any:
        """∂loss/∂quantity for any parameter or any name of `where`; as `gradient` otherwise."""
        base = base_symbol(quantity)
        self._node(base)
        use = self._adjoint(base)
        if expand:
            (use,) = expand_names([use])
        return self._run(lambda: self._formula(use, base, _subscripts(quantity)))

    def block(self, quantity: Any) -> Any:
        """∂loss/∂quantity by the adjoints of the quantities that follow it: one step of the backward pass.

        Where `adjoint` has the whole formula, this one refers to the adjoint of a later block as the symbol ∂C/∂name,
        unless that is short enough to be written out. None if even so it is too long to be read.
        """
        found = self.derivation.blocks.get(quantity)
        if quantity in self.program.parameters:
            use = self.derivation.gradient[quantity]
        elif found is not None:
            use = found.arg
        else:
            return self.adjoint(quantity)
        use = expanded(use, self.derivation, self._short)
        if tree_size(use) > LONGEST:
            return None
        return self._formula(use, quantity, None)

    @cached_property
    def _short(self) -> set[Named]:
        return short_blocks(self.derivation, SHORT)

    def _formula(self, use: Use, base: Any, subscripts: tuple[Any, ...] | None) -> Any:
        """A term over a quantity's axes as a SymPy object."""
        node = self._node(base)
        writer = IndexWriter(self._index_names)
        if subscripts is not None:
            if isinstance(base, MatrixSymbol):
                subscripts = tuple(sub for sub, side in zip(subscripts, base.shape, strict=True) if side != 1)
            return writer.write(use, dict(enumerate(subscripts)))
        if isinstance(base, Symbol):
            return writer.write(use, {})
        if isinstance(base, MatrixSymbol):
            try:
                return self._matrix(use, base)
            except (NoMatrixForm, NotImplementedError):  # SymPy refuses some products of scalars and matrices
                pass
        taken: set[Any] = set()
        symbols = []
        for size in base.shape if isinstance(base, MatrixSymbol) else node.shape:
            symbols.append(self._index_names.pick(S(size), taken))
            taken.add(symbols[-1])
        kept = (
            [s for s, side in zip(symbols, base.shape, strict=True) if side != 1]
            if isinstance(base, MatrixSymbol)
            else symbols
        )
        return IndexLambda(tuple(symbols), writer.write(use, dict(enumerate(kept))))

    def _node(self, base: Any) -> Node:
        node: Node | None = self.program.parameters.get(base) or self.program.names.get(base)
        if node is None:
            known = ", ".join(name_of(s) for s in (*self.program.parameters, *self.program.names))
            raise ModelError(f"{base} is neither a parameter nor a name of `where`; the model has {known}")
        return node

    def _adjoint(self, base: Any) -> Use:
        if base in self._adjoints:
            return self._adjoints[base]
        if base in self.program.parameters:
            found = expanded(self.derivation.gradient[base], self.derivation)
        else:
            found = adjoint(self.program, base)
        self._adjoints[base] = found
        return found

    def _matrix(self, use: Use, base: MatrixSymbol) -> Any:
        axes = iter(range(2))
        rows, columns = ((None if side == 1 else next(axes), side) for side in base.shape)
        return matrix_form(use, rows, columns)

    @cached_property
    def _index_names(self) -> IndexNames:
        return IndexNames(index_symbols([self.loss, *self.where, *self.facts], self.program))

    def show(self, format: str = "text") -> str:
        """The model's formulas: the loss, the names of `where` with their adjoints, and the gradient.

        Parameters
        ----------
        format : "text" (Unicode) or "latex".
        """
        if format not in ("text", "latex"):
            raise ModelError(f"format {format!r} is not known; choose text or latex")
        return self._run(lambda: formulas(self) if format == "text" else latex_formulas(self))

    # --- code ---------------------------------------------------------------------------------------------------------

    def source(self) -> str:
        """The generated module's text; the same model gives the same bytes."""

        def text() -> str:
            lines = formulas(self, short=True).splitlines()
            return module_source(plan(self.derivation), self.name, lines, __version__, environment())

        return self._run(text)

    def compile(self, check: bool = True, *, path: str | Path | None = None, seed: int = 0) -> ModuleType:
        """The generated module, imported.

        Parameters
        ----------
        check : compare it with numerical gradients first.
        path : also write its text to this file, after the check.
        seed : of the check's random inputs.

        Raises
        ------
        GradientCheckError : the check failed; nothing is written.
        """
        text = self.source()
        module = _imported(text, self.name)
        if check:
            report = self._check(module, seed=seed)
            if not report.ok:
                raise GradientCheckError(f"the gradient check of {self.name} failed\n{report}", report)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return module

    def test_source(self, module_name: str, seed: int = 0) -> str:
        """The text of a pytest file that checks the generated module beside it; it needs NumPy and pytest only.

        Parameters
        ----------
        module_name : the name of the generated module, without `.py`.
        seed : of the inputs, which are written into the file.
        """
        module = _imported(self.source(), self.name)
        draws = self._run(lambda: draw_inputs(module, self.arguments, self.facts, **self._checking(), seed=seed))
        return test_file(module_name, self.name, test_cases(self.arguments, draws), environment())

    def check(self, seed: int = 0, *, sizes: Any = None, inputs: Mapping[str, Any] | None = None) -> CheckReport:
        """Compare the generated gradient with numerical gradients, and the value with the SymPy loss.

        Parameters
        ----------
        seed : of the random inputs.
        sizes : sizes by dimension, one set or several; by default several are chosen.
        inputs : values for some arguments, by name; the others are drawn so that the facts hold.
        """
        return self._check(_imported(self.source(), self.name), seed=seed, sizes=sizes, inputs=inputs)

    def _check(self, module: Any, **options: Any) -> CheckReport:
        return self._run(
            lambda: check_module(module, self.arguments, self.facts, name=self.name, **self._checking(), **options)
        )

    def _checking(self) -> dict[str, Any]:
        """What the checker has to know of the model beside its arguments and facts."""
        by_name = {a.name: a.symbol for a in self.arguments if a.role != "dimension"}

        def reference(inputs: Mapping[str, Any], sizes: Mapping[Any, int]) -> float:
            values = {by_name[name]: np.asarray(value) for name, value in inputs.items() if name in by_name}
            try:
                return float(evaluate(self.loss, values, dict(sizes), where=self.where))
            except (ValueError, ZeroDivisionError, OverflowError):  # the loss is not a real number there
                return float("nan")

        return {
            "dimensions": self.program.dimensions,
            "minimum_sizes": self.program.minimum_sizes,
            "lengths": self.program.lengths,
            "reference": reference,
            "where": self.where,
            "kink_distance": self._kink_distance(),
        }

    def _kink_distance(self) -> Callable[[dict[str, Any]], float] | None:
        """The distance of inputs from the nearest kink, as a function generated like the loss."""
        found = kink_plan(self.derivation)
        if found is None:
            return None
        module = _imported(module_source(found, self.name, (), __version__, environment()), f"kinks of {self.name}")
        return lambda inputs: float(module.value(**inputs))


def _subscripts(quantity: Any) -> tuple[Any, ...] | None:
    if isinstance(quantity, Indexed):
        return tuple(quantity.indices)
    return (quantity.i, quantity.j) if isinstance(quantity, MatrixElement) else None


def _imported(text: str, name: str) -> ModuleType:
    module = ModuleType(name)
    exec(compile(text, f"<generated {name}>", "exec"), module.__dict__)
    return module
