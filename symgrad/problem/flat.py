"""A problem's functions by one vector of all variables: numbers, and entries of matrices, as solvers take them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import IndexedBase, MatrixSymbol, Symbol

from symgrad.arguments import Argument
from symgrad.calls import quoted
from symgrad.errors import ModelError
from symgrad.frontend.names import label_of, name_of
from symgrad.frontend.signature import SIDE, determined
from symgrad.outputs.function import axes_of
from symgrad.problem.bounds import Bounds, data_of, end_of, refuse_crossed
from symgrad.problem.constraints import MULTIPLIER, Constraint
from symgrad.problem.functions import BOTH, CONSTRAINTS, HESSIAN, HESSIAN_PATTERN, JACOBIAN, JACOBIAN_PATTERN
from symgrad.problem.lagrangian import FACTOR

Vector = NDArray[np.float64]
ENDS = {"=": (0.0, 0.0), "≤": (-np.inf, 0.0), "≥": (0.0, np.inf)}


@dataclass(frozen=True)
class Entries:
    """The entries of a matrix that may be different from zero, and the matrix as one of `scipy.sparse`."""

    values: Vector
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    matrix: Callable[[], Any]


class FlatProblem:
    """A problem's functions by one vector of all variables, with data and shapes given once.

    Parameters
    ----------
    module, arguments : the problem's module, and what its functions take.
    constraints, bounds : those of the problem.
    start : an array for each variable, by its name, that says its shape.
    data : by name.

    Attributes
    ----------
    start : the start in one vector, moved to the nearest point within bounds.
    low, high : the bounds of the vector.
    least, largest : those of the constraints in one vector.
    """

    def __init__(
        self,
        module: Any,
        arguments: Sequence[Argument],
        constraints: Sequence[Constraint],
        bounds: Mapping[str, Bounds],
        start: Mapping[str, Any],
        data: Mapping[str, Any],
    ) -> None:
        self._module, self.constraints = module, constraints
        self.shapes = {name: np.shape(array) for name, array in start.items()}
        taken = {name: one for name, one in data.items() if name in (*module.ARGUMENTS, *module.DIMENSIONS)}
        self._bound = module.bind(**{**self._read_sizes(arguments, {**start, **taken}), **taken})
        ends = [_ends(name, bounds[name], shape, data) for name, shape in self.shapes.items()]
        self.low, self.high = (np.concatenate([pair[n] for pair in ends]) for n in (0, 1))
        vector = np.concatenate([np.ravel(np.asarray(array, dtype=float)) for array in start.values()])
        self.start = np.clip(vector, self.low, self.high)
        self._known: dict[Any, tuple[bytes, Any]] = {}
        self._patterns, self._taken = dict[str, Any](), dict[str, list[str]]()
        objective = self.objective(self.start)  # what does not fit is said at once
        values = self._values(self.start)
        _refuse_undefined(objective, constraints, values)
        self.sides = {one.name: np.shape(value) for one, value in zip(constraints, values, strict=True)}
        sides = [ENDS[one.kind] for one in constraints]
        sizes = [int(np.size(value)) for value in values]
        self.least, self.largest = (
            np.concatenate([np.full(size, side[n]) for size, side in zip(sizes, sides, strict=True)] or [np.zeros(0)])
            for n in (0, 1)
        )

    # --- vectors ------------------------------------------------------------------------------------------------------

    def variables(self, theta: Vector) -> dict[str, Any]:
        """The variables in a vector, by name."""
        return _split(theta, self.shapes)

    def multipliers(self, vector: Vector) -> dict[str, Any]:
        """The multipliers in a vector, by constraint."""
        return _split(vector, self.sides)

    # --- functions ----------------------------------------------------------------------------------------------------

    def objective(self, theta: Vector) -> float:
        """The objective."""
        return float(self._both(theta)[0])

    def gradient(self, theta: Vector) -> Vector:
        """Its gradient."""
        return np.concatenate([np.ravel(part) for part in self._both(theta)[1]])

    def values(self, theta: Vector) -> Vector:
        """The constraints' gaps."""
        return np.concatenate([np.ravel(value) for value in self._values(theta)] or [np.zeros(0)])

    def jacobian(self, theta: Vector) -> Entries:
        """The derivatives of the constraints."""
        if not self.constraints:
            return _no_entries(theta.size)

        def compute() -> Entries:
            return self._matrix(JACOBIAN, JACOBIAN_PATTERN, self.variables(theta))

        found: Entries = self._once("jacobian", theta, compute)
        return found

    def hessian(self, theta: Vector, factor: float, multipliers: Vector) -> Entries:
        """The second derivatives of factor·objective + multipliers·constraints."""
        weights = {f"{MULTIPLIER}{name}": one for name, one in self.multipliers(multipliers).items()}
        named = {**self.variables(theta), FACTOR: float(factor), **weights}
        return self._matrix(HESSIAN, HESSIAN_PATTERN, named)

    def _matrix(self, function: str, pattern: str, named: Mapping[str, Any]) -> Entries:
        """A sparse matrix; where its entries stand is found out once."""
        if pattern not in self._patterns:
            self._patterns[pattern] = self._called(pattern, named)
        found = self._called(function, named, pattern=self._patterns[pattern])
        return Entries(np.asarray(found.values, dtype=float), found.rows, found.columns, found.to_scipy)

    def _both(self, theta: Vector) -> Any:
        return self._once("objective", theta, lambda: self._called(BOTH, self.variables(theta)))

    def _values(self, theta: Vector) -> Sequence[Any]:
        if not self.constraints:
            return ()
        found: Sequence[Any] = self._once("values", theta, lambda: self._called(CONSTRAINTS, self.variables(theta)))
        return found

    def _once(self, what: str, theta: Vector, compute: Callable[[], Any]) -> Any:
        """What was computed last, if it was at the same point: solvers ask for value and derivative one by one."""
        key = theta.tobytes()
        if what not in self._known or self._known[what][0] != key:
            self._known[what] = key, compute()
        return self._known[what][1]

    def _called(self, function: str, named: Mapping[str, Any], **options: Any) -> Any:
        if function not in self._taken:
            parameters = signature(getattr(self._module, function)).parameters.values()
            self._taken[function] = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        given = {name: named[name] for name in self._taken[function] if name in named}
        with np.errstate(all="ignore"):  # a trial point may be anywhere
            return getattr(self._bound, function)(**given, **options)

    def _read_sizes(self, arguments: Sequence[Argument], arrays: Mapping[str, Any]) -> dict[str, int]:
        """The dimensions, as they are read off the sides of what is given."""
        known = [one for one in arguments if one.name in arrays and one.role != "dimension"]
        sides = [_sides(one, np.shape(arrays[one.name])) for one in known]
        found: dict[Any, int] = {}
        for dimension, (number, axis, expression) in determined([axes_of(one) for one in known]).items():
            found[dimension] = int(expression.subs({SIDE: sides[number][axis], **found}))
        return {str(dimension): size for dimension, size in found.items()}


