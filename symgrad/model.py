"""`Model`: what a user writes, and what can be asked of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations_with_replacement
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from sympy import Basic, Indexed
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import targets
from symgrad.arguments import Argument
from symgrad.calculus.structure import Block
from symgrad.checking import Checking
from symgrad.codegen.environment import environment
from symgrad.compiler import (
    Derivation,
    adjoint,
    derive,
    expanded,
    is_recursive,
    recursion,
    short_blocks,
)
from symgrad.deep import with_room
from symgrad.errors import GradientCheckError, ModelError, UnsupportedError
from symgrad.files import write_all
from symgrad.formula.first_order import first_formula
from symgrad.formula.indexed import IndexNames
from symgrad.formula.listing import WIDEST, Second, body_of, formulas
from symgrad.formula.second_order import second_formula
from symgrad.formula.text import TOO_LONG, text
from symgrad.frontend import given
from symgrad.frontend.names import base_symbol, name_of
from symgrad.frontend.program import Program, index_symbols, read_program
from symgrad.functions.defined import definitions
from symgrad.generated import GeneratedModule, imported, load
from symgrad.graph.nodes import Named, Node, Use
from symgrad.graph.transform import tree_size
from symgrad.inspect.page import Report, report_page
from symgrad.inspect.show import show
from symgrad.outputs.derivatives import hessian, jacobian, written_out
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Function
from symgrad.outputs.second_order import Request, ready, second_order
from symgrad.rewrite.facts import expand_names
from symgrad.targets import NUMPY
from symgrad.verify.check import check_module
from symgrad.verify.draws import draw_inputs
from symgrad.verify.report import CheckReport, Run
from symgrad.verify.sampling import Draw, Sampler
from symgrad.verify.subject import Settings
from symgrad.verify.test_file import test_cases, test_file
from symgrad.version import __version__
from symgrad.walk import depth

_T = TypeVar("_T")

# An adjoint of at most this many operations, such as y - t, is written out where a formula refers to it.
SHORT = 2


# A formula is left out where formulas are shown if it would fill a page of text: about 50 lines of 100 characters, with
# room for the others. A term of more nodes has more characters, and is not written to be measured.
PAGE = 2000
LONGEST = 1000
MANY = 3  # a formula so many times longer does not become readable by being simplified, and is not tried
LONGEST_LINE = 30  # of a second derivative in the docstring of its function


class Model:
    """A scalar loss with the parameters to differentiate it by.

    Parameters
    ----------
    loss : a scalar SymPy expression, or a 1×1 matrix expression.
    parameters : the symbols to differentiate by: `MatrixSymbol`, `IndexedBase` with a shape, or scalar `Symbol`; a
        `Matrix` of symbols stands for these, row by row, a text for the symbol of that name. Every other free symbol
        that is not a dimension or a bound index is data.
    where : equations `Eq(name, expression)` that name intermediate quantities, indexed (`Eq(z[i], ...)`) or matrix;
        also pairs `(name, expression)`, or a dictionary `{name: expression}`. Symbols that `define` made bring theirs.
    facts : SymPy statements that the compiler may use and that the checker's inputs satisfy, such as
        `Eq(Sum(t[n, k], (k, 0, K - 1)), 1)`.
    sizes : the lengths to expect of dimensions, `{N: 60000, M: 784}`: products are ordered so that they are fast for
        these. The module serves every other size as well. By default samples are expected to be many, features few.
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
        where: Sequence[Any] | Mapping[Any, Any] = (),
        facts: Sequence[Any] = (),
        sizes: Mapping[Any, int] = MappingProxyType({}),
        name: str | None = None,
    ) -> None:
        self.loss = given.expression(loss)
        equations = given.equations(where)
        self.where: tuple[Any, ...] = (*definitions([self.loss, *equations]), *equations)
        parts = [part for part in (self.loss, *self.where) if isinstance(part, Basic)]
        self.parameters: tuple[Any, ...] = given.parameters(parameters, parts)
        self.facts: tuple[Any, ...] = given.listed(facts, "facts", "[x > 0]")
        self.name = given.model_name(name)
        parts += [part for part in self.facts if isinstance(part, Basic)]
        self._depth = depth(parts)
        program = self._run(lambda: read_program(self.loss, self.parameters, self.where, self.facts))
        self.program: Program = replace(program, sizes=given.sizes(sizes, program.dimensions))
        self._adjoints: dict[Any, Use] = {}

    def _run(self, function: Callable[[], _T]) -> _T:
        """`function()`, with room for SymPy's recursion over a deep model."""
        return with_room(self._depth, function)

    def __repr__(self) -> str:
        return f"Model({self.name}: by {', '.join(name_of(p) for p in self.parameters)})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.show('latex')}$"

    def _repr_html_(self) -> str:
        return self.show("html")

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of the generated functions: parameters, data in alphabetical order, undetermined dimensions.

        Examples
        --------
        >>> from sympy import Symbol
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> [(argument.name, argument.role) for argument in model.arguments]
        [('x', 'parameter'), ('a', 'data')]
        """
        return self.program.arguments

    # --- formulas -----------------------------------------------------------------------------------------------------

    @cached_property
    def derivation(self) -> Derivation:
        """The derived and simplified gradient, with the trace of its rewriting.

        Examples
        --------
        >>> from sympy import Symbol, exp, log
        >>> x = Symbol("x", real=True)
        >>> [name for name, before, after in Model(log(1 + exp(x)), [x]).derivation.trace.steps]
        ['softplus']
        """
        return self._run(lambda: derive(self.program))

    def gradient(self, parameter: Any, *, expand: bool = False) -> Any:
        """∂loss/∂parameter as a SymPy object.

        Parameters
        ----------
        parameter : a parameter, its name as text, or a subscripted one such as `W[j, k]`.
        expand : substitute the names of `where`.

        Returns
        -------
        A matrix expression where the formula has one, else a `Lambda` over indices; for a subscripted parameter the
        indexed expression in just those indices; for a scalar an expression.

        Raises
        ------
        ModelError : it is not a parameter of the model.

        Examples
        --------
        >>> from sympy import IndexedBase, Sum, symbols
        >>> i, N = symbols("i N", integer=True)
        >>> x = IndexedBase("x", shape=(N,))
        >>> model = Model(Sum(x[i]**2, (i, 0, N - 1)), [x])
        >>> model.gradient(x[i])
        2*x[i]
        """
        parameter = self._called(parameter)
        self._parameter(parameter)
        return self.adjoint(parameter, expand=expand)

    def adjoint(self, quantity: Any, *, expand: bool = False) -> Any:
        """∂loss/∂quantity for any parameter or any name of `where`; as `gradient` otherwise.

        Parameters
        ----------
        quantity : a parameter or a name, subscripted or not, or what it is called as text.
        expand : substitute the names of `where`.

        Raises
        ------
        ModelError : the model has no such quantity.
        UnsupportedError : it is a state of a recurrence, whose base cases steps refer to.

        Examples
        --------
        >>> from sympy import Eq, log, symbols
        >>> from symgrad import sigmoid
        >>> x, y = symbols("x y", real=True)
        >>> model = Model(-log(y), [x], where=[Eq(y, sigmoid(x))])
        >>> model.adjoint(y), model.adjoint(x)
        (-1/y, y - 1)
        """
        quantity = self._called(quantity)
        base = base_symbol(quantity)
        recursive = is_recursive(self._node(base))
        if recursive and base in self.program.resumed:
            name = name_of(base)
            raise UnsupportedError(
                f"the adjoint of {name}: its recurrence has no part for what refers to a base case of {name} directly; "
                f"give the base case a name of its own in `where`, Eq(start, ...), refer to that instead of {name}[0], "
                "and ask for its adjoint"
            )
        use = recursion(self.derivation, base) if recursive else self._adjoint(base)
        if expand:
            (use,) = expand_names([use])
        return self._run(lambda: first_formula(use, base, self._node(base), _subscripts(quantity), self._index_names))

    def hessian(self, p: Any, q: Any, *, expand: bool = False) -> Any:
        """∂²loss/∂p∂q as a SymPy object.

        Parameters
        ----------
        p, q : parameters, or subscripted ones such as `W[j, k]` and `W[l, m]`.
        expand : substitute the names of `where`.

        Returns
        -------
        Of two vectors (`MatrixSymbol`s with a side of one, or scalars) a matrix expression where the formula has one;
        for subscripted parameters the indexed expression in just those indices; of two scalars an expression; else a
        `Lambda` over the indices of p and then those of q, with `KroneckerDelta` where the Hessian is structured.

        Raises
        ------
        ModelError : one is not a parameter of the model.
        UnsupportedError : a second derivative that symgrad does not know; the message names it.

        Examples
        --------
        >>> from sympy import MatrixSymbol, symbols
        >>> M = symbols("M", integer=True, positive=True)
        >>> A, x = MatrixSymbol("A", M, M), MatrixSymbol("x", M, 1)
        >>> Model(x.T*A*x, [x]).hessian(x, x)
        A + A.T
        """
        p, q = self._called(p), self._called(q)
        for parameter in (p, q):
            self._parameter(parameter)
        first, second = base_symbol(p), base_symbol(q)

        def formula() -> Any:
            parts = [written_out(part, self.derivation) for part in hessian(self.derivation, first, second)]
            return self._second_formula(parts, (first, second), (p, q), expand)

        return self._run(formula)

    def jacobian(self, q: Any, p: Any, *, expand: bool = False) -> Any:
        """∂q/∂p for a name q of `where` and a parameter p, as a SymPy object; the same forms as `hessian`.

        Parameters
        ----------
        q, p : the name (subscripted or not, or its text) and the parameter.
        expand : substitute the names of `where`.

        Examples
        --------
        >>> from sympy import Eq, symbols
        >>> x, y = symbols("x y", real=True)
        >>> Model(y**2, [x], where=[Eq(y, x**3)]).jacobian(y, x)
        3*x**2
        """
        p = self._called(p)
        first, second = self._quantity(q), base_symbol(p)
        self._parameter(p)

        def formula() -> Any:
            parts = [written_out(part, self.derivation) for part in jacobian(self.derivation, first, second)]
            return self._second_formula(parts, (first, second), (first if isinstance(q, str) else q, p), expand)

        return self._run(formula)

    def _called(self, quantity: Any) -> Any:
        """The parameter or name of `where` that a text means; a symbol is itself."""
        if not isinstance(quantity, str):
            return given.quantity(quantity)
        known = {name_of(symbol): symbol for symbol in (*self.program.parameters, *self.program.names)}
        if quantity not in known:
            raise ModelError(
                f"{quantity!r} is neither a parameter nor a name of `where`; the model has {', '.join(known)}"
            )
        return known[quantity]

    def _parameter(self, parameter: Any) -> None:
        if base_symbol(parameter) not in self.program.parameters:
            known = ", ".join(name_of(p) for p in self.parameters)
            raise ModelError(f"{parameter} is not a parameter of this model; the parameters are {known}")

    def _second_formula(
        self, parts: Sequence[Block], bases: tuple[Any, Any], asked: tuple[Any, Any], expand: bool
    ) -> Any:
        """Blocks over the axes of two quantities as a SymPy object."""
        if expand:
            parts = [replace(part, cofactor=expand_names([part.cofactor])[0]) for part in parts]
        nodes = [self._node(base) for base in bases]
        return second_formula(parts, bases, nodes, [_subscripts(one) for one in asked], self._index_names)

    def block(self, quantity: Any) -> Any:
        """∂loss/∂quantity by the adjoints of the quantities that follow it: one step of the backward pass.

        Where `adjoint` has the whole formula, this one refers to the adjoint of a later block as the symbol ∂C/∂name,
        unless that is short enough to be written out. None if even so it is too long to be read.

        Parameters
        ----------
        quantity : a parameter or a name of `where`, without subscripts.

        Examples
        --------
        >>> from sympy import Eq, MatrixSymbol, symbols, tanh
        >>> from symgrad import total
        >>> N = symbols("N", integer=True, positive=True)
        >>> X, V, W, Z, H = (MatrixSymbol(name, N, N) for name in "XVWZH")
        >>> where = [Eq(Z, X*W), Eq(H, Z.applyfunc(tanh))]
        >>> Model(total(H*V*H), [W], where=where).block(W)
        X.T*∂C/∂Z
        """
        quantity = self._called(quantity)
        found = self.derivation.blocks.get(quantity)
        if quantity in self.program.parameters:
            use = self.derivation.gradient[quantity]
        elif found is not None:
            use = found.arg
        else:
            return self.adjoint(quantity)
        if tree_size(use) > MANY * LONGEST:
            return None
        if found is not None and is_recursive(found):
            use = recursion(self.derivation, quantity, self._short)
        else:
            use = expanded(use, self.derivation, self._short)
        if tree_size(use) > LONGEST:
            return None
        made = first_formula(use, quantity, self._node(quantity), None, self._index_names)
        return made if len(text(body_of(made))) <= PAGE else None

    @cached_property
    def _short(self) -> set[Named]:
        return short_blocks(self.derivation, SHORT)

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

    @cached_property
    def _index_names(self) -> IndexNames:
        return IndexNames(index_symbols([self.loss, *self.where, *self.facts], self.program))

    def show(
        self,
        format: str = "text",
        *,
        steps: bool = False,
        standalone: bool = False,
        hessian: bool = False,
        jacobian: Sequence[Any] = (),
    ) -> str:
        """The model's formulas: the loss, the names of `where` with their adjoints, and the gradient.

        Parameters
        ----------
        format : "text" (Unicode), "latex", "sympy" (a Python file in `srepr` form), "html" (with MathML) or "svg" (the
            graph as a picture).
        steps : the derivation step by step, too: the rewrites and the chain rule as applied; of text, LaTeX and HTML.
        standalone : a document of its own rather than a fragment; of LaTeX and HTML.
        hessian : with the second derivatives; of ∂²C/∂p∂q and ∂²C/∂q∂p one.
        jacobian : names of `where`, with their derivatives by every parameter.

        Raises
        ------
        ModelError : there is no such format, or it has no such form.

        Examples
        --------
        >>> from sympy import MatrixSymbol, symbols
        >>> N, M = symbols("N M", integer=True, positive=True)
        >>> X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
        >>> model = Model((X*w - y).T*(X*w - y), [w])
        >>> print(model.show())
        Loss
            C = (wᵀXᵀ − yᵀ)(X w − y)
        <BLANKLINE>
        Gradient
            ∂C/∂w = 2Xᵀ(X w − y)
        >>> print(model.show("latex").splitlines()[2])
          \\frac{\\partial C}{\\partial w} &= 2X^{\\top}(Xw-y)
        """

        def shown() -> str:
            more = self._second_blocks(self._request(hessian, False, jacobian))
            return show(self, format, steps, standalone, more)

        return self._run(shown)

    def report(self, seed: int = 0, *, progress: Callable[[str], None] = lambda doing: None) -> Report:
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
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> report = model.report()
        >>> report.check.ok, report.html.startswith("<!DOCTYPE html>")
        (True, True)
        """
        return self._run(lambda: report_page(self, seed, progress))

    def _second_blocks(self, request: Request) -> Any:
        """Formulas of second derivatives and Jacobians to be shown; None for those that are too long."""
        more: list[tuple[str, list[tuple[Any, Any]]]] = []
        if request.hessian:
            pairs = combinations_with_replacement(self.parameters, 2)
            more.append(("Hessian", [(Second(p, q, True), self._readable(p, q)) for p, q in pairs]))
        for name in request.jacobian:
            rows = [(Second(name, p, False), self._readable(name, p)) for p in self.parameters]
            more.append((f"Jacobian of {name_of(name)}", rows))
        return more

    def _readable(self, of: Any, by: Any, longest: int = LONGEST) -> Any:
        """The formula of a second derivative, or of a Jacobian of a name of `where`, unless it would fill pages."""
        parts = (jacobian if of in self.program.names else hessian)(self.derivation, of, by)
        if sum(tree_size(part.cofactor) for part in parts) > longest:
            return None
        parts = [written_out(part, self.derivation) for part in parts]
        if sum(tree_size(part.cofactor) for part in parts) > longest:
            return None
        return self._second_formula(parts, (of, by), (of, by), False)

    # --- code ---------------------------------------------------------------------------------------------------------

    def source(
        self,
        *,
        hessian: bool = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        workspace: bool = False,
        target: str = NUMPY,
    ) -> str:
        """The generated module's text; the same model gives the same bytes.

        Parameters
        ----------
        hessian : with `hessian`, and `hessian_compact` where the Hessian is structured.
        hvp : with `hessian_vector_product`.
        jacobian : names of `where` (as symbols or text), each with a function `jacobian_NAME`.
        workspace : with a class `Workspace`, whose arrays value and gradient use if they are given one.
        target : what the module is written in, "numpy" or "jax".

        Raises
        ------
        ModelError : there is no such target.
        UnsupportedError : the target has no spelling of a function of the model, or no such option.

        Examples
        --------
        >>> from sympy import Symbol
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> "grad_x = 3 * a * x ** 2" in model.source()
        True
        """
        return self._source(self._request(hessian, hvp, jacobian), workspace, target)

    def _source(self, request: Request, workspace: bool, target: str) -> str:
        write = targets.target(target).module_source

        def written() -> str:
            more = second_order(self.derivation, request, self._derivative_text)
            functions = [*self._first_order, *ready(more, self.derivation)]
            lines = formulas(self, short=True).splitlines()
            program = self.derivation.program
            return write(program, functions, self.name, lines, __version__, workspace=workspace)

        return self._run(written)

    @cached_property
    def _first_order(self) -> list[Function]:
        """Value and gradient, as they are generated."""
        return self._run(lambda: first_order(self.derivation))

    def _request(self, hessian: bool, hvp: bool, jacobian: Sequence[Any]) -> Request:
        names = [jacobian] if isinstance(jacobian, str | Basic) else jacobian
        return Request(hessian, hvp, tuple(dict.fromkeys(self._quantity(name) for name in names)))

    def _quantity(self, name: Any) -> Any:
        """The name of `where` that a symbol or a text means."""
        base = base_symbol(given.quantity(name))
        for known in self.program.names:
            if base == known or name == name_of(known):
                return known
        found = ", ".join(map(name_of, self.program.names)) or "there are none"
        raise ModelError(f"{name} is not a name of `where`, so it has no Jacobian; the names: {found}")

    def _derivative_text(self, of: Any, by: Any) -> str | None:
        """The formula of a second derivative or a Jacobian for a docstring; None if it is long."""
        value = self._readable(of, by, LONGEST_LINE)
        line = text(body_of(value))
        return line if value is not None and len(line) <= WIDEST and line != TOO_LONG else None

    def compile(
        self,
        check: bool = True,
        *,
        path: str | Path | None = None,
        seed: int = 0,
        hessian: bool = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        workspace: bool = False,
        target: str = NUMPY,
    ) -> GeneratedModule:
        """The generated module, imported under a name of its own.

        Parameters
        ----------
        check : compare it with numerical gradients first.
        path : also write its text to this file, after the check.
        seed : of the check's random inputs.
        hessian, hvp, jacobian : which functions of second order it has, as for `source`; they are checked, too.
        workspace : whether value and gradient take a `workspace`, whose arrays are kept between calls.
        target : what the module is written in, "numpy" or "jax"; the check is of that module.

        Raises
        ------
        GradientCheckError : the check failed, or was inconclusive: something of the gradient was not seen to be right,
            such as a branch that no inputs were found for. Nothing is written; `check=False` leaves the check out.

        Examples
        --------
        >>> from sympy import Symbol
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> value, gradient = model.compile().value_and_gradient(x=2.0, a=1.0)
        >>> float(value), float(gradient.x)
        (8.0, 12.0)
        """
        request = self._request(hessian, hvp, jacobian)
        text, goal = self._source(request, workspace, target), targets.target(target)
        if check:
            module = goal.on_arrays(goal.imported(text, self.name))
            report = self._check(module, request, Settings(seed), chain=False)
            if not report.ok:
                outcome = "failed" if report.verdict == "fail" else "was inconclusive"
                raise GradientCheckError(f"the gradient check of {self.name} {outcome}\n{report}", report)
        if path is not None:
            write_all({Path(path): text})
        return load(text, self.name, None if path is None else Path(path))

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
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> "def test_gradient_agrees_with_numerical_derivatives" in model.test_source("cubic_gradient")
        True
        """
        if self._run(lambda: self._checking.held()) is not None:
            raise UnsupportedError(
                f"{self.name} holds parameters in constant(...): numerical derivatives of its value move those, too, "
                "so that a test of the module alone would fail; use Model.check or `symgrad check`"
            )
        draws = self.draws(imported(self.source(), self.name), seed=seed)
        cases = test_cases(self.arguments, draws)
        return test_file(module_name, self.name, cases, environment(), hessian=hessian, hvp=hvp)

    def check(
        self,
        seed: int = 0,
        *,
        sizes: Any = None,
        inputs: Mapping[str, Any] | None = None,
        hessian: bool = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        workspace: bool = False,
        chain: bool = True,
        accuracy: bool = False,
        target: str = NUMPY,
    ) -> CheckReport:
        """Compare the generated gradient with numerical gradients, and the value with the SymPy loss.

        Parameters
        ----------
        seed : of the random inputs.
        sizes : sizes by dimension, one set or several; by default several are chosen.
        inputs : values for some arguments, by name; the others are drawn so that the facts hold. Large arrays are
            checked as a whole in float64, and everything else at blocks of neighbouring rows, which the report names.
        hessian, hvp, jacobian : check these, too, as differences of the gradient and of the named quantities.
        workspace : check the module whose functions take a `workspace`.
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
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> model.check().ok
        True
        """
        request = self._request(hessian, hvp, jacobian)
        goal = targets.target(target)
        module = goal.on_arrays(goal.imported(self._source(request, workspace, target), self.name))
        report = self._check(module, request, Settings(seed, sizes, inputs), chain)
        return replace(report, edges=(*report.edges, self._audit(module, seed, sizes))) if accuracy else report

    def _audit(self, module: Any, seed: int, sizes: Any) -> Run:
        """What an audit of the digits finds, from the first draw on."""
        draw = self.draws(module, seed=seed, sizes=sizes)[0]
        sampler = Sampler(self.arguments, self.facts, draw.sizes, np.random.default_rng(seed), where=self.where)
        return self._run(lambda: self._checking.audit(module, draw, sampler.satisfies))

    @cached_property
    def _checking(self) -> Checking:
        """What the checker has to know of the model."""
        model = (self.name, self.loss, self.where, self.facts)
        return Checking(*model, self.program, self.derivation, self._first_order)

    def draws(self, module: Any, *, seed: int = 0, sizes: Any = None) -> list[Draw]:
        """The inputs at which the model is checked, one draw for each set of sizes.

        Parameters
        ----------
        module : the generated module; inputs are drawn where its value is finite.
        seed : of the random inputs.
        sizes : sizes by dimension, one set or several; by default several are chosen.

        Examples
        --------
        >>> from sympy import Symbol
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> draw = model.draws(model.compile())[0]
        >>> sorted(draw.inputs)
        ['a', 'x']
        """
        settings = Settings(seed, sizes)
        return self._run(lambda: draw_inputs(self._checking.subject(module, chain=False), settings))

    def _check(self, module: Any, request: Request, settings: Settings, chain: bool) -> CheckReport:
        return self._run(lambda: check_module(self._checking.subject(module, request, chain), settings))


def _subscripts(quantity: Any) -> tuple[Any, ...] | None:
    if isinstance(quantity, Indexed):
        return tuple(quantity.indices)
    return (quantity.i, quantity.j) if isinstance(quantity, MatrixElement) else None
