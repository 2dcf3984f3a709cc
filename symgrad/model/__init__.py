"""`Model`: what a user writes, and what can be asked of it.

A model as it is `stated` (`without_loss` where there is none), then what can be asked of it: its
`formulas`, its `code`, its `checks`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from symgrad.calls import checked
from symgrad.errors import ModelError, UnsupportedError
from symgrad.model.checks import Checks


class Model(Checks):
    """A scalar loss with the parameters to differentiate it by.

    Parameters
    ----------
    loss : a scalar SymPy expression, or a 1×1 matrix expression; None of a model that is what `where` names, for
        `compile(quantities=["r"], jacobian=["r"])`.
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

    @classmethod
    @checked('Model.from_text("norm2(X*w - y)^2", ["w"])')
    def from_text(
        cls,
        text: Any,
        parameters: Sequence[str] | str,
        *,
        shapes: Mapping[str, str] | None = None,
        sizes: Mapping[Any, int] | None = None,
        name: str | None = None,
    ) -> "Model":
        """The model of a formula that is written as on paper or in MATLAB.

        A vector or a matrix is no loss: of such a result there is a model without one, in which it is a quantity, f,
        and has a Jacobian.

        Parameters
        ----------
        text : the formula, or several lines with names of which the last expression is the loss; see `symgrad.parse`,
            what that gives is taken, too.
        parameters : the names of what to differentiate by.
        shapes : the shapes of symbols, where they are not those of the text: `{"x": "vector", "S": "symmetric"}`.
        sizes, name : as for `Model`; sizes are called by their names, too.

        Raises
        ------
        FormulaError : the text is not in the grammar, its shapes do not fit, or it can be read in several ways; the
            message underlines the place.

        Examples
        --------
        >>> model = Model.from_text("norm2(X*w - y)^2 + lambda*w'*w", ["w"])
        >>> print(model.show())
        Loss
            C = λ·wᵀw + ‖X w − y‖²
        <BLANKLINE>
        Gradient
            ∂C/∂w = 2·λ·w + 2Xᵀ(X w − y)
        """
        # the parser's library takes time to import, and most models are no text
        from symgrad.text.formula import parse

        formula = parse(text, shapes)
        if formula.program.constraints:
            raise ModelError("a formula with constraints (`subject to`) is no model, but a Problem.from_text(...)")
        loss, where = formula.statement()
        by = [parameters] if isinstance(parameters, str) else list(parameters)
        lengths = {formula.size(size) if isinstance(size, str) else size: n for size, n in (sizes or {}).items()}
        asked = [formula.symbol(one) for one in by]
        return cls(loss, asked, where=where, facts=formula.facts, sizes=lengths, name=name)

    def to_text(self) -> str:
        """The model as a formula in text, with a line for the shape of each symbol; `from_text` reads it.

        Raises
        ------
        UnsupportedError : the model has a part that the grammar does not have; the message names it.

        Examples
        --------
        >>> print(Model.from_text("norm1(X*w - y)", "w").to_text())
        y: vector(N)
        X: matrix(N, M)
        w: vector(M)
        sum(abs(X*w - y))
        """
        # SymPy's classes of matrices in the tables of what is written are of no use to most models
        from symgrad.text.writing import write

        if self.loss is None:
            raise UnsupportedError("a model without a loss has no formula that could be written")
        return write(self.loss, self.where, self.facts)
