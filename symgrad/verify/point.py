"""The check of a generated module at one draw of inputs: its derivatives, and that its functions agree."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sympy import MatrixSymbol

from symgrad.verify.computing import computing_findings, difference
from symgrad.verify.derivatives import MOST_ENTRIES, Derivatives
from symgrad.verify.differences import EPS, Array, Neighbourhood, noise_level
from symgrad.verify.flat import flat_findings
from symgrad.verify.guarded import guarded
from symgrad.verify.left_out import left_out_findings
from symgrad.verify.report import Entry, Finding, Run, Slope
from symgrad.verify.sampling import MARGIN, Draw, same
from symgrad.verify.subject import Subject

_T = TypeVar("_T")

# The reference has 50 digits: of a loss that is exactly zero it may leave a rest of this size.
_REFERENCE_ROUNDING = 1e-40
_REFERENCE_TOLERANCE = 1e-9
_REPEAT_TOLERANCE = 1e-10  # two functions may sum in different orders
_SINGLE_TOLERANCE = 1e-3
_SINGLE_NOISE = 1e3 * 2.0**29  # from float64's rounding errors to a thousand times float32's
_SINGLE_EPS = float(np.finfo(np.float32).eps)
VALUE_IS_LOSS = "value is the model's loss"
_LEAK = 1e-3  # of float32's rounding errors: far above the 2e-9 that float64 has, and far below all of them


class PointCheck:
    """Checks one module at one draw.

    Parameters
    ----------
    subject : the module, and what there is to know of it.
    draw : the inputs.
    rng : chooses among many entries, and random directions.
    most : how many derivatives all of them are looked at of.
    """

    def __init__(self, subject: Subject, draw: Draw, rng: np.random.Generator, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self._subject, self._module, self._held = subject, subject.module, subject.held
        self._names = subject.parameters
        self._draw = draw
        self._rng = rng
        self._findings: list[Finding] = []
        self._noise = 0.0

    def run(self, at_kink: bool = False) -> Run:
        """Everything there is to find here; at a kink numerical derivatives say nothing, and are left out."""
        notes = [*self._draw.notes, *(f"not tested on the inputs: {fact}" for fact in self._draw.untested)]
        entries: list[Entry] = []
        slopes: list[Slope] = []
        gradients: list[Array] | None = None
        before = self._copies()
        value = self._value()
        if value is not None:
            self._noise = self._guard("the noise of the value", lambda: self._value_noise(value)) or EPS * abs(value)
            self._guard("the value against the loss", self._against_reference)
            if self._held is not None:
                self._guard("what is held constant", self._held_agrees)
            gradients = self._guard("the gradient", self._gradients)
        if value is not None and gradients is not None:
            # beside a kink a gradient jumps, which is no rounding
            flat = [np.zeros_like(part) for part in gradients]
            noises = flat if at_kink else self._guard("noise", partial(self._gradient_noise, gradients)) or flat
            if not at_kink:
                step, most = self._subject.complex_step, self._most
                derivatives = Derivatives(
                    self._differentiated, self._draw, self._names, self._noise, self._rng, step, most
                )
                judged = partial(derivatives.entries, gradients, noises)
                entries = self._guard("the derivatives", judged) or []
                slopes = self._guard("the Taylor remainders", partial(derivatives.slopes, gradients)) or []
                notes += derivatives.notes
            self._guard("gradient", partial(self._repeated_gradient, gradients))
            self._guard("float32", partial(self._single_precision, gradients, noises))
            self._guard("1-D inputs", partial(self._vectors_as_rows, gradients))
            whole = {name: getattr(self._module, name) for name in ("value", "gradient", "value_and_gradient")}
            look_past = partial(left_out_findings, self._subject, self._draw, whole)
            self._findings += self._guard("what conditions leave out", look_past) or []
            noise = 10 * self._noise + max(float(np.max(part, initial=0.0)) for part in noises)
            for place, probe in (("the flat functions", flat_findings), ("how it computes", computing_findings)):
                look = partial(probe, self._module, self._draw, value, gradients, noise)
                self._findings += self._guard(place, look) or []
        changed = [name for name, value in before.items() if not same(value, self._draw.inputs[name])]
        self._find("the inputs are not written to", not changed, f"changed: {', '.join(changed)}")
        if self._draw.distance < MARGIN and not at_kink:
            notes.append(f"the nearest kink is at a relative distance of {self._draw.distance:.1g}")
        return Run(self._draw.said, tuple(entries), tuple(self._findings), tuple(notes), slopes=tuple(slopes))

    def _guard(self, place: str, probe: Callable[[], _T]) -> _T | None:
        return guarded(place, probe, self._findings.append)

    def _value_noise(self, value: float) -> float:
        noise = noise_level(self._loss, self._draw.inputs, self._names, self._rng)
        # a loss of exactly zero is what rounding has left of terms of about one
        return max(noise, EPS * abs(value) if value else EPS**2)

    # The module's functions, and what they must have in common.

    def _loss(self, inputs: dict[str, Any]) -> float:
        value: float = self._module.value(**inputs)
        return value

    def _copies(self) -> dict[str, Any]:
        return {name: np.copy(value) for name, value in self._draw.inputs.items() if isinstance(value, np.ndarray)}

    def _find(self, name: str, holds: bool, detail: str) -> None:
        self._findings.append(Finding(name, "pass" if holds else "fail", "" if holds else detail))

    def _call(self, function: str, inputs: Mapping[str, Any] | None = None) -> Any:
        """The result of one of the module's functions, or None after noting that it raised."""
        try:
            with np.errstate(all="ignore"):
                return getattr(self._module, function)(**dict(self._draw.inputs if inputs is None else inputs))
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            self._find(f"{function} computes", False, f"it raised {type(problem).__name__}: {problem}")
            return None

    def _value(self) -> float | None:
        value = self._call("value")
        if value is None:
            return None
        if np.shape(value) != ():
            self._find("value is a scalar", False, f"its shape is {np.shape(value)}")
            return None
        self._find("value is finite", math.isfinite(value), f"it is {float(value)!r}")
        return float(value) if math.isfinite(value) else None

    def _against_reference(self) -> None:
        if self._subject.reference is None:
            return
        expected = float(self._subject.reference(dict(self._draw.inputs), self._draw.sizes))
        value = float(self._loss(self._draw.inputs))
        # Where large terms cancel in the loss, its measured noise says how many digits it can have.
        allowed = _REFERENCE_TOLERANCE * abs(expected) + 100 * self._noise + _REFERENCE_ROUNDING
        if abs(expected) <= _REFERENCE_ROUNDING:  # terms of about one cancel, and may leave the same rest all around
            allowed += 100 * EPS
        name = VALUE_IS_LOSS
        if not math.isfinite(expected):
            self._findings.append(Finding(name, "inconclusive", f"the loss is {expected!r} where value is {value!r}"))
        else:
            self._find(name, abs(value - expected) <= allowed, f"value is {value!r}, the loss {expected!r}")

    def _held_agrees(self) -> None:
        """Here, where nothing has moved, what is differentiated is the loss."""
        expected, value = float(self._loss(self._draw.inputs)), self._differentiated(self._draw.inputs)
        allowed = _REPEAT_TOLERANCE * abs(expected) + 10 * self._noise
        self._find("the loss with constants held is the loss", abs(value - expected) <= allowed, f"{value!r}")

    def _gradients(self) -> list[Array] | None:
        result = self._call("value_and_gradient")
        if result is None:
            return None
        value, gradient = result
        expected = float(self._loss(self._draw.inputs))
        allowed = _REPEAT_TOLERANCE * abs(expected) + 10 * self._noise
        agrees = np.shape(value) == () and abs(float(value) - expected) <= allowed
        self._find("value_and_gradient has the same value", agrees, f"value is {expected!r}, there it is {value!r}")
        if len(gradient) != len(self._names):
            self._find("the gradient has a field a parameter", False, f"{len(gradient)} fields for {self._names}")
            return None
        right = True
        for name, part in zip(self._names, gradient, strict=True):
            wanted, got = np.shape(self._draw.inputs[name]), np.shape(part)
            right = right and wanted == got
            self._find(f"the gradient by {name} has its shape", wanted == got, f"{got} instead of {wanted}")
            kept = np.asarray(part).dtype == np.float64
            self._find(f"the gradient by {name} is float64", kept, f"it is {np.asarray(part).dtype}")
        if not right:
            return None
        parts = [np.array(part, dtype=np.float64) for part in gradient]
        for name, part in zip(self._names, parts, strict=True):
            self._find(f"the gradient by {name} is finite", bool(np.all(np.isfinite(part))), f"{part}")
        return parts

    def _repeated_gradient(self, gradients: list[Array]) -> None:
        repeated = self._call("gradient")
        if repeated is None:
            return
        for name, part, again in zip(self._names, gradients, repeated, strict=False):
            agrees = np.shape(again) == part.shape and _close(again, part, _REPEAT_TOLERANCE, self._floor(name))
            self._find(f"gradient and value_and_gradient agree on {name}", agrees, difference(name, again, part))
        if hasattr(self._module, "Workspace"):
            self._with_workspace(gradients)

    def _with_workspace(self, gradients: list[Array]) -> None:
        """The gradient in arrays of a workspace, which a call before has filled, is the same."""
        inputs = {**self._draw.inputs, "workspace": self._module.Workspace()}
        self._call("value_and_gradient", inputs)
        repeated = self._call("value_and_gradient", inputs)
        for name, part, again in zip(self._names, gradients, repeated[1] if repeated else (), strict=False):
            agrees = np.shape(again) == part.shape and _close(again, part, _REPEAT_TOLERANCE, self._floor(name))
            self._find(f"a workspace leaves the gradient by {name} as it is", agrees, difference(name, again, part))

    def _size(self, name: str) -> float:
        return float(np.max(np.abs(self._draw.inputs[name]), initial=0.0)) or 1.0

    def _floor(self, name: str) -> float:
        """Differences of derivatives by a parameter that move the loss by its rounding errors only."""
        return 1e3 * self._noise / self._size(name)

    def _single_precision(self, gradients: list[Array], noises: list[Array]) -> None:
        """Float32 in must give float32 out, and about the same numbers."""
        single = {name: _cast(value, np.float32) for name, value in self._draw.inputs.items()}
        # What rounding to float32 does to the inputs is no error of the module: the truth is taken there, too.
        exact = self._call("value_and_gradient", {name: _cast(value, np.float64) for name, value in single.items()})
        result = self._call("value_and_gradient", single)
        if result is None or exact is None:
            return
        value, gradient = result
        self._find("float32 gives a float32 value", _is_float32(value), f"it is {_dtype(value)}")
        self._loosely("value", value, exact[0], self._noise)
        for name, part, wanted, noise in zip(self._names, gradient, exact[1], noises, strict=False):
            self._find(f"float32 gives a float32 gradient by {name}", _is_float32(part), f"it is {_dtype(part)}")
            if np.shape(part) == np.shape(wanted):
                # A derivative is not known better than what moves the loss by its rounding errors.
                measured = float(np.max(noise, initial=0.0))
                rounding = measured + self._noise / self._size(name)
                off = self._loosely(f"gradient by {name}", part, wanted, rounding)
                self._double_precision(name, np.asarray(wanted), measured, off)

    def _loosely(self, what: str, got: Any, exact: Any, noise: float) -> float:
        """Compare with what float64 gives, whose rounding errors are 2**29 times smaller; return the difference."""
        name = f"the {what} is near in float32"
        got, exact = np.asarray(got, dtype=np.float64), np.asarray(exact, dtype=np.float64)
        if not np.all(np.isfinite(got)):
            # Float32 ends at 3e38; to go beyond it inside of the computation is not wrong in itself.
            self._findings.append(Finding(name, "inconclusive", "it is not finite there"))
            return math.inf
        scale = float(np.max(np.abs(exact), initial=0.0))
        off = float(np.max(np.abs(got - exact), initial=0.0))
        # Where everything cancels, nothing but the inputs says what size the terms had.
        terms = max((float(np.max(np.abs(value), initial=0.0)) for value in self._draw.inputs.values()), default=0.0)
        allowed = _SINGLE_TOLERANCE * scale + _SINGLE_NOISE * noise + 1e2 * _SINGLE_EPS * terms
        self._find(name, off <= allowed, f"{difference(what, got, exact)}, of at most {scale:.3g}")
        return off

    def _double_precision(self, name: str, gradient: Array, noise: float, single: float) -> None:
        """Find float32 inside of a computation in float64, by rounding errors that are not far below float32's.

        Ill-conditioned formulas lose the same number of digits in both, so that those of float64 stay 2e-9 of `single`.
        """
        scale = float(np.max(np.abs(gradient), initial=0.0))
        leaks = _LEAK * max(single, _SINGLE_EPS * scale) < noise < 100 * _SINGLE_EPS * scale
        self._find(f"the gradient by {name} is float64 inside", not leaks, f"its rounding errors are {noise:.1g}")

    def _vectors_as_rows(self, gradients: list[Array]) -> None:
        """A matrix with a side of 1 may come in as a vector; its gradient is then a vector."""
        vectors = {
            argument.name: np.reshape(self._draw.inputs[argument.name], -1)
            for argument in self._subject.arguments
            if isinstance(argument.symbol, MatrixSymbol) and [side == 1 for side in argument.shape].count(True) == 1
        }
        if not vectors:
            return
        result = self._call("value_and_gradient", {**self._draw.inputs, **vectors})
        if result is None:
            return
        for name, part, given in zip(self._names, gradients, result[1], strict=False):
            wanted = part.reshape(-1) if name in vectors else part
            agrees = np.shape(given) == wanted.shape and _close(given, wanted, _REPEAT_TOLERANCE, self._floor(name))
            shapes = f"shape {np.shape(given)} for {wanted.shape}, or other numbers"
            self._find(f"the gradient by {name} is the same for 1-D inputs", agrees, shapes)

    def _differentiated(self, inputs: dict[str, Any]) -> float:
        """The loss as it is differentiated."""
        return self._loss(inputs) if self._held is None else self._held(inputs, self._draw.inputs)

    def _gradient_noise(self, gradients: list[Array]) -> list[Array]:
        """The rounding errors of every entry of the generated gradient, as measured around the inputs."""
        try:
            with np.errstate(all="ignore"):
                near = Neighbourhood.of(self._draw.inputs, self._names, self._rng)
                results = [self._module.value_and_gradient(**point)[1] for point in near.points]
            noises = [near.spread(np.array([result[k] for result in results])) for k in range(len(gradients))]
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return [np.zeros_like(gradient) for gradient in gradients]
        return [np.where(np.isfinite(noise), noise, 0.0) for noise in noises]


def _close(got: Any, wanted: Any, relative: float, absolute: float) -> bool:
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    if not np.array_equal(np.isfinite(got), np.isfinite(wanted)):
        return False
    finite = np.isfinite(wanted)
    scale = float(np.max(np.abs(wanted[finite]), initial=0.0))
    return bool(np.all(np.abs(got[finite] - wanted[finite]) <= relative * scale + absolute))


def _cast(value: Any, dtype: type[np.floating[Any]]) -> Any:
    """A float array or scalar in another precision; integers as they are."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return value
    return array.astype(dtype) if array.ndim else dtype(value)


def _dtype(value: Any) -> str:
    return str(getattr(value, "dtype", type(value).__name__))


def _is_float32(value: Any) -> bool:
    return getattr(value, "dtype", None) == np.float32
