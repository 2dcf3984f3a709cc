"""Symbols that carry their equation: `Z = define("Z", X*W)` can be used in a loss without being repeated in `where`."""

from collections.abc import Callable, Iterable
from typing import Any

from sympy import Basic, Eq, Expr, IndexedBase, MatrixBase, MatrixSymbol, Symbol, SympifyError, Tuple, sympify
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad.calls import checked, quoted
from symgrad.errors import ModelError
from symgrad.walk import Preorder


class DefinedSymbol(Symbol):  # type: ignore[misc]
    """A real symbol with what it stands for."""

    __slots__ = ("definition",)

    def __new__(cls, name: str, definition: Expr) -> Any:
        made = Symbol.__xnew__(cls, name, real=True)
        made.definition = definition
        return made

    def _hashable_content(self) -> Any:
        return (*super()._hashable_content(), self.definition)

    def __getnewargs_ex__(self) -> Any:
        return (self.name, self.definition), {}

    @property
    def equation(self) -> Any:
        return Eq(self, self.definition, evaluate=False)


class DefinedMatrix(MatrixSymbol):  # type: ignore[misc]
    """A matrix symbol with what it stands for."""

    definition: Any

    def __new__(cls, name: Any, rows: Any, columns: Any, definition: Any) -> Any:
        made = super().__new__(cls, name, rows, columns)
        made.definition = definition
        return made

    @property
    def func(self) -> Callable[..., Any]:
        return lambda name, rows, columns: DefinedMatrix(name, rows, columns, self.definition)

    def _hashable_content(self) -> Any:
        return (*self.args, self.definition)

    def __getnewargs__(self) -> Any:
        return (*self.args, self.definition)

    @property
    def equation(self) -> Any:
        return Eq(self, self.definition, evaluate=False)


class DefinedBase(IndexedBase):  # type: ignore[misc]
    """An indexed base with what its entries stand for."""

    definition: Any
    limits: tuple[Any, ...]

    def __new__(cls, label: Any, shape: Any, definition: Any, limits: Any) -> Any:
        made = super().__new__(cls, label, shape=shape)
        made.definition, made.limits = definition, limits
        return made

    @property
    def func(self) -> Callable[..., Any]:
        return lambda label, shape: DefinedBase(label, shape, self.definition, self.limits)

    def _hashable_content(self) -> Any:
        return (*super()._hashable_content(), self.definition, self.limits)

    def __getnewargs__(self) -> Any:
        return (self.label, self.shape, self.definition, self.limits)

    @property
    def equation(self) -> Any:
        return Eq(self[tuple(index for index, _, _ in self.limits)], self.definition, evaluate=False)


Defined = DefinedSymbol | DefinedMatrix | DefinedBase


@checked('define("z", X*w)')
def define(name: str, definition: Any, *limits: Any) -> Any:
    """A symbol of the shape of an expression, that stands for it by its name.

    A model in whose loss it occurs has its equation among those of `where`: it is a quantity of its own in formulas and
    code, with an adjoint.

    Parameters
    ----------
    name : what formulas and code call it.
    definition : a matrix expression or a scalar.
    limits : `(i, 0, N - 1)` for each index of an array whose entries a scalar `definition` gives, as in a `Sum`.

    Returns
    -------
    A `MatrixSymbol` for a matrix, an `IndexedBase` where there are limits, else a real `Symbol`.

    Raises
    ------
    ModelError : the definition is no SymPy expression, a matrix comes with limits, or a limit does not begin at 0.

    Examples
    --------
    >>> from sympy import MatrixSymbol, symbols
    >>> N, M = symbols("N M", integer=True, positive=True)
    >>> X, w = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1)
    >>> Z = define("Z", X*w)
    >>> Z.shape, Z.equation
    ((N, 1), Eq(Z, X*w))
    """
    if isinstance(name, Symbol | MatrixSymbol):
        name = name.name
    if not isinstance(name, str):
        raise ModelError(f"define was given the name {quoted(name)}; give a text, as in define('z', X*w)")
    try:
        expression = sympify(definition, strict=True)
    except SympifyError:
        expression = None
    if isinstance(expression, MatrixBase | MatrixExpr):
        if limits:
            raise ModelError(f"define({name!r}, ...): a matrix needs no limits, its shape is {expression.shape}")
        rows, columns = expression.shape
        return DefinedMatrix(name, rows, columns, expression)
    if not isinstance(expression, Expr):
        raise ModelError(f"define({name!r}, ...): {definition} ({type(definition).__name__}) is no expression")
    if not limits:
        return DefinedSymbol(name, expression)
    ranges = [limit if isinstance(limit, Basic) else Tuple(*map(sympify, limit)) for limit in limits]
    for limit in ranges:
        if not isinstance(limit, Tuple) or len(limit) != 3 or limit[1] != 0:
            raise ModelError(f"define({name!r}, ...): {limit} is no limit; write (i, 0, N - 1)")
    return DefinedBase(name, tuple(last + 1 for _, _, last in ranges), expression, tuple(ranges))


def definitions(parts: Iterable[Any]) -> tuple[Any, ...]:
    """The equations of the defined symbols in expressions and in one another; what one refers to comes before it."""
    found: dict[Any, None] = {}
    stack: list[tuple[Any, bool]] = [(part, False) for part in parts if isinstance(part, Basic)][::-1]
    while stack:
        part, done = stack.pop()
        if done:
            found[part] = None
            continue
        inside = [sub for sub in Preorder(part) if isinstance(sub, Defined) and sub not in found]
        for sub in reversed(inside):
            stack += [(sub, True), (sub.definition, False)]
    return tuple(dict.fromkeys(symbol.equation for symbol in found))
