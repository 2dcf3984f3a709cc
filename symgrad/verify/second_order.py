"""The check of second derivatives and Jacobians: entries against differences of the gradient that has been checked.

A Hessian times a direction is the derivative of the gradient along that direction, and a Jacobian times a direction
that of the named quantity; each entry of the differentiated array is one function of one real number, judged as the
entries of the gradient are.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import unwrap
from typing import Any, TypeVar

import numpy as np
from sympy import Basic, MatrixSymbol

from symgrad.arguments import Argument
from symgrad.verify.derivatives import NEAREST_KINK, judge
from symgrad.verify.differences import EPS, FIRST_STEP, Array, Estimate, Inputs, Neighbourhood, derivative
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.guarded import guarded
from symgrad.verify.report import Entry, Finding, Run, Verdict
from symgrad.verify.sampling import Draw, same

MOST_ENTRIES = 300  # of all second derivatives together
_FEWEST = 4
_FEWEST_STEPS_TO_KINK = 8.0
_AGREE = 1e-9  # two ways to compute the same number, relative to the largest

_T = TypeVar("_T")
Quantity = Callable[[Inputs], Array]
HeldGradient = Callable[[Inputs, Inputs], Sequence[Array]]
Factors = Mapping[tuple[str, str], Sequence[tuple[Sequence[tuple[int, int]], Sequence[int]]]]


@dataclass(frozen=True)
class SecondOrder:
    """What there is to check.

    Attributes
    ----------
    hessian, hvp : whether the module has `hessian` and `hessian_vector_product`.
    quantities : the named quantities whose `jacobian_NAME` it has, as functions of the inputs.
    factors : how the arrays of `hessian_compact` combine, as `outputs.structure.factors` says.
    held : `held(inputs, at)` is the gradient at `inputs` where what the model holds constant is as it is at `at`; None
        if it holds nothing.
    """

    hessian: bool = False
    hvp: bool = False
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    held: HeldGradient | None = None

    def labels(self, parameters: Sequence[str]) -> tuple[str, ...]:
        """What the report calls the derivatives."""
        labels = [f"H.{p}.{q}" for p in parameters for q in parameters if self.hessian]
        labels += [f"Hv.{p}" for p in parameters if self.hvp]
        return (*labels, *(f"J_{name}.{q}" for name in self.quantities for q in parameters))


class SecondOrderCheck:
    """Checks a module's second derivatives and Jacobians at one draw of inputs.

    Parameters
    ----------
    module : the generated module.
    arguments : its arguments.
    draw : the inputs.
    rng : chooses among many entries, and random directions.
    wanted : what to check.
    """

    def __init__(
        self, module: Any, arguments: Sequence[Argument], draw: Draw, rng: np.random.Generator, wanted: SecondOrder
    ) -> None:
        self._module, self._draw, self._rng, self._wanted = module, draw, rng, wanted
        self._parameters = [argument for argument in arguments if argument.role == "parameter"]
        self._names = [argument.name for argument in self._parameters]
        self._entries: list[Entry] = []
        self._findings: list[Finding] = []
        self._first_step = min(FIRST_STEP, max(draw.distance, NEAREST_KINK) / _FEWEST_STEPS_TO_KINK)
        pairs = len(self._names) ** 2 * (wanted.hessian or wanted.hvp) + len(wanted.quantities) * len(self._names)
        self._share = max(_FEWEST, math.isqrt(MOST_ENTRIES // max(1, pairs)))

    def run(self) -> Run:
        """Everything there is to find here."""
        before = {name: np.copy(value) for name, value in self._draw.inputs.items() if isinstance(value, np.ndarray)}
        hessian = self._guard("the Hessian", self._hessian) if self._wanted.hessian else None
        if self._wanted.hvp:
            self._guard("products with the Hessian", partial(self._product, hessian))
        for name, quantity in self._wanted.quantities.items():
            self._guard(f"the Jacobian of {name}", partial(self._jacobian, name, quantity))
        changed = [name for name, value in before.items() if not same(value, self._draw.inputs[name])]
        self._find("second derivatives do not write to the inputs", not changed, f"changed: {', '.join(changed)}")
        return Run(self._draw.said, tuple(self._entries), tuple(self._findings))

    def _guard(self, place: str, probe: Callable[[], _T]) -> _T | None:
        return guarded(place, probe, self._findings.append)

    # --- what is checked ----------------------------------------------------------------------------------------------

    def _hessian(self) -> list[list[Array]] | None:
        found = self._call("hessian", self._draw.inputs)
        if found is None:
            return None
        noises = self._noises(lambda inputs: [np.ravel(e) for row in self._at("hessian", inputs) for e in row])
        rows: list[list[Array]] = []
        for p, row in zip(self._parameters, found, strict=True):
            rows.append([])
            for q, entry in zip(self._parameters, row, strict=True):
                label = f"H.{p.name}.{q.name}"
                if not self._shaped(label, entry, (*self._shape(p), *self._shape(q))):
                    return None
                rows[-1].append(np.reshape(entry, (self._size(p), self._size(q))))
        for column, argument in enumerate(self._parameters):
            for direction in self._directions(argument):
                vector = np.ravel(direction.vector)
                moved = {argument.name: direction}
                for number, name in enumerate(self._names):
                    matrix = rows[number][column]
                    noise = noises[number * len(rows) + column].reshape(matrix.shape) @ np.abs(vector)
                    label = f"H.{name}.{argument.name}"
                    self._compare(label, name, self._gradient_by(number), matrix @ vector, noise, moved)
        self._symmetric(rows)
        self._factored(found)
        self._single("hessian", lambda result: [np.asarray(e) for row in result for e in row])
        return rows

    def _product(self, hessian: list[list[Array]] | None) -> None:
        """The product with a random direction in all parameters, and with one in each parameter alone."""
        along = {a.name: next(iter(self._random(a)), None) for a in self._parameters}
        every = {name: direction for name, direction in along.items() if direction is not None}
        for moved in [every, *([{name: d} for name, d in every.items()] if len(every) > 1 else [])]:
            vectors = [moved[a.name].vector if a.name in moved else np.zeros(self._given(a)) for a in self._parameters]
            found = self._call("hessian_vector_product", self._draw.inputs, tuple(vectors))
            if found is None:
                return
            for p, (argument, product) in enumerate(zip(self._parameters, found, strict=True)):
                if not self._shaped(f"Hv.{argument.name}", product, self._given(argument)):
                    return
                flat = np.ravel(product)
                noise = 1e3 * EPS * np.full(flat.shape, np.max(np.abs(flat), initial=0.0))
                self._compare(f"Hv.{argument.name}", argument.name, self._gradient_by(p), flat, noise, moved)
                if hessian is not None:
                    expected = sum(row @ np.ravel(vector) for row, vector in zip(hessian[p], vectors, strict=True))
                    self._agrees(f"hessian and hessian_vector_product agree on {argument.name}", flat, expected)

    def _jacobian(self, name: str, quantity: Quantity) -> None:
        found = self._call(f"jacobian_{name}", self._draw.inputs)
        if found is None:
            return
        value = np.asarray(quantity(self._draw.inputs))
        for argument, entry in zip(self._parameters, found, strict=True):
            label = f"J_{name}.{argument.name}"
            if hasattr(entry, "to_dense"):
                matrix = entry.to_dense()
                fits = matrix.shape == entry.shape == (value.size, self._size(argument))
                self._find(f"{label} has its shape", fits, f"{matrix.shape}")
                if not fits:
                    return
            else:
                if not self._shaped(label, entry, (*value.shape, *self._shape(argument))):
                    return
                matrix = np.reshape(entry, (value.size, self._size(argument)))
            for direction in self._directions(argument):
                analytic = matrix @ np.ravel(direction.vector)
                noise = 1e2 * EPS * (np.abs(matrix) @ np.abs(np.ravel(direction.vector)))
                self._compare(label, name, quantity, analytic, noise, {argument.name: direction})
        self._single(f"jacobian_{name}", lambda result: [np.asarray(getattr(e, "values", e)) for e in result])

    # --- comparisons --------------------------------------------------------------------------------------------------

    def _compare(
        self,
        label: str,
        of: str,
        function: Quantity,
        analytic: Array,
        analytic_error: Array,
        moved: Mapping[str, Direction],
    ) -> None:
        """Some entries of the derivative of an array-valued function along a direction."""
        inputs = self._draw.inputs
        bases = {name: np.asarray(inputs[name], dtype=np.float64) for name in moved}
        known: dict[float, Array] = {}

        def at(t: float) -> Array:
            if t not in known:
                shifted = {name: base + t * moved[name].vector for name, base in bases.items()}
                known[t] = self._values(function, {**inputs, **shifted}, len(analytic))
            return known[t]

        noise = self._noises(lambda point: [function(point)])[0].ravel()
        scale = max(direction.scale for direction in moved.values())
        shape = np.shape(function(inputs))
        along = " and ".join(direction.label for direction in moved.values())
        chosen = self._rows(analytic)

        def entry_at(row: int) -> Callable[[float], float]:
            return lambda t: float(at(t)[row])

        estimates = [
            derivative(entry_at(row), scale=scale, noise=noise[row], first_step=self._first_step) for row in chosen
        ]
        seen = [abs(e.value) for e in estimates if e.error <= 0.1 * abs(e.value)]
        for row, estimate in zip(chosen, estimates, strict=True):
            if self._draw.distance < NEAREST_KINK:
                reason = f"a kink is as near as {self._draw.distance:.1g}"
                estimate = Estimate(estimate.value, math.inf, 0.0, estimate.step, reason)
            place = ", ".join(str(int(k)) for k in np.unravel_index(row, shape)) if shape else ""
            entry = f"{of}[{place}]" if place else of
            error = float(analytic_error[row]) + 4 * EPS * abs(float(analytic[row]))
            largest = max(seen, default=0.0)
            self._entries.append(judge(label, f"{entry} by {along}", float(analytic[row]), error, estimate, largest))

    def _rows(self, analytic: Array) -> list[int]:
        """Which entries to look at: all if they are few, else a sample with those first that should not be zero."""
        if len(analytic) <= self._share:
            return list(range(len(analytic)))
        order = self._rng.permutation(len(analytic))
        alive = [int(k) for k in order if analytic[k] != 0]
        rest = [int(k) for k in order if analytic[k] == 0]
        kept = max(self._share // 2, self._share - len(rest))
        return sorted([*alive[:kept], *rest[: self._share - min(kept, len(alive))]])

    def _directions(self, argument: Argument) -> list[Direction]:
        tangents = self._tangents(argument)
        if len(tangents) <= self._share:
            return tangents.entries()
        return self._random(argument) + tangents.entries(self._share, self._rng)

    def _random(self, argument: Argument) -> list[Direction]:
        """A random direction in a parameter; a scalar has but one."""
        tangents = self._tangents(argument)
        return tangents.random(1, self._rng) if self._given(argument) else tangents.entries()

    def _tangents(self, argument: Argument) -> Tangents:
        return Tangents(argument.name, self._draw.inputs[argument.name], self._draw.constraints)

    def _noises(self, function: Callable[[Inputs], Sequence[Array]]) -> list[Array]:
        """The rounding errors of the arrays that a function gives, as measured around the inputs."""
        with np.errstate(all="ignore"):
            near = Neighbourhood.of(self._draw.inputs, self._names, np.random.default_rng(0))
            here = function(self._draw.inputs)
            try:
                results = [function(point) for point in near.points]
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                return [EPS * np.abs(array) for array in here]
            spreads = [near.spread(np.array([result[k] for result in results])) for k in range(len(here))]
        return [
            np.maximum(np.where(np.isfinite(spread), spread, 0.0), EPS * np.abs(array))
            for spread, array in zip(spreads, here, strict=True)
        ]

    def _symmetric(self, rows: list[list[Array]]) -> None:
        """Both orders of differentiation agree, along the directions in which the facts let the parameters move."""
        along = [self._movable(argument) for argument in self._parameters]
        for p, first in enumerate(self._names):
            for q, second in enumerate(self._names[: p + 1]):
                left, right = along[p], along[q]
                if left is not None and right is not None:
                    there, back = left @ rows[p][q] @ right.T, right @ rows[q][p] @ left.T
                    self._agrees(f"H.{first}.{second} is H.{second}.{first} transposed", there, back.T)

    def _movable(self, argument: Argument) -> Array | None:
        """The directions as rows; None where they are tangents of a curved set, along which the Hessian is another."""
        tangents = self._tangents(argument)
        if tangents.orthogonal:
            return None
        vectors = [np.ravel(direction.vector) for direction in tangents.entries()]
        return np.array(vectors).reshape(len(vectors), self._size(argument))

    def _factored(self, hessian: Any) -> None:
        """The arrays of `hessian_compact`, combined as its docstring says, are the dense arrays."""
        if not self._wanted.factors:
            return
        compact = self._call("hessian_compact", self._draw.inputs)
        if compact is None:
            return
        for (p, q), parts in self._wanted.factors.items():
            dense = np.asarray(getattr(getattr(hessian, p), q))
            found = getattr(getattr(compact, p), q)
            combined = np.zeros_like(dense)
            for (ties, axes), part in zip(parts, found if isinstance(found, tuple) else (found,), strict=True):
                combined += combine(part, ties, axes, dense.shape)
            self._agrees(f"hessian_compact has the factors of H.{p}.{q}", combined, dense)

    def _single(self, function: str, arrays: Callable[[Any], list[Array]]) -> None:
        """Float32 in gives float32 out, and about the same numbers."""
        result = self._call(function, _rounded(self._draw.inputs, np.float32))
        exact = self._call(function, _rounded(_rounded(self._draw.inputs, np.float32), np.float64))
        if result is None or exact is None:
            return
        taken = [name for name in taken_by(self._module, function) if name in self._draw.inputs]
        given = [np.asarray(self._draw.inputs[name]) for name in taken]
        untyped = not any(array.dtype.kind == "f" for array in given)  # nothing says which type is wanted
        for part, wanted in zip(arrays(result), arrays(exact), strict=True):
            kept = part.dtype == np.float32 or part.size == 0 or untyped
            self._find(f"float32 gives float32 in {function}", kept, f"it is {part.dtype}")
            if np.all(np.isfinite(part)):
                scale = float(np.max(np.abs(wanted), initial=0.0))
                off = float(np.max(np.abs(part - wanted), initial=0.0))
                terms = max((float(np.max(np.abs(v), initial=0.0)) for v in self._draw.inputs.values()), default=0.0)
                near = off <= 1e-2 * scale + 1e-4 * terms
                self._find(f"{function} is near in float32", near, f"off by {off:.3g} of at most {scale:.3g}")

    # --- the module ---------------------------------------------------------------------------------------------------

    def _gradient_by(self, p: int) -> Quantity:
        held = self._wanted.held
        if held is not None:
            return lambda inputs: np.asarray(held(inputs, self._draw.inputs)[p])
        return lambda inputs: np.asarray(self._module.gradient(**inputs)[p])

    def _values(self, function: Quantity, inputs: Inputs, size: int) -> Array:
        try:
            with np.errstate(all="ignore"):
                return np.ravel(function(inputs))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):  # outside of the domain
            return np.full(size, np.nan)

    def _at(self, function: str, inputs: Inputs, *first: Any) -> Any:
        return called(self._module, function, inputs, self._draw.sizes, *first)

    def _call(self, function: str, inputs: Inputs, *first: Any) -> Any:
        """The result of one of the module's functions, or None after noting that it raised."""
        try:
            with np.errstate(all="ignore"):
                return self._at(function, inputs, *first)
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            self._find(f"{function} computes", False, f"it raised {type(problem).__name__}: {problem}")
            return None

    def _given(self, argument: Argument) -> tuple[int, ...]:
        return np.shape(self._draw.inputs[argument.name])

    def _shape(self, argument: Argument) -> tuple[int, ...]:
        """The parameter's axes as derivatives have them, without the sides of one of a matrix."""
        sides = zip(self._given(argument), argument.shape, strict=True)
        thin = isinstance(argument.symbol, MatrixSymbol)
        return tuple(length for length, side in sides if not (thin and side == 1))

    def _size(self, argument: Argument) -> int:
        return int(np.prod(self._given(argument), dtype=int))

    def _shaped(self, label: str, array: Any, wanted: tuple[int, ...]) -> bool:
        got = np.shape(array)
        self._find(f"{label} has its shape", got == wanted, f"{got} instead of {wanted}")
        return bool(got == wanted)

    def _agrees(self, statement: str, got: Any, wanted: Any) -> None:
        off = float(np.max(np.abs(np.asarray(got) - np.asarray(wanted)), initial=0.0))
        scale = float(np.max(np.abs(wanted), initial=0.0))
        terms = max((float(np.max(np.abs(v), initial=0.0)) for v in self._draw.inputs.values()), default=0.0)
        holds = off <= _AGREE * scale + 1e2 * EPS * max(1.0, terms) or not math.isfinite(off)
        self._find(statement, holds, f"they differ by {off:.3g}, of at most {scale:.3g}")

    def _find(self, name: str, holds: bool, detail: str) -> None:
        verdict: Verdict = "pass" if holds else "fail"
        self._findings.append(Finding(name, verdict, "" if holds else detail))