def _refuse_undefined(objective: float, constraints: Sequence[Constraint], values: Sequence[Any]) -> None:
    """An error where a start has no value.

    Raises
    ------
    ModelError : objective or a constraint is no number there.
    """
    at = "there, and with these data; start where it is a number"
    if np.isnan(objective):
        raise ModelError(f"x0: the objective is not-a-number {at}")
    for one, value in zip(constraints, values, strict=True):
        if np.isnan(value).any():
            entry = tuple(int(n) for n in np.argwhere(np.isnan(value))[0])
            where = f" at {list(entry)}" if entry else ""
            raise ModelError(f"x0: {one.said}: not-a-number{where} {at}")


def _sides(argument: Argument, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sides of what is given along the axes of an argument, of which sides of one of a matrix are none."""
    axes = axes_of(argument)
    if len(shape) == len(argument.shape) != len(axes):
        return tuple(side for side, label in zip(shape, argument.shape, strict=True) if label != 1)
    if len(shape) != len(axes):
        raise ModelError(f"{argument.name}: expected the shape {tuple(argument.shape)}, got {shape}")
    return shape


def _no_entries(width: int) -> Entries:
    from scipy.sparse import csr_array  # solvers are SciPy's, and nothing else here needs it

    none = np.zeros(0, dtype=np.int64)
    return Entries(np.zeros(0), none, none, lambda: csr_array((0, width)))


def _split(vector: Vector, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    parts = np.split(vector, ends[:-1]) if shapes else []
    return {name: part.reshape(shape)[()] for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _ends(name: str, bound: Bounds, shape: tuple[int, ...], data: Mapping[str, Any]) -> tuple[Vector, Vector]:
    """The bounds of a variable's entries in one vector each."""
    ends = []
    for end in (bound.low, bound.high):
        missing = [one for one in data_of(end) if one not in data]
        if missing:
            raise ModelError(f"bounds[{name}] is {end}, and there are no data {', '.join(missing)}")
        try:
            given = end_of(end, data)
        except ValueError as wrong:
            raise ModelError(f"bounds[{name}] is {end}, which the data do not fit: {wrong}") from None
        given = given.reshape(shape) if given.size == np.prod(shape) and given.ndim else given
        try:
            ends.append(np.broadcast_to(given, shape).ravel())
        except ValueError:
            raise ModelError(
                f"bounds[{name}]: a bound of shape {given.shape} for a variable of shape {shape}"
            ) from None
    refuse_crossed(f"bounds[{name}]", *ends)
    return ends[0], ends[1]


# --- what is given ----------------------------------------------------------------------------------------------------


def by_name(given: Any, place: str) -> dict[str, Any]:
    """A dictionary with symbols or names as its keys, by name."""
    if not isinstance(given, Mapping):
        raise ModelError(f"{place} is {quoted(given)}; give a dictionary such as {{x: np.zeros(3)}}")
    symbols = (Symbol, IndexedBase, MatrixSymbol)
    return {name_of(key) if isinstance(key, symbols) else str(key): value for key, value in given.items()}


def started(x0: Any, variables: Sequence[Any]) -> dict[str, Any]:
    """The start of every variable, by name: a dictionary, or arrays in order; of one variable its array alone.

    Raises
    ------
    ModelError : a variable has none, or there are others.
    """
    names = [name_of(variable) for variable in variables]
    if isinstance(x0, Mapping):
        labels = {label_of(variable): name_of(variable) for variable in variables}
        found = {labels.get(name, name): value for name, value in by_name(x0, "x0").items()}
    elif len(names) == 1 and not (isinstance(x0, tuple) and len(x0) == 1):
        found = {names[0]: x0}
    elif isinstance(x0, list | tuple | np.ndarray) and len(x0) == len(names):
        found = dict(zip(names, x0, strict=True))
    else:
        raise ModelError(
            f"x0 is {quoted(x0)}; give an array for each of {', '.join(names)}, as a dictionary or in order"
        )
    missing, unknown = [n for n in names if n not in found], [n for n in found if n not in names]
    if missing or unknown:
        said = f"x0 has no {', '.join(missing)}, but " if missing and unknown else "x0 has "
        raise ModelError(
            f"{said}{unknown[0]}, which is no variable of the problem" if unknown else f"x0 has no {', '.join(missing)}"
        )
    try:
        arrays = {name: np.asarray(found[name], dtype=float) for name in names}
    except (TypeError, ValueError):
        wrong = next(name for name in names if not _is_real(found[name]))
        raise ModelError(f"x0: {wrong} is {quoted(found[wrong])}, no array of real numbers") from None
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ModelError(f"x0: {name} is not finite")
    return arrays


def _is_real(given: Any) -> bool:
    try:
        np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        return False
    return True
