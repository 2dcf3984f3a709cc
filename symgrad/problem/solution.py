"""What a solver has found: the point, its multipliers, and how well it fulfils the conditions of a minimum."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symgrad.problem.flat import FlatProblem, Vector

_AT_BORDER = 1e-5  # of the size of a bound: an interior point stays that far from it
_MOST_UNKNOWNS = 1500  # of a least squares problem for multipliers, which is dense


@dataclass(frozen=True)
class Residuals:
    """How far a point is from fulfilling the conditions of Karush, Kuhn and Tucker (Nocedal and Wright, 12.3).

    Attributes
    ----------
    stationarity : the largest entry of ∇f + Jᵀλ + ν, in units of max(1, ‖∇f‖∞).
    feasibility : the largest violation of a constraint or bound.
    complementarity : the largest |multiplier · distance from the border|, in the same units as the first.
    sign : the largest multiplier of the wrong sign, in the same units.
    """

    stationarity: float
    feasibility: float
    complementarity: float
    sign: float

    @property
    def largest(self) -> float:
        """The largest of them."""
        return max(self.stationarity, self.feasibility, self.complementarity, self.sign)


@dataclass(frozen=True)
class Solution:
    """A point that a solver has found.

    Attributes
    ----------
    x : the variables, as the module's record of `Parameters`.
    objective : at that point.
    multipliers : by the name of the constraint, of its shape; at least zero of ≤, at most zero of ≥.
    bound_multipliers : by variable; at most zero at a lower, at least zero at an upper bound.
    residuals : of the conditions of a minimum, as they are computed from the module's functions here.
    success, message, iterations, method : as the solver says.
    raw : what the solver gave.
    """

    x: Any
    objective: float
    multipliers: Mapping[str, Any]
    bound_multipliers: Mapping[str, Any]
    residuals: Residuals
    success: bool
    message: str
    iterations: int
    method: str
    raw: Any = field(repr=False, compare=False)

    @property
    def kkt_residual(self) -> float:
        """The largest residual of the conditions of a minimum."""
        return self.residuals.largest

    def __str__(self) -> str:
        ended = "converged" if self.success else "stopped"
        lines = [f"{self.method} {ended} after {self.iterations} iterations: {self.message}"]
        lines.append(f"  objective     {self.objective:.10g}")
        one = self.residuals
        lines.append(
            f"  KKT residual  {self.kkt_residual:.1e} (stationarity {one.stationarity:.1e}, feasibility "
            f"{one.feasibility:.1e}, complementarity {one.complementarity:.1e}, sign {one.sign:.1e})"
        )
        for title, those in (("x", self.x._asdict()), ("multipliers", self.multipliers)):
            lines += [f"  {title} {name} = {_short(value)}" for name, value in those.items()]
        return "\n".join(lines)


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=6, threshold=8, edgeitems=2).replace("\n", "")


def judged(flat: FlatProblem, theta: Vector, given: Vector | None) -> tuple[Vector, Vector, Residuals]:
    """Multipliers of constraints and bounds at a point, and the residuals of its conditions.

    The solver's multipliers are taken unless those of least squares over what is at its border fulfil the conditions
    better.
    """
    candidates = [given] if given is not None and np.all(np.isfinite(given)) else []
    if theta.size + flat.least.size <= _MOST_UNKNOWNS or not candidates:
        candidates.append(_estimated(flat, theta))
    found = []
    for multipliers in candidates:
        of_bounds, residuals = _residuals(flat, theta, multipliers)
        found.append((multipliers, of_bounds, residuals))
    return min(found, key=lambda one: one[2].largest)


def _slope(flat: FlatProblem, theta: Vector, multipliers: Vector) -> Vector:
    entries = flat.jacobian(theta)
    slope = flat.gradient(theta)
    np.add.at(slope, entries.columns, entries.values * multipliers[entries.rows])
    return slope


def _residuals(flat: FlatProblem, theta: Vector, multipliers: Vector) -> tuple[Vector, Residuals]:
    slope, gaps = _slope(flat, theta, multipliers), flat.values(theta)
    size = max(1.0, float(np.max(np.abs(flat.gradient(theta)), initial=0.0)))
    below, above = _near(theta, flat.low), _near(theta, flat.high)
    of_bounds = np.where(
        below & above, -slope, np.where(below, -np.maximum(slope, 0), np.where(above, -np.minimum(slope, 0), 0))
    )
    distance = np.where(below, np.abs(theta - flat.low), np.where(above, np.abs(flat.high - theta), 0.0))
    outside = [flat.low - theta, theta - flat.high, flat.least - gaps, gaps - flat.largest]
    inside = [multipliers * gaps, of_bounds * np.where(np.isfinite(distance), distance, 0.0)]
    wrong = np.where(flat.least == -np.inf, -multipliers, np.where(flat.largest == np.inf, multipliers, 0.0))
    return of_bounds, Residuals(
        _largest(np.abs(slope + of_bounds)) / size,
        max(0.0, *map(_largest, outside)),
        max(_largest(np.abs(one)) for one in inside) / size,
        max(0.0, _largest(wrong)) / size,
    )


def _near(theta: Vector, bound: Vector) -> Any:
    with np.errstate(invalid="ignore"):
        return np.abs(theta - bound) <= _AT_BORDER * np.maximum(1.0, np.abs(np.where(np.isfinite(bound), bound, 0.0)))


def _largest(values: Vector) -> float:
    return float(np.max(values, initial=-np.inf)) if values.size else 0.0


def _estimated(flat: FlatProblem, theta: Vector) -> Vector:
    """Multipliers by least squares of ∇f + Jᵀλ + ν, with their signs, of what is at its border."""
    from scipy.optimize import lsq_linear  # solvers are SciPy's, and nothing else here needs it

    gaps, gradient = flat.values(theta), flat.gradient(theta)
    active = np.abs(gaps) <= _AT_BORDER * 10
    below, above = _near(theta, flat.low), _near(theta, flat.high)
    columns = flat.jacobian(theta).matrix().toarray().T[:, active]
    bounds = np.eye(theta.size)[:, below | above]
    least = np.where(flat.least == -np.inf, 0.0, -np.inf)[active]
    largest = np.where(flat.largest == np.inf, 0.0, np.inf)[active]
    least_bound = np.where(below, -np.inf, 0.0)[below | above]
    largest_bound = np.where(above, np.inf, 0.0)[below | above]
    matrix = np.hstack([columns, bounds])
    found = np.zeros(gaps.size)
    if not matrix.shape[1]:
        return found
    limits = np.concatenate([least, least_bound]), np.concatenate([largest, largest_bound])
    free = limits[0] < limits[1]
    made = lsq_linear(matrix[:, free], -gradient, (limits[0][free], limits[1][free]), tol=1e-14)
    everything = np.zeros(matrix.shape[1])
    everything[free] = made.x
    found[active] = everything[: int(np.sum(active))]
    return found
