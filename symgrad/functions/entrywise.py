"""Functions of SymPy that take matrices, too, entry by entry: `exp(X*w)`, `maximum(A, B)`, `power(A, 3)`.

Of scalars and entries of arrays they are SymPy's own, so that it does not matter which of two star imports comes last.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy import Dummy, Expr, ImmutableDenseMatrix, Lambda, MatrixBase, MatrixExpr, sympify
from sympy.codegen import cfunctions
from sympy.matrices.expressions.hadamard import HadamardPower

from symgrad.errors import ModelError
from symgrad.functions.common import differ, is_matrix, operand, shape_text
from symgrad.functions.elementwise import by_entry
from symgrad.functions.written import written

_OF_TWO = ("atan2", "maximum", "minimum", "power")

_DOCUMENTATION = """SymPy's {sympy}; of matrices entry by entry, where scalars beside them go with every entry.

Examples
--------
>>> from sympy import MatrixSymbol
>>> from symgrad import {name}
>>> {name}(MatrixSymbol("A", 2, 3){more}).shape
(2, 3)
"""


class EntryByEntry(MatrixExpr):  # type: ignore[misc]
    """A function of several real numbers applied to the entries of several matrices of one shape.

    Parameters
    ----------
    function : a `Lambda` of as many scalars as there are matrices.
    matrices : all of one shape, that of the result.

    Raises
    ------
    ModelError : the shapes differ.
    """

    def __new__(cls, function: Lambda, *matrices: Any) -> Any:
        parts = [sympify(matrix) for matrix in matrices]
        for part in parts[1:]:
            if differ(parts[0].shape, part.shape):
                raise ModelError(
                    f"{written(parts[0])} of shape {shape_text(parts[0])} and {written(part)} of shape "
                    f"{shape_text(part)} are combined entry by entry; give matrices of one shape, or a scalar"
                )
        parts = [part.as_immutable() if isinstance(part, MatrixBase) else part for part in parts]
        return super().__new__(cls, function, *parts)

    @property
    def function(self) -> Lambda:
        """The function of one entry of each matrix."""
        return self.args[0]

    @property
    def matrices(self) -> tuple[Any, ...]:
        """The matrices."""
        return self.args[1:]  # type: ignore[no-any-return]

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """The shape of every matrix."""
        return self.matrices[0].shape  # type: ignore[no-any-return]

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return self.function(*(matrix[i, j] for matrix in self.matrices))


class EntryFunction:
    """A function of SymPy that takes scalars, entries and matrices alike; of matrices, entry by entry.

    A scalar beside matrices goes with every entry.

    Parameters
    ----------
    name : what it is called here.
    function : SymPy's function of scalars.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = _DOCUMENTATION.format(name=name, sympy=function.__name__, more=", 2" if name in _OF_TWO else "")
        self._function = function

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = [operand(arg, self.__name__, None) for arg in args]
        if not any(map(is_matrix, given)):
            return self._function(*given, **options)
        return self._of_matrices(given)

    def _of_matrices(self, given: Sequence[Any]) -> Any:
        places = [place for place, arg in enumerate(given) if is_matrix(arg)]
        if len(places) == 1:
            (place,) = places
            return by_entry(lambda entry: self._function(*given[:place], entry, *given[place + 1 :]), given[place])
        entries = {place: Dummy(f"x{n}", dummy_index=n, real=True) for n, place in enumerate(places, 2)}
        body = self._function(*(entries.get(place, arg) for place, arg in enumerate(given)))
        made = EntryByEntry(Lambda(tuple(entries.values()), body), *(given[place] for place in places))
        if all(isinstance(matrix, MatrixBase) for matrix in made.matrices):
            return ImmutableDenseMatrix(*made.shape, lambda i, j: made[i, j])
        return made

    def _sympy_(self) -> Any:
        return self._function

    def __repr__(self) -> str:
        return f"symgrad.{self.__name__}"


class _Power(EntryFunction):
    """Powers, for which SymPy has a matrix expression of its own."""

    def _of_matrices(self, given: Sequence[Any]) -> Any:
        base, exponent = given
        if not isinstance(base, MatrixBase) and not is_matrix(exponent):
            return HadamardPower(base, exponent)
        return super()._of_matrices(given)


exp = EntryFunction("exp", sp.exp)
log = EntryFunction("log", sp.log)
sqrt = EntryFunction("sqrt", sp.sqrt)
sin = EntryFunction("sin", sp.sin)
cos = EntryFunction("cos", sp.cos)
tan = EntryFunction("tan", sp.tan)
asin = EntryFunction("asin", sp.asin)
acos = EntryFunction("acos", sp.acos)
atan = EntryFunction("atan", sp.atan)
atan2 = EntryFunction("atan2", sp.atan2)
sinh = EntryFunction("sinh", sp.sinh)
cosh = EntryFunction("cosh", sp.cosh)
tanh = EntryFunction("tanh", sp.tanh)
asinh = EntryFunction("asinh", sp.asinh)
acosh = EntryFunction("acosh", sp.acosh)
atanh = EntryFunction("atanh", sp.atanh)
erf = EntryFunction("erf", sp.erf)
erfc = EntryFunction("erfc", sp.erfc)
gamma = EntryFunction("gamma", sp.gamma)
loggamma = EntryFunction("loggamma", sp.loggamma)
digamma = EntryFunction("digamma", sp.digamma)
sign = EntryFunction("sign", sp.sign)
floor = EntryFunction("floor", sp.floor)
ceiling = EntryFunction("ceiling", sp.ceiling)
expm1 = EntryFunction("expm1", cfunctions.expm1)
log1p = EntryFunction("log1p", cfunctions.log1p)
abs = EntryFunction("abs", sp.Abs)
maximum = EntryFunction("maximum", sp.Max)
minimum = EntryFunction("minimum", sp.Min)
power = _Power("power", sp.Pow)
