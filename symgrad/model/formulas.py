"""What can be asked of a model as formulas."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

from sympy import Indexed
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.calculus.structure import Block
from symgrad.calls import checked
from symgrad.compiler import adjoint, expanded, is_recursive, recursion, short_blocks
from symgrad.errors import UnsupportedError
from symgrad.formula.first_order import first_formula
from symgrad.formula.listing import Second, body_of
from symgrad.formula.roots import roots_named
from symgrad.formula.second_order import second_formula
from symgrad.formula.sheet import Formula, sheet
from symgrad.formula.text import text
from symgrad.frontend.names import base_symbol, name_of
from symgrad.graph.nodes import Named, Use
from symgrad.graph.transform import tree_size
from symgrad.inspect.display import Display
from symgrad.inspect.show import show
from symgrad.model.stated import StatedModel
from symgrad.outputs.derivatives import hessian, written_out
from symgrad.outputs.jacobians import jacobian
from symgrad.outputs.request import Request
from symgrad.rewrite.facts import expand_names

# An adjoint of at most this many operations, such as y - t, is written out where a formula refers to it.
SHORT = 2


# A formula is left out where formulas are shown if it would fill a page of text: about 50 lines of 100 characters, with
# room for the others. A term of more nodes has more characters, and is not written to be measured.
PAGE = 2000
LONGEST = 1000
MANY = 3  # a formula so many times longer does not become readable by being simplified, and is not tried


class Formulas(StatedModel):
    """A model's derivatives as SymPy objects, and shown; see `Model`."""

    def _repr_latex_(self) -> str | None:
        return self.show()._repr_latex_()

    def _repr_html_(self) -> str:
        return self.show("html")

    @checked("gradient(w)")
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
        >>> from symgrad import Model
        >>> i, N = symbols("i N", integer=True)
        >>> x = IndexedBase("x", shape=(N,))
        >>> model = Model(Sum(x[i]**2, (i, 0, N - 1)), [x])
        >>> model.gradient(x[i])
        2*x[i]
        """
        self._needs_loss("gradient")
        parameter = self._called(parameter)
        self._parameter(parameter)
        return self.adjoint(parameter, expand=expand)

    @checked('adjoint("z")')
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
        >>> from symgrad import Model, sigmoid
        >>> x, y = symbols("x y", real=True)
        >>> model = Model(-log(y), [x], where=[Eq(y, sigmoid(x))])
        >>> model.adjoint(y), model.adjoint(x)
        (-1/y, y - 1)
        """
        self._needs_loss("adjoint")
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

    def _adjoint(self, base: Any) -> Use:
        if base in self._adjoints:
            return self._adjoints[base]
        if base in self.program.parameters:
            found = expanded(self.derivation.gradient[base], self.derivation)
        else:
            found = adjoint(self.program, base)
        self._adjoints[base] = found
        return found

    @checked("hessian(w, w)")
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
        >>> from symgrad import Model
        >>> M = symbols("M", integer=True, positive=True)
        >>> A, x = MatrixSymbol("A", M, M), MatrixSymbol("x", M, 1)
        >>> Model(x.T*A*x, [x]).hessian(x, x)
        A + A.T
        """
        self._needs_loss("Hessian")
        p, q = self._called(p), self._called(q)
        for parameter in (p, q):
            self._parameter(parameter)
        first, second = base_symbol(p), base_symbol(q)

        def formula() -> Any:
            parts = [written_out(part, self.derivation) for part in hessian(self.derivation, first, second)]
            return self._second_formula(parts, (first, second), (p, q), expand)

        return self._run(formula)

    @checked('jacobian("z", w)')
    def jacobian(self, q: Any, p: Any, *, expand: bool = False) -> Any:
        """∂q/∂p for a name q of `where` and a parameter p, as a SymPy object; the same forms as `hessian`.

        Parameters
        ----------
        q, p : the name (subscripted or not, or its text) and the parameter.
        expand : substitute the names of `where`.

        Examples
        --------
        >>> from sympy import Eq, symbols
        >>> from symgrad import Model
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

    def _second_formula(
        self, parts: Sequence[Block], bases: tuple[Any, Any], asked: tuple[Any, Any], expand: bool
    ) -> Any:
        """Blocks over the axes of two quantities as a SymPy object."""
        if expand:
            parts = [replace(part, cofactor=expand_names([part.cofactor])[0]) for part in parts]
        nodes = [self._node(base) for base in bases]
        return second_formula(parts, bases, nodes, [_subscripts(one) for one in asked], self._index_names)

    @checked('block("z")')
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
        >>> from symgrad import Model, total
        >>> N = symbols("N", integer=True, positive=True)
        >>> X, V, W, Z, H = (MatrixSymbol(name, N, N) for name in "XVWZH")
        >>> where = [Eq(Z, X*W), Eq(H, Z.applyfunc(tanh))]
        >>> Model(total(H*V*H), [W], where=where).block(W)
        X.T*∂C/∂Z
        """
        made = self._unmeasured_block(self._called(quantity))
        return made if made is None or len(text(body_of(made))) <= PAGE else None

    def _unmeasured_block(self, quantity: Any) -> Any:
        """The formula of `block`, unless its term is so long that it cannot be read; its text may still be."""
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
            names = list(self.derivation.program.names.values())
            use = roots_named(use, names, {*names, *self.derivation.blocks.values()})
        if tree_size(use) > LONGEST:
            return None
        return first_formula(use, quantity, self._node(quantity), None, self._index_names)

    @cached_property
    def _short(self) -> set[Named]:
        return short_blocks(self.derivation, SHORT)

    @checked('show("latex", steps=True)')
    def show(
        self,
        format: str = "text",
        *,
        steps: bool = False,
        standalone: bool = False,
        hessian: bool = False,
        jacobian: Sequence[Any] = (),
    ) -> Display:
        """The model's formulas: the loss, the names of `where` with their adjoints, and the gradient.

        Parameters
        ----------
        format : "text" (Unicode), "latex", "sympy" (a Python file in `srepr` form), "html" (with MathML) or "svg" (the
            graph as a picture).
        steps : the derivation step by step, too: the rewrites and the chain rule as applied; of text, LaTeX and HTML.
        standalone : a document of its own rather than a fragment; of LaTeX and HTML.
        hessian : with the second derivatives; of ∂²C/∂p∂q and ∂²C/∂q∂p one.
        jacobian : names of `where`, with their derivatives by every parameter.

        Returns
        -------
        Display : a text, which a notebook shows typeset or drawn.

        Raises
        ------
        ModelError : there is no such format, or it has no such form.

        Examples
        --------
        >>> from sympy import MatrixSymbol, symbols
        >>> from symgrad import Model
        >>> N, M = symbols("N M", integer=True, positive=True)
        >>> X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
        >>> model = Model((X*w - y).T*(X*w - y), [w])
        >>> print(model.show())
        Loss
            C = (X w − y)ᵀ(X w − y)
        <BLANKLINE>
        Gradient
            ∂C/∂w = 2Xᵀ(X w − y)
        >>> print(model.show("latex").splitlines()[2])
          \\frac{\\partial C}{\\partial w} &= 2X^{\\top}(Xw-y)
        """

        if steps or format == "svg":
            self._needs_loss("gradient to derive step by step" if steps else "graph")

        def shown() -> Display:
            more = self._second_blocks(self._request(hessian, False, jacobian))
            return show(self, format, steps, standalone, more)

        return self._run(shown)

    def lines(self, *, hessian: bool = False, jacobian: Sequence[Any] = ()) -> list[Formula]:
        """What `show` shows, laid out: a record for each formula, from which text, LaTeX and MathML are made.

        Parameters
        ----------
        hessian, jacobian : as for `show`.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> x = Symbol("x", real=True)
        >>> [line.title for line in Model(x**3, [x]).lines(hessian=True)]
        ['Loss', 'Gradient', 'Hessian']
        """
        return self._run(lambda: sheet(self, self._second_blocks(self._request(hessian, False, jacobian))))

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


def _subscripts(quantity: Any) -> tuple[Any, ...] | None:
    if isinstance(quantity, Indexed):
        return tuple(quantity.indices)
    return (quantity.i, quantity.j) if isinstance(quantity, MatrixElement) else None