def called(module: Any, function: str, inputs: Inputs, sizes: Mapping[Basic, int], *first: Any) -> Any:
    """The result of a module's function, which takes some of the inputs and sizes by name after the first arguments."""
    known = {**{str(symbol): size for symbol, size in sizes.items()}, **inputs}
    return getattr(module, function)(*first, **{name: known[name] for name in taken_by(module, function)[len(first) :]})


def taken_by(module: Any, function: str) -> tuple[str, ...]:
    """The names of a function's arguments."""
    code = unwrap(getattr(module, function)).__code__
    return tuple(code.co_varnames[: code.co_argcount])


def combine(part: Any, ties: Sequence[tuple[int, int]], axes: Sequence[int], shape: tuple[int, ...]) -> Array:
    """Π δ · part as a dense array of the given shape: `part` has those of its axes that `axes` lists."""
    rows = {column: row for row, column in ties}
    letters = "abcdefghijklmnopqrstuvwxyz"
    out: Array = np.zeros(shape)
    kept = [axis for axis in range(len(shape)) if axis not in rows]
    # axes of the part that a delta of the part's own ties are axes of the view as well
    spec = "".join(letters[rows.get(axis, axis)] for axis in range(len(shape)))
    view = np.einsum(f"{spec}->{''.join(letters[axis] for axis in kept)}", out)
    index = tuple(slice(None) if axis in axes else None for axis in kept)
    view[...] = np.asarray(part)[index]
    return out


def _rounded(inputs: Inputs, dtype: type[Any]) -> dict[str, Any]:
    """The inputs with floating numbers in another precision."""
    made = {}
    for name, value in inputs.items():
        array = np.asarray(value)
        made[name] = value if array.dtype.kind != "f" else array.astype(dtype) if array.ndim else dtype(value)
    return made
