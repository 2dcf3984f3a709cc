"""The arrays that `independent.py` computes with: NumPy's in float64, and of numbers with many digits."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from symgrad import functions as sg
from symgrad.functions.elementwise import step

DIGITS = 50

# SymPy's name of a function where JAX and mpmath call it the same
SAME = (
    "exp",
    "log",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sinh",
    "cosh",
    "atan",
    "asinh",
    "atanh",
    "sqrt",
    "floor",
    "sign",
    "expm1",
)


class EmptyReduction(Exception):
    """A maximum of nothing."""


class Floats:
    """NumPy's arrays in float64, differentiated by `autograd`, which compiles nothing: most are evaluated once."""

    def __init__(self) -> None:
        import autograd.numpy
        import autograd.scipy.special

        xp: Any = autograd.numpy
        self.xp = xp
        self.constant = autograd.tracer.getval
        self.inverse, self.product = xp.linalg.inv, xp.matmul
        self.functions = {getattr(sp, name): getattr(xp, name) for name in SAME if hasattr(sp, name)} | {
            sp.Abs: xp.abs,
            sp.asinh: xp.arcsinh,
            sp.atan: xp.arctan,
            sp.atanh: xp.arctanh,
            sp.erf: autograd.scipy.special.erf,
            sg.sigmoid: lambda u: xp.exp(-xp.logaddexp(0, -u)),
            sg.softplus: lambda u: xp.logaddexp(0, u),
            sg.relu: lambda u: self.where(u > 0, u, 0.0),
            sg.log_sigmoid: lambda u: -xp.logaddexp(0, -u),
        }

    def array(self, value: Any) -> Any:
        return value if hasattr(value, "_trace") else np.asarray(value, getattr(value, "dtype", float))

    def number(self, expr: Any) -> Any:
        return np.asarray(float(expr))

    def power(self, base: Any, exponent: Any) -> Any:
        whole = not hasattr(exponent, "shape") and exponent == int(exponent)
        return base ** (int(exponent) if whole else exponent)

    def logdet(self, matrices: Any) -> Any:
        return self.xp.linalg.slogdet(matrices)[1]

    def det(self, matrices: Any) -> Any:
        return self.xp.linalg.det(matrices)

    def put(self, array: Any, at: Any, value: Any) -> Any:
        there = np.arange(array.shape[0]) == at % array.shape[0]
        return self.where(there.reshape(-1, *[1] * (array.ndim - 1)), value, array)

    def broadcast(self, value: Any, shape: Sequence[int]) -> Any:
        """As NumPy's; that of `autograd` adds no axes."""
        added = [1] * (len(shape) - np.ndim(value))
        return self.xp.broadcast_to(self.xp.reshape(value, (*added, *np.shape(value))), tuple(shape))

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """As NumPy's; that of `autograd` does not sum the adjoint of what is broadcast."""
        shape = np.broadcast_shapes(*(np.shape(part) for part in (condition, yes, no)))
        return self.xp.where(condition, self.broadcast(yes, shape), self.broadcast(no, shape))


class Digits:
    """NumPy arrays of mpmath's numbers; what has no real value is nan."""

    def __init__(self) -> None:
        one = mpmath.mpf(1)
        self.xp: Any = np
        self.where, self.broadcast = np.where, np.broadcast_to
        self.held: list[Any] = []  # what is held constant, in the order of evaluation
        self.replayed: Iterator[Any] | None = None
        self.functions = {
            getattr(sp, name): _entrywise(getattr(mpmath, name)) for name in SAME if hasattr(sp, name)
        } | {
            sp.Abs: _entrywise(mpmath.fabs),
            sp.erf: _entrywise(mpmath.erf),
            sg.sigmoid: _entrywise(lambda u: one / (one + mpmath.exp(-u))),
            sg.softplus: _entrywise(lambda u: mpmath.log(one + mpmath.exp(u))),
            sg.relu: _entrywise(lambda u: max(u, one * 0)),
            step: _entrywise(lambda u: one if u > 0 else one * 0),
            sp.Heaviside: _entrywise(lambda u: (one + mpmath.sign(u)) / 2),
            sg.log_sigmoid: _entrywise(lambda u: -mpmath.log(one + mpmath.exp(-u))),
        }
        self._power = np.frompyfunc(_real(mpmath.power), 2, 1)

    def array(self, value: Any) -> Any:
        array = np.asarray(value)
        return array if array.dtype.kind in "Ob" else np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(array), dtype=object)

    def number(self, expr: Any) -> Any:
        expr = sp.sympify(expr)
        value = mpmath.mpf(str(expr).replace("oo", "inf")) if expr.is_infinite else sp.N(expr, DIGITS)
        return np.asarray(mpmath.mpmathify(value), dtype=object)

    def power(self, base: Any, exponent: Any) -> Any:
        return np.asarray(self._power(base, exponent), dtype=object)

    def product(self, left: Any, right: Any) -> Any:
        return np.asarray(np.dot(left, right), dtype=object)

    def inverse(self, matrices: Any) -> Any:
        return _each_matrix(matrices, lambda matrix: np.array((matrix**-1).tolist(), dtype=object))

    def det(self, matrices: Any) -> Any:
        return _each_matrix(matrices, mpmath.det)

    def logdet(self, matrices: Any) -> Any:
        return self.functions[sp.log](self.functions[sp.Abs](self.det(matrices)))

    def constant(self, value: Any) -> Any:
        """The value where the parameters have not been moved."""
        if self.replayed is not None:
            return next(self.replayed)
        self.held.append(value)
        return value

    def put(self, array: Any, at: Any, value: Any) -> Any:
        array = array.copy()
        array[at] = value if value.ndim else value.item()
        return array


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    def value(*args: Any) -> Any:
        try:
            found = function(*args)
        except (ZeroDivisionError, ValueError):
            return mpmath.nan
        return found if isinstance(found, mpmath.mpf) else mpmath.mpf(found) if mpmath.im(found) == 0 else mpmath.nan

    return value


def _entrywise(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    many = np.frompyfunc(_real(function), 1, 1)
    return lambda array: np.asarray(many(array), dtype=object)


def _each_matrix(matrices: Any, function: Callable[[Any], Any]) -> Any:
    *stack, side, _ = matrices.shape
    if matrices.size == 0:
        return matrices if function is not mpmath.det else np.full(stack, mpmath.mpf(1))
    made = [function(mpmath.matrix(matrix.tolist())) for matrix in matrices.reshape(-1, side, side)]
    parts = [np.asarray(part, dtype=object) for part in made]
    return np.array([part.ravel().tolist() for part in parts], dtype=object).reshape((*stack, *parts[0].shape))


floats = cache(Floats)
