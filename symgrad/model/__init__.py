"""`Model`: what a user writes, and what can be asked of it.

A model as it is `stated` (`without_loss` where there is none), then what can be asked of it: its
`formulas`, its `code`, its `checks`.
"""

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
