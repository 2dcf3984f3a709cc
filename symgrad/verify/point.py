"""One draw of inputs, what the functions of a module give there, and how exactly these numbers are known."""

from functools import cached_property
from typing import Any

import numpy as np
from sympy import MatrixSymbol

from symgrad.verify.arrays import EPS, Array, Inputs, Rng, entry_name, largest
from symgrad.verify.calls import BOTH, COMPACT, GRADIENT, VALUE, Arrays, Calls
from symgrad.verify.derivatives import MOST_ENTRIES
from symgrad.verify.differences import Neighbourhood
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.draw import KINK, Draw, same
from symgrad.verify.report import Finding
from symgrad.verify.subject import Held, Subject

REPEAT = 1e-10  # relative to the largest: two ways to compute the same number may sum in different orders


class Raised(str):
    """What a function raises, in words.

    Attributes
    ----------
    refuses : whether by a ValueError or an IndexError, as of an entry that an empty axis lacks, it refuses its inputs.
    """

    refuses: bool

    def __new__(cls, problem: Exception) -> "Raised":
        made = super().__new__(cls, f"it raised {type(problem).__name__}: {problem}")
        made.refuses = isinstance(problem, ValueError | IndexError)
        return made


class Point:
    """One module at one draw.

    Parameters
    ----------
    subject : the module, and what there is to know of it.
    draw : the inputs.
    rng : chooses among many entries, and random directions.
    most : how many derivatives all of them are looked at of.

    Attributes
    ----------
    inputs : those of the draw, and the direction of a product with the Hessian.
    plain : what each function gives there, of those that compute arrays of the right shapes.
    wrote : the inputs that functions have written to, in words.
    workspace : the arrays that functions keep between calls, at other draws, too; None where there are none.
    """

    def __init__(self, subject: Subject, draw: Draw, rng: Rng, most: int = MOST_ENTRIES, workspace: Any = None) -> None:
        self.subject, self.draw, self.rng, self.most, self.workspace = subject, draw, rng, most, workspace
        self.names = subject.parameters
        self.calls = Calls(subject.module, self.names, draw.sizes, subject.second)
        self.inputs: dict[str, Any] = dict(draw.inputs)
        self.plain: dict[str, Arrays] = {}
        self.wrote: list[str] = []
        self.directions: dict[str, Direction] = {}
        if subject.second.request.hvp:
            self.directions = {name: d for name in self.names for d in self.random(name)[:1]}
            self.inputs |= {f"direction_{name}": self.vector(name, self.directions) for name in self.names}

    def computed(self, function: str, inputs: Inputs, warnings: Any = "ignore", **options: Any) -> Arrays | Raised:
        """What a function gives, or in words what it raises; what it has written to its inputs is noted and undone.

        With `ends`, what it gives for rows in chunks that end there.
        """
        before = {name: np.copy(value) for name, value in inputs.items() if isinstance(value, np.ndarray)}
        try:
            with np.errstate(all=warnings, under="ignore"):
                call = self.calls.in_chunks if "ends" in options else self.calls
                return call(function, inputs, **options)
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            return Raised(problem)
        finally:
            for name, value in before.items():
                if not same(value, inputs[name]):
                    self.wrote.append(f"{name} by {function}")
                    inputs[name][...] = value

    # --- parameters ---------------------------------------------------------------------------------------------------

    @cached_property
    def tangents(self) -> dict[str, Tangents]:
        """The directions in which each parameter may be moved."""
        return {name: Tangents(name, self.draw.inputs[name], self.draw.constraints) for name in self.names}

    def random(self, name: str) -> list[Direction]:
        """A random direction in a parameter, if it can be moved; a scalar has but one."""
        return self.tangents[name].random(1, self.rng) if self.shape(name) else self.tangents[name].entries()

    def vector(self, name: str, directions: dict[str, Direction]) -> Array:
        """The part of directions that is a parameter's."""
        return directions[name].vector if name in directions else np.zeros(self.shape(name))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an input."""
        return np.shape(self.draw.inputs[name])

    def axes(self, name: str) -> tuple[int, ...]:
        """A parameter's axes as second derivatives have them, without the sides of one of a matrix."""
        argument = next(argument for argument in self.subject.arguments if argument.name == name)
        sides, thin = zip(self.shape(name), argument.shape, strict=True), isinstance(argument.symbol, MatrixSymbol)
        return tuple(length for length, side in sides if not (thin and side == 1))

    # --- what is known of the numbers ---------------------------------------------------------------------------------

    @property
    def value(self) -> float | None:
        """The loss; None where it is not finite, or cannot be computed."""
        return float(self.plain[VALUE]["value"]) if VALUE in self.plain else None

    @property
    def gradients(self) -> list[Array] | None:
        """The derivatives by each parameter; None where they cannot be computed."""
        return [self.plain[BOTH][name] for name in self.names] if BOTH in self.plain else None

    def differentiated(self, inputs: Inputs, parameter: int | None = None) -> Array:
        """The loss as it is differentiated, or its derivative by one of the parameters."""
        held, function = self.subject.held or Held(self.subject.module, {}), VALUE if parameter is None else GRADIENT
        found = held(function, inputs, self.draw.inputs)
        return np.asarray(found if parameter is None else found[parameter])

    @cached_property
    def terms(self) -> float:
        """The size of the inputs: where everything cancels, nothing but they says what size the terms had."""
        return max(map(largest, self.draw.inputs.values()), default=0.0)

    def size(self, name: str) -> float:
        """The size of an input's largest entry; 1 of zeros."""
        return largest(self.draw.inputs[name]) or 1.0

    @cached_property
    def noises(self) -> dict[str, Arrays]:
        """The rounding errors of what each function gives, as measured around the inputs; 0 where that fails."""
        near = Neighbourhood.of(self.inputs, self.names, self.rng, self.subject.compared)
        found = {}
        others = (GRADIENT, COMPACT, *self.calls.vectors)
        measured = {name: arrays for name, arrays in self.plain.items() if name not in others}
        for function, arrays in measured.items():
            zeros = {label: np.zeros_like(array, dtype=np.float64) for label, array in arrays.items()}
            found[function] = zeros
            if self.draw.kind == KINK and function != VALUE:  # beside a kink a gradient jumps, which is no rounding
                continue
            try:
                with np.errstate(all="ignore"):
                    results = [self.calls(function, point) for point in near.points]
                    spreads = {label: near.spread(np.array([one[label] for one in results])) for label in arrays}
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                continue
            found[function] = {
                k: np.where(np.isfinite(s), s, 0.0).reshape(np.shape(zeros[k])) for k, s in spreads.items()
            }
        return found

    @cached_property
    def noise(self) -> float:
        """The rounding error of the loss; a loss of exactly zero is what rounding has left of terms of about one."""
        value = self.value or 0.0
        return max(float(self.noises[VALUE]["value"]), EPS * abs(value) if value else EPS**2)

    def allowed(self, function: str, label: str) -> float:
        """How far a number may be from the same one computed in another way, beside REPEAT of its size."""
        if label == "value":
            return 10 * self.noise
        measured = self.noises.get(BOTH if label in self.names else self.calls.vectors.get(function, function), {})
        rounding = largest(measured.get(label, 0.0))
        if label in self.names:  # no derivative is known better than what moves the loss by its rounding errors
            return rounding + 1e3 * self.noise / self.size(label)
        return rounding + 1e2 * EPS * max(1.0, self.terms)


def close(got: Any, wanted: Any, relative: float, absolute: float) -> bool:
    """Whether arrays have the same shape and numbers, as far as these are finite, up to a part of the largest."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    if got.shape != wanted.shape or not np.array_equal(np.isfinite(got), np.isfinite(wanted)):
        return False
    finite = np.isfinite(wanted)
    scale = largest(wanted[finite])
    return bool(np.all(np.abs(got[finite] - wanted[finite]) <= relative * scale + absolute))


def difference(label: str, got: Any, wanted: Any) -> str:
    """The worst entry, and both numbers."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    if got.shape != wanted.shape:
        return f"{label} has the shape {got.shape} instead of {wanted.shape}"
    if not got.size:
        return f"{label} is empty"
    with np.errstate(invalid="ignore"):  # infinite less infinite
        off = np.nan_to_num(np.abs(got - wanted), nan=np.inf)
    at = tuple(map(int, np.unravel_index(np.argmax(off), off.shape)))
    return f"{entry_name(label, at)} is {float(got[at])!r} instead of {float(wanted[at])!r}"


def finding(name: str, holds: bool, detail: str = "") -> Finding:
    """A property that holds, or fails for the reason given."""
    return Finding(name, "pass" if holds else "fail", "" if holds else detail)
