"""Solvers for problems: SciPy's `trust-constr` and `SLSQP`, and Ipopt where `cyipopt` is installed."""

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from symgrad.calls import checked, nearest, quoted
from symgrad.errors import ModelError
from symgrad.problem.bounds import data_of
from symgrad.problem.flat import FlatProblem, Vector, by_name, started
from symgrad.problem.reported import ReportedProblem
from symgrad.problem.solution import Solution, judged

# Ipopt widens bounds unless it is told not to.
_IPOPT = {"print_level": 0, "sb": "yes", "tol": 1e-9, "max_iter": 3000, "bound_relax_factor": 1e-12}
_BARRIER, _OPTIMAL = 1e-9, 1e-8  # from where on interior points are near enough to the minimum
_INSIDE = 1e-10  # how far from bounds functions may have slopes that they lack there, in units of the bound
_SETTLED = 1e-5  # the residual of a minimum, where rounding leaves no shorter step of first derivatives
_LARGEST = 1e-3  # that of any point that is called a minimum
_ELSEWHERE = "steps are as small as they should be, but the conditions of a minimum do not hold"
_UNBOUNDED = "the objective seems to have no lower bound: steps may be as long as one likes"
_MESSAGES = {3: "the barrier is as small as it should be", 4: "steps are as small as they should be"}

Found = tuple[Any, Vector | None]  # what the solver gives, and the multipliers of all constraints in one vector
Seen = Callable[[int, Vector], None]


