"""Numerical derivatives and their error estimates, against derivatives known in closed form."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symgrad.verify.derivatives import moving, values
from symgrad.verify.differences import Neighbourhood, derivative, typical_size
from symgrad.verify.directions import Direction

Function = Callable[[float], float]

SMOOTH: dict[str, tuple[Function, float]] = {
    "exp": (lambda t: math.exp(1 + t), math.e),
    "a short length scale": (lambda t: math.sin(1000 * (t + 0.3)), 1000 * math.cos(300)),
    "a large value": (lambda t: 1e6 * math.exp(t), 1e6),
    "a slope of 1e-8 of the value": (lambda t: 1 + 1e-8 * math.sin(1 + t), 1e-8 * math.cos(1)),
    "a logarithm near its edge": (lambda t: math.log(1e-4 + t) if t > -1e-4 else math.nan, 1e4),
    "a pole inside the first step": (lambda t: 1 / (1e-4 + t), -1e8),
    "a kink inside the first step": (lambda t: max(0.0, 1e-4 + t) + math.exp(t), 2.0),
    "a jump inside the first step": (lambda t: float(t > 1e-3) + t, 1.0),
    "zero slope, odd": (lambda t: t**3, 0.0),
    "a constant": (lambda t: 3.0, 0.0),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_estimate_bounds_the_error_and_is_small(name: str) -> None:
    function, slope = SMOOTH[name]
    estimate = derivative(function)
    assert abs(estimate.value - slope) <= estimate.error
    # A slope of 1e-8 beside a value of 1 leaves half of the digits to the rounding errors.
    assert estimate.error <= (1e-4 if "1e-8" in name else 1e-8) * max(abs(slope), 1e-6 * (slope == 0))


@pytest.mark.parametrize(
    ("function", "jump"),
    [(abs, 2.0), (lambda t: max(t, 0.0) + math.exp(t), 1.0), (lambda t: max(2 * t, t), 1.0)],
    ids=["abs", "relu", "leaky"],
)
def test_a_kink_at_the_point_is_seen(function: Function, jump: float) -> None:
    """Central differences of |t| agree at every step: only the one-sided slopes show that 0 is not a derivative."""
    estimate = derivative(function)
    assert estimate.error >= jump / 2
    assert "differ by" in estimate.reason


def test_a_jump_at_the_point_is_seen() -> None:
    assert derivative(lambda t: float(t > 0)).error > 1


def test_an_edge_of_the_domain_at_the_point_leaves_no_derivative() -> None:
    estimate = derivative(lambda t: math.sqrt(t) if t >= 0 else math.nan)
    assert math.isnan(estimate.value)
    assert estimate.error == math.inf
    assert "finite" in estimate.reason


def test_a_value_that_is_not_finite_leaves_no_derivative() -> None:
    assert derivative(lambda t: math.inf).error == math.inf


def test_noise_widens_the_error() -> None:
    """A loss whose rounding is known to be 1e-9 cannot show a slope better than 1e-9 over the step."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        estimate = derivative(lambda t: math.sin(t) + rng.uniform(-1e-9, 1e-9), noise=1e-9)
        assert abs(estimate.value - 1) <= estimate.error
        assert 1e-9 < estimate.error < 1e-5


def test_the_noise_of_a_cancelling_sum_is_measured() -> None:
    """1e8 + x − 1e8 has the rounding of 1e8, about 1.5e-8, though its value is about 1."""

    def loss(inputs: dict[str, np.ndarray]) -> float:
        return float(np.sum((1e8 + inputs["x"]) - 1e8))

    near = Neighbourhood.of({"x": np.array([1.1, 0.7])}, ["x"], np.random.default_rng(0))
    assert 1e-9 < near.spread(np.array([loss(point) for point in near.points])) < 1e-6


def test_the_spread_is_what_a_cubic_leaves() -> None:
    near = Neighbourhood.of({"x": np.ones(1)}, ["x"], np.random.default_rng(0))
    t = near.positions
    assert near.spread(t**3 - 2 * t + 5) < 1e-12
    errors = np.random.default_rng(1).choice([-1e-3, 1e-3], size=(t.size, 1000))
    assert np.median(near.spread(t[:, None] + errors)) == pytest.approx(3e-3, rel=0.1)


def moved(loss: Any, x: np.ndarray, vector: list[float]) -> Any:
    along = moving(loss, {"x": x}, [Direction("x", "", np.array(vector), 1.0)])
    return lambda t: float(along(t)[0])


def test_what_moves_is_a_copy() -> None:
    x = np.array([1.0, 2.0])
    kept = x.copy()

    def spoils_its_input(inputs: dict[str, np.ndarray]) -> float:
        value = float(np.sum(inputs["x"] ** 2))
        inputs["x"][:] = np.nan
        return value

    estimate = derivative(moved(spoils_its_input, x.copy(), [0.0, 1.0]))
    assert np.array_equal(x, kept)
    assert abs(estimate.value - 4) <= estimate.error < 1e-10


def test_what_moves_is_in_float64() -> None:
    seen = []

    def loss(inputs: dict[str, np.ndarray]) -> float:
        seen.append(inputs["x"].dtype)
        return float(inputs["x"].sum())

    moved(loss, np.ones(2, dtype=np.float32), [1.0, 1.0])(0.1)
    assert seen[-1] == np.float64


def test_a_singular_matrix_counts_as_not_finite() -> None:
    def loss(inputs: dict[str, np.ndarray]) -> float:
        return float(np.linalg.inv(inputs["A"]).sum())

    assert np.isnan(values(loss, {"A": np.zeros((2, 2))})).all()


def test_typical_size_is_never_zero() -> None:
    assert typical_size(np.zeros(3)).tolist() == [1.0, 1.0, 1.0]
    assert typical_size(np.array([3.0, 0.0])).tolist() == [3.0, pytest.approx(math.sqrt(4.5))]
    assert typical_size(np.zeros((0, 2))).shape == (0, 2)


def test_nearby_points_leave_the_inputs_alone() -> None:
    inputs: dict[str, Any] = {"x": np.array([1.0, 0.0]), "n": 3}
    points = Neighbourhood.of(inputs, ["x"], np.random.default_rng(0)).points
    assert inputs["x"].tolist() == [1.0, 0.0]
    assert all(point["n"] == 3 and np.allclose(point["x"], inputs["x"], atol=1e-6) for point in points)
    assert len({point["x"][1] for point in points}) == len(points)
