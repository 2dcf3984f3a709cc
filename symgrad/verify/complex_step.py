"""Derivatives by a complex step: f′(x) = Im f(x + ih) / h, which subtracts nothing and so loses no digits.

W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40 (1998)
110-112. The code of a generated module is run on complex numbers, with a NumPy whose functions are continued from the
real line: |x| is -x where the real part is negative, vᵀw does not conjugate, comparisons look at the real parts (NumPy
does that of itself). A function that is not known to be analytic raises `NotAnalytic` as soon as it is given a complex
number; differences have to do then.
"""

import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.verify.arrays import Array, Inputs, is_float
from symgrad.verify.directions import Direction

STEP = 1e-30
"""Of the scale of what moves; its square is lost beside any number, so that there is no truncation to speak of."""


class NotAnalytic(Exception):
    """The code uses a function that has no continuation here."""


class ComplexStep:
    """The loss of a generated module, on complex numbers.

    Parameters
    ----------
    text : the module's.
    copies : by the names of inputs, those of further arguments that are equal to them and do not move.
    """

    def __init__(self, text: str, copies: Mapping[str, str] | None = None) -> None:
        self._names: dict[str, Any] = {"__name__": "complex step"}
        exec(compile(text, "<complex step>", "exec"), self._names)
        for name in self._names.keys() & {"np", "scipy"}:
            self._names[name] = _Continued(self._names[name])
        self._names |= {"math": _Math(), "abs": _where_complex(_abs, abs)}
        self._copies = dict(copies or {})
        self._checked = self._names["_arguments"]
        self._parts: tuple[Inputs, Inputs] | None = None
        self._names["_arguments"] = self._complex_arguments

    def __call__(self, inputs: Inputs, direction: Direction) -> complex:
        """The loss at inputs, and as imaginary part its derivative along a direction.

        Raises
        ------
        NotAnalytic
            If the code cannot be continued to complex numbers.
        """
        moved = {name: np.zeros_like(value) for name, value in inputs.items() if is_float(value)}
        # The module checks real arguments: it is shown the imaginary parts alone, in units of the step.
        moved[direction.parameter] = direction.vector * direction.scale
        still = {copy: inputs[name] for name, copy in self._copies.items()}
        real = {**inputs, **still}
        imaginary = {**real, **moved, **{copy: np.zeros_like(value) for copy, value in still.items()}}
        self._parts = real, imaginary
        try:
            with np.errstate(all="ignore"):
                value = complex(self._names["value"](**real))
        except (TypeError, np.linalg.LinAlgError, ArithmeticError) as problem:
            raise NotAnalytic(str(problem)) from problem
        return complex(value.real, value.imag / (STEP * direction.scale))

    def _complex_arguments(self, *_: Any, **options: Any) -> tuple[Any, ...]:
        """What the module's own check makes of the arguments, real and imaginary parts put together."""
        assert self._parts is not None
        order = options.get("names", self._names["ARGUMENTS"])
        parts = [self._checked(*(part[name] for name in order), **options) for part in self._parts]
        return tuple(
            real + 1j * STEP * np.asarray(imaginary) if is_float(real) else real
            for real, imaginary in zip(*parts, strict=True)
        )


class _Continued:
    """NumPy, SciPy or a submodule of theirs, with its functions continued from the real line."""

    def __init__(self, module: Any, prefix: str = "") -> None:
        self._module, self._prefix = module, prefix

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        known = getattr(self._module, name)
        if isinstance(known, ModuleType):
            return _Continued(known, f"{full}.")
        if full in _OTHERWISE:
            return _where_complex(_OTHERWISE[full], known)
        if full in _ANALYTIC or not callable(known) or isinstance(known, type):
            return known
        return _where_complex(_of_real_parts(known, full), known)


class _Math:
    """Functions of single numbers, which are NumPy's where these are complex."""

    def __getattr__(self, name: str) -> Any:
        other = {"pow": "power"}.get(name, name.replace("a", "arc", 1) if name.startswith("a") else name)
        return _where_complex(getattr(_Continued(np), other), getattr(math, name))


