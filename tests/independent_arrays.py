"""The arrays that `independent.py` computes with: JAX's in float64, and NumPy's of numbers with many digits."""

from collections.abc import Callable, Iterator
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
    """Arrays of JAX in float64."""

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_disable_most_optimizations", True)  # most operations are compiled to be run once
        self.xp: Any = jax.numpy
        self.constant = jax.lax.stop_gradient
        self.inverse, self.product = self.xp.linalg.inv, self.xp.matmul
        self.functions = {getattr(sp, name): getattr(self.xp, name) for name in SAME if hasattr(sp, name)} | {
            sp.Abs: self.xp.abs,
            sp.erf: jax.scipy.special.erf,
            sg.sigmoid: jax.nn.sigmoid,
            sg.softplus: jax.nn.softplus,
            sg.relu: jax.nn.relu,
            sg.log_sigmoid: jax.nn.log_sigmoid,
        }

    def array(self, value: Any) -> Any:
        return self.xp.asarray(value, dtype=float) if not hasattr(value, "dtype") else self.xp.asarray(value)

    def number(self, expr: Any) -> Any:
        return self.xp.asarray(float(expr))

    def power(self, base: Any, exponent: Any) -> Any:
        whole = not hasattr(exponent, "shape") and exponent == int(exponent)
        return base ** (int(exponent) if whole else exponent)

    def logdet(self, matrices: Any) -> Any:
        return self.xp.linalg.slogdet(matrices)[1]

    def det(self, matrices: Any) -> Any:
        return self.xp.linalg.det(matrices)

    def put(self, array: Any, at: Any, value: Any) -> Any:
        return array.at[at].set(value)


class Digits:
    """NumPy arrays of mpmath's numbers; what has no real value is nan."""

    def __init__(self) -> None:
        one = mpmath.mpf(1)
        self.xp: Any = np
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
