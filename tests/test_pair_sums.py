"""Energies of particles: sums over pairs i ≠ j or i < j, whose summand is infinite where i = j. Second derivatives too.

The gradient and the Hessian of Σ f(r²) over pairs are compared with the sums written out pair by pair: of a pair with
the difference d the Hessian has the block 2f′(r²)·I + 4f″(r²)·d dᵀ at (i, i) and (j, j), and minus that at (i, j).
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sympy import Abs, And, Eq, Expr, IndexedBase, Ne, Piecewise, Sum, exp, log, sqrt, symbols

from symgrad import Model, if_else
from tests.families import one_in

N, D = symbols("N D", integer=True, positive=True)
i, j, k, d = symbols("i j k d", integer=True)
X, x, charge = IndexedBase("X", shape=(N, D)), IndexedBase("x", shape=(N,)), IndexedBase("charge", shape=(N,))
force = IndexedBase("force", shape=(N,))

POINTS = np.array([[0.3, -1.2, 0.5], [1.4, 0.4, -0.7], [-1.1, 1.9, 0.2], [0.2, 0.8, 2.1]])
LINE = np.array([-1.3, 0.2, 1.1, 2.9])
CHARGES = np.array([1.0, -2.0, 0.5, 3.0])

Radial = tuple[Callable[[Any], Any], Callable[[float], float], Callable[[float], float]]  # f(r²), f′, f″

RADIAL: dict[str, Radial] = {
    "gravity": (lambda r2: -1 / sqrt(r2), lambda r2: r2**-1.5 / 2, lambda r2: -3 * r2**-2.5 / 4),
    "Lennard-Jones": (
        lambda r2: 4 * (r2**-6 - r2**-3),
        lambda r2: 4 * (-6 * r2**-7 + 3 * r2**-4),
        lambda r2: 4 * (42 * r2**-8 - 12 * r2**-5),
    ),
    "log-gas": (lambda r2: -log(r2), lambda r2: -1 / r2, lambda r2: r2**-2),
    "Buckingham": (
        lambda r2: 1 / r2**2 - sqrt(r2),
        lambda r2: -2 * r2**-3 - r2**-0.5 / 2,
        lambda r2: 6 * r2**-4 + r2**-1.5 / 4,
    ),
}

ALL = (i, 0, N - 1), (j, 0, N - 1)
SPELLINGS: dict[str, Callable[[Expr], Expr]] = {
    "i < j": lambda entry: Sum(if_else(i < j, entry, 0), *ALL),
    "i > j": lambda entry: Sum(if_else(i > j, entry, 0), *ALL),
    "i ≠ j, each pair twice": lambda entry: Sum(if_else(Ne(i, j), entry, 0), *ALL) / 2,
    "0 where i = j": lambda entry: Sum(if_else(Eq(i, j), 0, entry), *ALL) / 2,
    "limits": lambda entry: Sum(entry, (j, i + 1, N - 1), (i, 0, N - 1)),
}

# --- by pairs ---------------------------------------------------------------------------------------------------------


def by_pairs(points: np.ndarray, radial: Radial, weights: np.ndarray | None = None) -> tuple[float, Any, Any]:
    """Value, gradient and Hessian of Σ_{i<j} w_i w_j f(|x_i - x_j|²)."""
    count, axes = points.shape
    value, gradient, hessian = 0.0, np.zeros((count, axes)), np.zeros((count, axes, count, axes))
    for one in range(count):
        for other in range(one):
            w = 1.0 if weights is None else weights[one] * weights[other]
            difference = points[one] - points[other]
            r2 = float(difference @ difference)
            value += w * float(radial[0](r2))
            gradient[one] += 2 * w * radial[1](r2) * difference
            gradient[other] -= 2 * w * radial[1](r2) * difference
            block = w * (2 * radial[1](r2) * np.eye(axes) + 4 * radial[2](r2) * np.outer(difference, difference))
            for row, column, sign in ((one, one, 1), (other, other, 1), (one, other, -1), (other, one, -1)):
                hessian[row, :, column] += sign * block
    return value, gradient, hessian


def assert_right(model: Model, inputs: Mapping[str, Any], expected: tuple[float, Any, Any]) -> None:
    """Value, gradient, Hessian and its products are right, and nothing in between is infinite or not a number."""
    module = model.compile(check=False, hessian=True, hvp=True)
    (name,) = module.PARAMETERS
    points = inputs[name]
    direction = np.cos(np.arange(points.size, dtype=float)).reshape(points.shape)
    with np.errstate(all="raise", under="ignore"):
        value, (gradient,) = module.value_and_gradient(**inputs)
        ((hessian,),) = module.hessian(**inputs)
        (product,) = module.hessian_vector_product(direction, **inputs)
    scale = np.max(np.abs(expected[2]))
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-12 * scale)
    np.testing.assert_allclose(hessian, expected[2].reshape(hessian.shape), atol=1e-12 * scale)
    right = hessian.reshape(points.size, points.size) @ direction.ravel()
    np.testing.assert_allclose(product.ravel(), right, atol=1e-12 * scale * points.size)


# --- cases ------------------------------------------------------------------------------------------------------------


EACH = [*((name, "i < j") for name in RADIAL), *(("Lennard-Jones", spelling) for spelling in SPELLINGS)]
EACH += [("log-gas", "0 where i = j")]


@pytest.mark.parametrize(("name", "spelling"), one_in(8, dict.fromkeys(EACH)))
def test_energies_in_space(name: str, spelling: str) -> None:
    entry = RADIAL[name][0](Sum((X[i, d] - X[j, d]) ** 2, (d, 0, D - 1)))
    assert_right(Model(SPELLINGS[spelling](entry), [X]), {"X": POINTS}, by_pairs(POINTS, RADIAL[name]))


@pytest.mark.parametrize(("name", "spelling"), one_in(3, dict.fromkeys(EACH)))
def test_energies_on_a_line(name: str, spelling: str) -> None:
    value, gradient, hessian = by_pairs(LINE[:, None], RADIAL[name])
    model = Model(SPELLINGS[spelling](RADIAL[name][0]((x[i] - x[j]) ** 2)), [x])
    assert_right(model, {"x": LINE}, (value, gradient.ravel(), hessian))


@pytest.mark.parametrize("condition", [i < j, Ne(i, j)])
def test_charges(condition: Any) -> None:
    half = 1 if condition == (i < j) else 2
    model = Model(Sum(if_else(condition, charge[i] * charge[j] / Abs(x[i] - x[j]), 0), *ALL) / half, [x])
    radial: Radial = (lambda r2: r2**-0.5, lambda r2: -(r2**-1.5) / 2, lambda r2: 3 * r2**-2.5 / 4)
    value, gradient, hessian = by_pairs(LINE[:, None], radial, CHARGES)
    assert_right(model, {"x": LINE, "charge": CHARGES}, (value, gradient.ravel(), hessian))


@pytest.mark.long
def test_three_at_a_time() -> None:
    """Of i < j < k a factor of two is used where the third fits in: compared with the sum over all triples."""
    ordered = if_else(And(i < j, j < k), 1 / ((x[i] - x[j]) * (x[j] - x[k]) * (x[k] - x[i])) ** 2, 0)
    value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
    for triple in combinations(range(4), 3):
        weights = np.zeros((3, 4))  # the three differences, of the entries
        for row, (one, other) in enumerate(combinations(triple, 2)):
            weights[row, [one, other]] = 1, -1
        inverse = 1 / (weights @ LINE)
        term = np.prod(inverse**2)
        slope = -2 * inverse @ weights  # of its logarithm
        value += term
        gradient += term * slope
        hessian += term * (np.outer(slope, slope) + 2 * weights.T @ np.diag(inverse**2) @ weights)
    assert_right(Model(Sum(ordered, *ALL, (k, 0, N - 1)), [x]), {"x": LINE}, (value, gradient, hessian))


def test_a_trap_and_a_repulsion_by_hand() -> None:
    """x²/2 each and -log (x_i - x_j)²: at ±1 the energy is 1 - log 4, its gradient 0, its Hessian 1 + (½, -½)."""
    model = Model(
        Sum(if_else(i < j, -log((x[i] - x[j]) ** 2), 0), *ALL) + Sum(x[i] ** 2, (i, 0, N - 1)) / 2,
        [x],
    )
    expected = np.array([[1.5, -0.5], [-0.5, 1.5]])
    assert_right(model, {"x": np.array([1.0, -1.0])}, (1 - np.log(4), np.zeros(2), expected))


def test_a_named_sum_over_pairs_in_another_one() -> None:
    """Of F² with F = q·c, q = Σ log d², c = Σ 1/|d|: what has no divisor is put over none that is 0 where i = j."""
    q, z = symbols("q"), IndexedBase("z", shape=(N,))  # with x the terms came in another order
    pairs = [Sum(if_else(Eq(i, j), 0, term), *ALL) for term in (log((z[i] - z[j]) ** 2), q / Abs(z[i] - z[j]))]
    model = Model(pairs[1] ** 2, [z], where=[Eq(q, pairs[0])])
    parts = []
    for value, slope, curvature in (
        (lambda r: np.log(r**2), lambda r: 2 / r, lambda r: -2 / r**2),
        (lambda r: 1 / abs(r), lambda r: -1 / (r * abs(r)), lambda r: 2 / abs(r) ** 3),
    ):
        total, first, second = 0.0, np.zeros(4), np.zeros((4, 4))
        for one, other in combinations(range(4), 2):
            unit, r = np.eye(4)[one] - np.eye(4)[other], LINE[one] - LINE[other]
            total, first = total + 2 * value(r), first + 2 * slope(r) * unit
            second += 2 * curvature(r) * np.outer(unit, unit)
        parts.append((total, first, second))
    (a, da, dda), (b, db, ddb) = parts
    slope, curvature = b * da + a * db, b * dda + a * ddb + np.outer(da, db) + np.outer(db, da)
    expected = (a * b) ** 2, 2 * a * b * slope, 2 * np.outer(slope, slope) + 2 * a * b * curvature
    assert_right(model, {"z": LINE}, expected)


@pytest.mark.parametrize(
    "entry",
    [if_else(Ne(i, j), 1 / (x[i] - x[j]), 0), Piecewise((0, Eq(i, j)), (1 / (x[i] - x[j]), True))],
    ids=["if_else", "Piecewise"],
)
def test_the_jacobian_of_forces(entry: Any) -> None:
    """Of Σ_j 1/(x_i - x_j): 1/d² off the diagonal, and minus the sum of these on it."""
    model = Model(Sum(force[i] ** 2, (i, 0, N - 1)), [x], where=[Eq(force[i], Sum(entry, (j, 0, N - 1)))])
    with np.errstate(all="raise"):
        found = model.compile(check=False, jacobian=["force"]).jacobian_force(x=LINE).x
    difference = LINE[:, None] - LINE + np.diag(np.full(4, np.inf))
    expected = 1 / difference**2 - np.diag((1 / difference**2).sum(axis=1))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("spelling", ["i < j", "limits"])
def test_the_check_passes(spelling: str) -> None:
    entry = RADIAL["gravity"][0](Sum((X[i, d] - X[j, d]) ** 2, (d, 0, D - 1)))
    assert Model(SPELLINGS[spelling](entry), [X]).check(hessian=True, hvp=True).verdict == "pass"


# --- far from the origin ----------------------------------------------------------------------------------------------

FAR = (
    np.array([[0.0, 1.5, 0.25], [2.0, 0.5, 1.0], [1.0, 3.0, 2.5], [3.5, 2.25, 0.75]]) + 2.0**19
)  # as coordinates of maps


@pytest.mark.parametrize("potential", ["Cauchy", "Gauss", *RADIAL])
@pytest.mark.parametrize("spelling", one_in(4, ["all", *SPELLINGS]))
def test_far_from_the_origin_differences_keep_their_digits(potential, spelling):
    radial = {"Cauchy": lambda r2: log(1 + r2), "Gauss": lambda r2: exp(-r2)}.get(potential) or RADIAL[potential][0]
    entry = radial(Sum((X[i, d] - X[j, d]) ** 2, (d, 0, D - 1)))
    if spelling == "all":
        entry = entry if potential in ("Cauchy", "Gauss") else if_else(Eq(i, j), 0, entry)
    module = Model(SPELLINGS.get(spelling, lambda entry: Sum(entry, *ALL))(entry), [X]).compile(check=False, hvp=True)
    direction = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [-1.0, 1.0, 2.0], [0.5, 0.25, -1.0]])
    near = FAR - 2.0**19  # exact, and the loss the same
    value, gradient = module.value_and_gradient(near)
    product = module.hessian_vector_product(direction, near).X
    for kind, most in ((np.float64, 1e-13), (np.float32, 2e-5)):
        points, along = FAR.astype(kind), direction.astype(kind)
        np.testing.assert_allclose(module.value(points), value, rtol=most)
        for found in (module.gradient(points).X, module.value_and_gradient(points)[1].X):
            np.testing.assert_allclose(found, gradient.X, rtol=0, atol=most * np.abs(gradient.X).max())
        found = module.hessian_vector_product(along, points).X
        np.testing.assert_allclose(found, product, rtol=0, atol=most * np.abs(product).max())


def test_on_a_line_far_from_the_origin_squares_are_not_multiplied_out():
    model = Model(Sum(log(1 + (x[i] - x[j]) ** 2), *ALL), [x])
    assert "(x[i] − x[j])/((x[j] − x[i])² + 1)" in model.show()
    found = model.compile(check=False).gradient(LINE + 2.0**27).x
    np.testing.assert_allclose(found, [sum(4 * (a - b) / (1 + (a - b) ** 2) for b in LINE) for a in LINE], rtol=1e-6)