def _where_complex(otherwise: Callable[..., Any], known: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does something else once it is given a complex number."""

    def called(*given: Any, out: Any = None, **options: Any) -> Any:
        if not any(np.iscomplexobj(value) for value in given):
            return known(*given, **options) if out is None else known(*given, out=out, **options)
        value = otherwise(*given, **options)
        if out is None:
            return value
        (out[0] if isinstance(out, tuple) else out)[...] = value
        return out

    return called


def _of_real_parts(known: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function that is only known of real numbers, of arguments that do not move."""

    def computed(*given: Any, **options: Any) -> Any:
        if any(np.any(np.imag(value)) for value in given if np.iscomplexobj(value)):
            raise NotAnalytic(f"{name} has no continuation to complex numbers here")
        return known(*(np.real(value) if np.iscomplexobj(value) else value for value in given), **options)

    return computed


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def _vdot(x: Any, y: Any) -> Any:
    return np.ravel(x) @ np.ravel(y)


def _slogdet(a: Any) -> Any:
    phase, size = np.linalg.slogdet(a)
    sign = np.sign(np.real(phase))
    return sign, size + np.log(phase * sign)


def _cholesky(a: Array) -> Array:
    """Lower triangular L with L Lᵀ = a, not L Lᴴ: for symmetric matrices that are almost real."""
    lower: Array = np.zeros_like(a)
    for j in range(a.shape[-1]):
        row = lower[..., j, :j]
        pivot = a[..., j, j] - np.sum(row * row, axis=-1)
        if np.any(np.real(pivot) <= 0):
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        lower[..., j, j] = np.sqrt(pivot)
        below = a[..., j + 1 :, j] - np.sum(lower[..., j + 1 :, :j] * row[..., None, :], axis=-1)
        lower[..., j + 1 :, j] = below / lower[..., j, j, None]
    return lower


def _logaddexp(x: Any, y: Any) -> Any:
    return np.maximum(x, y) + np.log1p(np.exp(-_abs(x - y)))


_OTHERWISE: dict[str, Callable[..., Any]] = {
    "abs": _abs,
    "absolute": _abs,
    "fabs": _abs,
    "sign": lambda x: np.sign(np.real(x)),
    "floor": lambda x: np.floor(np.real(x)),
    "ceil": lambda x: np.ceil(np.real(x)),
    "vdot": _vdot,
    "hypot": lambda x, y: np.sqrt(x * x + y * y),
    "logaddexp": _logaddexp,
    "linalg.slogdet": _slogdet,
    "linalg.cholesky": _cholesky,
}
"""What takes the place of functions that NumPy continues in another way, or not at all."""

_COMPUTING = """
exp exp2 expm1 log log2 log10 log1p sqrt square sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
sinc power reciprocal negative positive add subtract multiply divide true_divide matmul dot outer inner tensordot einsum
sum prod cumsum cumprod mean trace kron linalg.inv linalg.solve linalg.det special.erf special.erfc special.erfcx
special.erfi special.gamma special.loggamma special.digamma special.ndtr
"""
_COMPARING = (
    "maximum minimum max min amax amin argmax argmin greater greater_equal less less_equal equal not_equal where"
)
_MOVING = """
array asarray ascontiguousarray copy copyto empty empty_like zeros zeros_like ones ones_like full full_like eye where
arange broadcast_to broadcast_arrays reshape ravel squeeze expand_dims transpose swapaxes moveaxis concatenate stack
block diagonal diag tril triu take take_along_axis put_along_axis roll flip repeat tile pad ndim shape size isnan
isfinite isinf iscomplexobj result_type
"""
_ANALYTIC = frozenset(f"{_COMPUTING} {_COMPARING} {_MOVING}".split())
"""The functions that NumPy itself continues analytically, that compare real parts first, or that only move numbers."""