class SolvedProblem(ReportedProblem):
    """A problem that can be solved; see `Problem`."""

    @checked('solve({x: np.zeros(3)}, {"A": A}, method="trust-constr")')
    def solve(
        self,
        x0: Any,
        data: Mapping[Any, Any] = MappingProxyType({}),
        *,
        method: str = "trust-constr",
        check: bool = True,
        progress: bool | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> Solution:
        """A local minimum from a start.

        Parameters
        ----------
        x0 : an array for each variable: a dictionary by symbol or name, or in order; moved into the bounds if outside.
        data : the data, and sizes that no array has, by symbol or name.
        method : "trust-constr" (interior points with exact second derivatives, sparse), "SLSQP" (quadratic programs by
            gradients; dense, for up to a few hundred variables) or "ipopt" (interior points with exact, sparse second
            derivatives; needs `pip install symgrad[ipopt]`, and the library: Debian's coinor-libipopt-dev).
        check : check the derivatives before the first solution; it is done once.
        progress : whether iterations are shown on the standard error stream; by default where that is a terminal.
        options : for the solver, by its own names.

        Returns
        -------
        Solution : with multipliers by name and the residuals of the conditions of a minimum.

        Raises
        ------
        ModelError : there is no such method, or something that is given does not fit.
        """
        if method not in DRIVERS:
            raise ModelError(f"there is no method {quoted(method)}; choose {', '.join(DRIVERS)}")
        given = by_name(data, "data")
        start = started(x0, self.variables)
        module = self._module_for(given, check)
        try:
            flat = FlatProblem(module, self.model.arguments, self.constraints, self.bounds, start, given)
        except (TypeError, ValueError) as wrong:  # from the module, which knows no errors of symgrad's
            raise ModelError(f"x0 and data do not fit the problem: {wrong}") from None
        shown = _Progress(flat, sys.stderr.isatty() if progress is None else progress)
        raw, multipliers = _run(method, flat, options, shown)
        shown.done()
        theta = np.asarray(raw.x, dtype=float)
        found, of_bounds, residuals = judged(flat, theta, multipliers)
        return Solution(
            module.Parameters(**flat.variables(theta)),
            flat.objective(theta),
            flat.multipliers(found),
            flat.variables(of_bounds),
            residuals,
            bool(raw.success),
            str(raw.message),
            int(raw.nit),
            method,
            raw,
        )

    def _module_for(self, given: Mapping[str, Any], check: bool) -> Any:
        """The module, if these are the data that it reads."""
        missing = [name for name in self._needed if name not in given]
        if missing:
            known = {*self._needed, *(a.name for a in self.model.arguments)}
            unknown = [name for name in given if name not in known]
            but = f", but {', '.join(unknown)}" if unknown else ""
            raise ModelError(f"data has no {', '.join(missing)}{but}; the problem needs {', '.join(self._needed)}")
        module = self._checked_module if check else self._unchecked_module
        read = [*self._needed, *module.DIMENSIONS]
        unread = [name for name in given if name not in read]
        if unread:
            instead = nearest(unread[0], read, {})
            raise ModelError(
                f"data has {', '.join(unread)}, which the problem does not read{f' ({instead}?)' if instead else ''}; "
                f"it reads {', '.join(read) or 'none'}"
            )
        return module

    @cached_property
    def _needed(self) -> list[str]:
        """The data that functions need, and bounds."""
        arguments = [a.name for a in self.model.arguments if a.role == "data" and a.name not in self.multipliers]
        ends = [name for one in self.bounds.values() for end in (one.low, one.high) for name in data_of(end)]
        return list(dict.fromkeys([*arguments, *ends]))

    @cached_property
    def _checked_module(self) -> Any:
        return self.compile()


def _run(method: str, flat: FlatProblem, options: Mapping[str, Any], shown: Seen) -> Found:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Unknown solver options")
            return DRIVERS[method](flat, dict(options), shown)
    except (TypeError, Warning) as wrong:  # as SciPy and Ipopt say it
        if options and ("unexpected keyword" in str(wrong) or "option" in str(wrong)):
            raise ModelError(f"{method} does not take the options {dict(options)}: {wrong}") from None
        raise


class _Progress:
    """A line for an iteration, at most one in half a second."""

    def __init__(self, flat: FlatProblem, on: bool) -> None:
        self._flat, self._on, self._count, self._last = flat, on, 0, 0.0

    def __call__(self, count: int, theta: Vector) -> None:
        self._count = count
        if self._on and time.monotonic() - self._last > 0.5:
            self._last = time.monotonic()
            gaps = self._flat.values(theta)
            off = max(0.0, np.max(self._flat.least - gaps, initial=0.0), np.max(gaps - self._flat.largest, initial=0.0))
            sys.stderr.write(
                f"iteration {count:5d}  objective {self._flat.objective(theta):.8g}  violation {off:.1e}\n"
            )

    def done(self) -> None:
        """Say how many there were."""
        if self._on:
            sys.stderr.write(f"done after {self._count} iterations\n")


def _trust_constr(flat: FlatProblem, options: dict[str, Any], seen: Seen) -> Found:
    """The minimum that is found by steps which may leave bounds, or else by ones which stay inside.

    The first are the better ones for most problems; what makes no sense outside, as rods of negative area, needs the
    others.
    """
    found = _interior_points(flat, options, seen, inside=False)
    if found[0].success or not np.any(_starts_inside(flat)):
        return found
    again = _interior_points(flat, options, seen, inside=True)
    return min((again, found), key=lambda one: (not one[0].success, judged(flat, one[0].x, one[1])[2].feasibility))


def _interior_points(flat: FlatProblem, options: dict[str, Any], seen: Seen, inside: bool) -> Found:
    from scipy.optimize import Bounds, NonlinearConstraint, minimize  # an optional library

    none = np.zeros(flat.least.size)
    worst = np.where(flat.largest == np.inf, -np.inf, np.inf)
    constraints = []
    if flat.least.size:
        constraints = [
            NonlinearConstraint(
                lambda theta: _or(flat.values(theta), worst),
                flat.least,
                flat.largest,
                jac=lambda theta: flat.jacobian(theta).matrix(),
                hess=lambda theta, weights: flat.hessian(theta, 0.0, weights).matrix(),
            )
        ]
    bounded = np.any(np.isfinite(flat.low) | np.isfinite(flat.high))
    # With inequalities SciPy compares `gtol` with the problem of the barrier as it is, and would stop too early.
    barrier = bool(bounded or np.any(flat.least < flat.largest))

    kept = _starts_inside(flat) if inside else False
    last = SimpleNamespace(x=flat.start, nit=0, success=False, message=_UNBOUNDED)

    def callback(theta: Vector, state: Any) -> bool:
        seen(state.nit, theta)
        last.x, last.nit = np.array(theta), state.nit
        small = max(state.optimality, state.constr_violation) < _OPTIMAL
        return bool(barrier and small and state.barrier_parameter <= _BARRIER)

    stops = {"gtol": 0.0 if barrier else 1e-9, "xtol": 1e-12, "barrier_tol": _BARRIER, "maxiter": 3000}
    try:
        found = minimize(
            lambda theta: _or(flat.objective(theta), np.inf),
            flat.start,
            jac=flat.gradient,
            hess=lambda theta: flat.hessian(theta, 1.0, none).matrix(),
            method="trust-constr",
            bounds=Bounds(flat.low, flat.high, keep_feasible=kept) if bounded else None,
            constraints=constraints,
            callback=callback,
            options=stops | options,
        )
    except ValueError as problem:
        if "curvature" not in str(problem):  # SciPy's words for steps that may be as long as one likes
            raise
        return last, None
    # SciPy compares what rounding leaves of constraints with a `gtol` of 0 when steps get too small
    stalled = found.status == 4 and barrier and found.constr_violation < _OPTIMAL
    found.success = found.status in (1, 2, 3) or stalled
    found.message = _MESSAGES.get(found.status, found.message) if found.success else found.message
    multipliers = np.asarray(found.v[0]) if constraints else none
    if found.status == 2 and not judged(flat, found.x, multipliers)[2].largest < _LARGEST:
        found.success, found.message = False, _ELSEWHERE
    return found, multipliers


def _starts_inside(flat: FlatProblem) -> Any:
    """The variables with bounds that start between these."""
    bounded = np.isfinite(flat.low) | np.isfinite(flat.high)
    return bounded & (flat.low < flat.start) & (flat.start < flat.high)


def _or(values: Any, worst: Any) -> Any:
    """The worst value where a function has none, as log(x) for x < 0: with that SciPy makes a step shorter."""
    return np.where(np.isnan(values), worst, values)[()]


def _slsqp(flat: FlatProblem, options: dict[str, Any], seen: Seen) -> Found:
    """The minimum by steps that may end at bounds, or else by ones which stay inside.

    What has no slope at a bound, as p·log(p) at p = 0, needs the others.
    """
    found = _quadratic_programs(flat, options, seen, flat.low, flat.high)
    kept = _starts_inside(flat)
    if not found.success and np.any(kept) and not _has_slopes(flat, found.x):
        low, high = (_moved(end, kept & np.isfinite(end), sign) for end, sign in ((flat.low, 1.0), (flat.high, -1.0)))
        again = _quadratic_programs(flat, options, seen, np.minimum(low, flat.start), np.maximum(high, flat.start))
        found = again if again.success else found
    return found, None


def _moved(ends: Vector, which: Any, sign: float) -> Vector:
    """These bounds of them a little to one side."""
    made = ends.copy()
    made[which] += sign * _INSIDE * np.maximum(1.0, np.abs(ends[which]))
    return made


def _has_slopes(flat: FlatProblem, theta: Vector) -> bool:
    return bool(np.all(np.isfinite(flat.gradient(theta))) and np.all(np.isfinite(flat.jacobian(theta).values)))


def _quadratic_programs(flat: FlatProblem, options: dict[str, Any], seen: Seen, low: Vector, high: Vector) -> Any:
    from scipy.optimize import Bounds, minimize  # an optional library

    equal, below, above = (
        np.flatnonzero(which) for which in (flat.least == flat.largest, flat.least == -np.inf, flat.largest == np.inf)
    )

    def part(kind: str, rows: Any, sign: float) -> dict[str, Any]:
        return {
            "type": kind,
            "fun": lambda theta: sign * flat.values(theta)[rows],
            "jac": lambda theta: sign * flat.jacobian(theta).matrix().toarray()[rows],
        }

    parts = (("eq", equal, 1.0), ("ineq", below, -1.0), ("ineq", above, 1.0))
    counted = SimpleNamespace(count=0)

    def callback(theta: Vector) -> None:
        counted.count += 1
        seen(counted.count, theta)

    found = minimize(
        flat.objective,
        flat.start,
        jac=flat.gradient,
        method="SLSQP",
        bounds=Bounds(low, high),
        constraints=[part(*one) for one in parts if one[1].size],
        callback=callback,
        options={"ftol": 1e-12, "maxiter": 1000, **options},
    )
    if found.status in (0, 8):  # at 8 no step makes it smaller
        holds = judged(flat, found.x, None)[2].largest < (_LARGEST if found.success else _SETTLED)
        if found.success != holds:
            found.success, found.message = holds, _MESSAGES[4] if holds else _ELSEWHERE
    return found


def _ipopt(flat: FlatProblem, options: dict[str, Any], seen: Seen) -> Found:
    try:
        import cyipopt  # an optional library
    except ImportError:
        raise ModelError(
            'method="ipopt" needs cyipopt: pip install "symgrad[ipopt]", which is built against the library Ipopt '
            "(Debian and Ubuntu: apt install coinor-libipopt-dev pkg-config; conda: cyipopt of conda-forge)"
        ) from None
    calls = _IpoptCalls(flat, seen)
    solver = cyipopt.Problem(
        n=flat.start.size,
        m=flat.least.size,
        problem_obj=calls,
        lb=np.maximum(flat.low, -2e19),
        ub=np.minimum(flat.high, 2e19),
        cl=np.maximum(flat.least, -2e19),
        cu=np.minimum(flat.largest, 2e19),
    )
    for name, value in {**_IPOPT, **options}.items():
        solver.add_option(name, value)
    theta, info = solver.solve(flat.start)
    message = info["status_msg"]
    said = message.decode() if isinstance(message, bytes) else str(message)
    raw = SimpleNamespace(x=theta, success=info["status"] in (0, 1), message=said, nit=calls.count, info=info)
    return raw, np.asarray(info["mult_g"], dtype=float)


class _IpoptCalls:
    """A problem as Ipopt calls it: entries of matrices at places that do not change; of the Hessian the lower half."""

    def __init__(self, flat: FlatProblem, seen: Seen) -> None:
        self._flat, self._seen, self.count, self._last = flat, seen, 0, flat.start
        jacobian = flat.jacobian(flat.start)
        hessian = flat.hessian(flat.start, 1.0, np.ones(flat.least.size))
        self._lower = hessian.rows >= hessian.columns
        self._places = (jacobian.rows, jacobian.columns)
        self._lower_places = (hessian.rows[self._lower], hessian.columns[self._lower])

    def objective(self, theta: Vector) -> float:
        self._last = np.array(theta)
        return self._flat.objective(theta)

    def gradient(self, theta: Vector) -> Vector:
        return self._flat.gradient(theta)

    def constraints(self, theta: Vector) -> Vector:
        return self._flat.values(theta)

    def jacobianstructure(self) -> Any:
        return self._places

    def jacobian(self, theta: Vector) -> Vector:
        return self._flat.jacobian(theta).values

    def hessianstructure(self) -> Any:
        return self._lower_places

    def hessian(self, theta: Vector, multipliers: Vector, factor: float) -> Vector:
        return self._flat.hessian(theta, factor, multipliers).values[self._lower]

    def intermediate(self, mode: int, count: int, *others: Any) -> bool:
        self.count = count
        self._seen(count, self._last)
        return True


DRIVERS: dict[str, Callable[[FlatProblem, dict[str, Any], Any], Found]] = {
    "trust-constr": _trust_constr,
    "SLSQP": _slsqp,
    "ipopt": _ipopt,
}
