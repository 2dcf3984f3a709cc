"""Quantities that equations or a minimum define: values and gradients against closed forms, and what is refused.

Gradients are compared with closed forms by the implicit function theorem written out by hand, or with SciPy's roots and
central differences of these (1e-6, as accurate as the differences are).
"""

from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from sympy import (
    Eq,
    Identity,
    IndexedBase,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Q,
    S,
    Sum,
    Symbol,
    erf,
    exp,
    log,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symgrad import Model, ModelError, UnsupportedError, argmin, solution, sumsq
from symgrad.generated import imported
from symgrad.graph.linear_maps import Times
from symgrad.graph.node import Local
from symgrad.graph.nodes import Solution
from symgrad.reference import evaluate

N, D = symbols("N D", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
a, b, p = symbols("a b p", real=True)
E, M, e = symbols("E M e", real=True)
x = Symbol("x", real=True)
v, w, c = (IndexedBase(name, shape=(N,)) for name in ("v", "w", "c"))
W = IndexedBase("W", shape=(N, N))
A = MatrixSymbol("A", N, D)
u, m = MatrixSymbol("u", D, 1), MatrixSymbol("m", D, 1)
y, C = MatrixSymbol("y", N, 1), MatrixSymbol("C", D, D)
lam = Symbol("lam", positive=True)
STEP = 1e-6


@cache
def module(model: Model, **requested: Any) -> Any:
    """A model's module, which nothing has checked."""
    return imported(model.source(**requested), "implicit")


KEPLER_STATED = E**2, [M, e]
KEPLER = Model(*KEPLER_STATED, where={E: solution(E - e * sin(E) - M, E, start=M)})
CUBIC = Model(x**2, [a, b], where={x: solution(x**3 - a * x - b, x, start=2)})
BATCH = Model(Sum(v[n] ** 2, (n, 0, N - 1)), [w, e], where={v: solution(v[n] - e * sin(v[n]) - w[n], v[n], w[n])})
FIXED = Model(
    Sum(c[i] * v[i], (i, 0, N - 1)),
    [W, w],
    where=[Eq(v[i], solution(v[i] - tanh(Sum(W[i, j] * v[j], (j, 0, N - 1)) + w[i]), v[i]))],
)
RIDGE = Model(sumsq(u - m), [lam], where={u: argmin(sumsq(A * u - y) + lam * sumsq(u), u)})
PORTFOLIO = Model(
    sumsq(u),
    [m, lam],
    where={u: argmin(lam / 2 * (u.T * C * u)[0, 0] - (m.T * u)[0, 0], u, [Eq(OneMatrix(1, D) * u, Matrix([[1]]))])},
    facts=[Q.positive_definite(C)],
)


def differences(function: Any, *given: Any) -> list[Any]:
    """Central differences by every entry of every array."""
    found = []
    for number, array in enumerate(given):
        slope = np.zeros(np.shape(array))
        for at in np.ndindex(slope.shape):
            sides = []
            for step in (STEP, -STEP):
                moved = np.array(array, dtype=float)
                moved[at] += step
                sides.append(function(*given[:number], moved[()], *given[number + 1 :]))
            slope[at] = (sides[0] - sides[1]) / (2 * STEP)
        found.append(slope)
    return found


# --- equations --------------------------------------------------------------------------------------------------------


def test_keplers_equation() -> None:
    value, gradient = module(KEPLER).value_and_gradient(1.0, 0.3)
    at = scipy.optimize.brentq(lambda E: E - 0.3 * np.sin(E) - 1, 0, 3, xtol=1e-15)
    assert value == pytest.approx(at**2, rel=1e-14)
    slope = 2 * at / (1 - 0.3 * np.cos(at))  # ∂E/∂M = 1/(1 − e cos E), ∂E/∂e = sin E/(1 − e cos E)
    assert tuple(gradient) == pytest.approx((slope, slope * np.sin(at)), rel=1e-14)


def test_the_formulas_are_those_of_the_implicit_function_theorem() -> None:
    shown = KEPLER.show().replace("\N{NO-BREAK SPACE}", " ")
    assert "E = solution_E(E − M − e·sin(E) = 0 from M)" in shown
    assert "∂C/∂M = 2·E/(1 − e·cos(E))" in shown
    assert "∂C/∂lam = −4·uᵀ(2·lam·I + 2AᵀA)⁻¹(u − m)" in RIDGE.show()
    assert "u = argmin_u(lam·‖u‖² + ‖A u − y‖²)" in RIDGE.show()


def test_a_root_follows_its_start() -> None:
    # x³ − 3x − 0.5 has three roots; from 2 it is the largest, where ∂x/∂b = 1/(3x² − 3)
    (at,) = [root for root in np.roots([1, 0, -3, -0.5]) if root > 1]
    value, gradient = module(CUBIC).value_and_gradient(3.0, 0.5)
    assert value == pytest.approx(at**2, rel=1e-14)
    assert tuple(gradient) == pytest.approx((2 * at * at / (3 * at**2 - 3), 2 * at / (3 * at**2 - 3)), rel=1e-13)


def test_implied_volatility() -> None:
    """The derivative by the price is 1/vega: Hull, Options, Futures, and Other Derivatives (2018), section 19.8."""
    price, spot, strike, s = symbols("price spot strike s", positive=True)
    phi = lambda z: (1 + erf(z / sqrt(2))) / 2  # noqa: E731
    d1 = log(spot / strike) / s + s / 2
    model = Model(s, [price], where={s: solution(spot * phi(d1) - strike * phi(d1 - s) - price, s, start=S.Half)})
    value, gradient = module(model).value_and_gradient(price=10.0, spot=100.0, strike=105.0)
    ahead = np.log(100 / 105) / value + value / 2
    assert gradient.price == pytest.approx(np.sqrt(2 * np.pi) * np.exp(ahead**2 / 2) / 100, rel=1e-12)


def test_a_batch_is_solved_entry_by_entry() -> None:
    source = BATCH.source()
    assert '_solution(equations_of_v, w, False, "v")' in source  # no matrix over all entries
    means = np.array([0.1, 1.0, 2.5])
    value, gradient = module(BATCH).value_and_gradient(means, 0.4)
    each = [module(KEPLER).value_and_gradient(one, 0.4) for one in means]
    assert value == pytest.approx(sum(one for one, _ in each), rel=1e-14)
    assert gradient.w == pytest.approx([slope.M for _, slope in each], rel=1e-14)
    assert gradient.e == pytest.approx(sum(slope.e for _, slope in each), rel=1e-13)


def test_a_fixed_point_of_a_network() -> None:
    rng = np.random.default_rng(0)
    weights, bias, ahead = rng.normal(size=(3, 3)) / 4, rng.normal(size=3), rng.normal(size=3)

    def value(weights: Any, bias: Any) -> Any:
        found = np.zeros(3)
        for _ in range(200):
            found = np.tanh(weights @ found + bias)
        return ahead @ found

    made, gradient = module(FIXED).value_and_gradient(weights, bias, ahead)
    assert made == pytest.approx(value(weights, bias), rel=1e-13)
    for found, wanted in zip(gradient, differences(value, weights, bias), strict=True):
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-8)
    assert FIXED.source().count("np.linalg.solve(") == 3  # Newton's, and one by the transpose in each of two functions


def test_systems_of_a_batch_are_solved_each_by_itself() -> None:
    z, V = (IndexedBase(name, shape=(N, D)) for name in ("z", "V"))
    U = IndexedBase("U", shape=(D, D))
    equation = z[n, i] + z[n, i] ** 3 - Sum(U[i, j] * z[n, j], (j, 0, D - 1)) - V[n, i]
    model = Model(Sum(z[n, i] ** 2, (n, 0, N - 1), (i, 0, D - 1)), [U, V], where={z: solution(equation, z[n, i])})
    rng = np.random.default_rng(1)
    weights, rows = rng.normal(size=(2, 2)) / 4, rng.normal(size=(3, 2))
    found = module(model).value_and_gradient(weights, rows)
    each = [module(model).value_and_gradient(weights, row[None]) for row in rows]
    assert found[0] == pytest.approx(sum(value for value, _ in each), rel=1e-13)
    assert pytest.approx(sum(gradient.U for _, gradient in each), rel=1e-12) == found[1].U


def test_the_steady_state_of_a_reaction() -> None:
    """A → B → C with a flow in and out: B = q·A₀·k₁/((k₁ + q)(k₂ + q)), by hand."""
    k1, k2, q = symbols("k1 k2 q", positive=True)
    s = IndexedBase("s", shape=(2,))
    model = Model(s[1], [k1, k2, q], where={s: solution([q * (1 - s[0]) - k1 * s[0], k1 * s[0] - (k2 + q) * s[1]], s)})
    value, gradient = module(model).value_and_gradient(2.0, 3.0, 0.5)
    assert value == pytest.approx(0.5 * 2 / (2.5 * 3.5), rel=1e-14)
    assert gradient.k1 == pytest.approx(0.25 / 2.5**2 / 3.5, rel=1e-13)
    assert gradient.k2 == pytest.approx(-1 / (2.5 * 3.5**2), rel=1e-13)


def test_a_matrix_that_solves_an_equation_of_matrices() -> None:
    """9Y − B Y − Y Bᵀ = I, as one linear system by Kronecker products."""
    Y, B = MatrixSymbol("Y", D, D), MatrixSymbol("B", D, D)
    model = Model(sumsq(Y), [B], where={Y: solution(9 * Y - B * Y - Y * B.T - Identity(D), Y)})
    given = np.random.default_rng(2).normal(size=(2, 2))

    def value(given: Any) -> Any:
        one = np.eye(2)
        rows = 9 * np.eye(4) - np.kron(given, one) - np.kron(one, given)
        return np.sum(np.linalg.solve(rows, one.ravel()) ** 2)

    made, gradient = module(model).value_and_gradient(given)
    assert made == pytest.approx(value(given), rel=1e-13)
    assert pytest.approx(differences(value, given)[0], rel=1e-6, abs=1e-8) == gradient.B


# --- minima -----------------------------------------------------------------------------------------------------------


def test_weights_of_a_ridge_regression_by_its_hyperparameter() -> None:
    rng = np.random.default_rng(3)
    X, t, wanted = rng.normal(size=(5, 3)), rng.normal(size=(5, 1)), rng.normal(size=(3, 1))
    value, gradient = module(RIDGE).value_and_gradient(0.7, X, wanted, t)
    system = X.T @ X + 0.7 * np.eye(3)
    best = np.linalg.solve(system, X.T @ t)
    assert value == pytest.approx(np.sum((best - wanted) ** 2), rel=1e-13)
    assert gradient.lam == pytest.approx((-2 * (best - wanted).T @ np.linalg.solve(system, best)).item(), rel=1e-12)


def test_the_mode_of_a_logistic_regression_by_its_prior() -> None:
    t = MatrixSymbol("t", N, 1)
    penalty = sumsq(u) * lam / 2
    objective = Sum(log(1 + exp(-t[n, 0] * (A * u)[n, 0])), (n, 0, N - 1)) + penalty
    model = Model(sumsq(u - m), [lam], where={u: argmin(objective, u)})
    rng = np.random.default_rng(4)
    X, signs, wanted = rng.normal(size=(8, 2)), np.sign(rng.normal(size=(8, 1))), rng.normal(size=(2, 1))

    def value(lam: Any) -> Any:
        loss = lambda u: np.sum(np.log1p(np.exp(-signs[:, 0] * (X @ u)))) + lam / 2 * u @ u  # noqa: E731
        best = scipy.optimize.minimize(loss, np.zeros(2), tol=1e-14, options={"gtol": 1e-9}).x
        return np.sum((best[:, None] - wanted) ** 2)

    made, gradient = module(model).value_and_gradient(0.5, X, wanted, signs)
    assert made == pytest.approx(value(0.5), rel=1e-6)  # as accurate as SciPy's minimum
    again = [module(model).value(0.5 + step, X, wanted, signs) for step in (STEP, -STEP)]
    assert gradient.lam == pytest.approx((again[0] - again[1]) / (2 * STEP), rel=1e-7)


def test_a_portfolio_under_a_constraint() -> None:
    rng = np.random.default_rng(5)
    root, means = rng.normal(size=(3, 3)), rng.normal(size=(3, 1))
    risk = root @ root.T + np.eye(3)

    def value(means: Any, lam: Any) -> Any:  # the conditions of Karush, Kuhn and Tucker as one system
        system = np.block([[lam * risk, np.ones((3, 1))], [np.ones((1, 3)), np.zeros((1, 1))]])
        return np.sum(np.linalg.solve(system, np.r_[means[:, 0], 1.0])[:3] ** 2)

    made, gradient = module(PORTFOLIO).value_and_gradient(means, 0.8, risk)
    assert made == pytest.approx(value(means, 0.8), rel=1e-12)
    for found, wanted in zip(gradient, differences(value, means, 0.8), strict=True):
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-8)


def test_a_minimum_under_one_equation_for_all_indices() -> None:
    """The nearest point to w on Σ_j B[k, j] v[j] = 1 for all k: v = w − Bᵀ(B Bᵀ)⁻¹(B w − 1)."""
    B = IndexedBase("B", shape=(D, N))
    nearest = argmin(Sum((v[i] - w[i]) ** 2, (i, 0, N - 1)), v, Eq(Sum(B[k, j] * v[j], (j, 0, N - 1)), 1))
    model = Model(Sum(c[i] * v[i], (i, 0, N - 1)), [w], where={v: nearest})
    rng = np.random.default_rng(6)
    rows, point, ahead = rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=4)
    value, gradient = module(model).value_and_gradient(w=point, B=rows, c=ahead)
    onto = rows.T @ np.linalg.inv(rows @ rows.T)
    assert value == pytest.approx(ahead @ (point - onto @ (rows @ point - 1)), rel=1e-12)
    assert gradient.w == pytest.approx(ahead - rows.T @ (onto.T @ ahead), rel=1e-12, abs=1e-14)


# --- the reference, second derivatives, the check ---------------------------------------------------------------------


def test_the_reference_solves_by_what_is_stated_alone() -> None:
    found = evaluate(KEPLER.loss, {M: 1.0, e: 0.3}, {}, KEPLER.where, 20)
    assert float(found) == module(KEPLER).value(1.0, 0.3)
    rng = np.random.default_rng(7)
    given = {A: rng.normal(size=(3, 2)), y: rng.normal(size=(3, 1)), m: rng.normal(size=(2, 1)), lam: 0.5}
    found = evaluate(RIDGE.loss, given, {N: 3, D: 2}, RIDGE.where, 20)
    value = module(RIDGE).value(**{str(symbol): one for symbol, one in given.items()})
    assert float(found) == pytest.approx(value, rel=1e-14)


def test_second_derivatives_of_keplers_equation() -> None:
    at, gradient_at = np.array([1.0, 0.3]), module(KEPLER).gradient
    hessian = module(KEPLER, hessian=True).hessian(*at)
    for number in (0, 1):
        step = STEP * np.eye(2)[number]
        ahead, behind = (np.array(gradient_at(*point)) for point in (at + step, at - step))
        assert list(hessian[number]) == pytest.approx((ahead - behind) / (2 * STEP), rel=1e-7)


def test_the_check_solves_again_at_every_point() -> None:
    assert KEPLER.check().ok


@pytest.mark.long
@pytest.mark.parametrize("model", [BATCH, FIXED, RIDGE, PORTFOLIO], ids=["batch", "fixed", "ridge", "portfolio"])
def test_the_check_passes(model: Model) -> None:
    assert model.check(hvp=True).ok


def test_the_check_sees_a_derivative_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Solution.local

    def wrong(self: Solution, number: int) -> Any:
        return [
            Local(local.operand, Times(local.map.domain, local.map.factors[1:], local.map.over))
            for local in right(self, number)
        ]

    monkeypatch.setattr(Solution, "local", wrong)  # without the minus sign
    assert not Model(*KEPLER_STATED, where=KEPLER.where).check().ok


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "start", "said"),
    [
        (x**2 + 1 - p, 2, "x: its equations were not solved"),  # no real root
        ((x - 1) ** 2 * p, 2, "x: the Jacobian of its equations is singular where they hold"),
        (x**2 - p, 0, "x: the Jacobian of its equations is singular where Newton's method came to"),
        (log(x) - p, -1, "x: its equations are not finite"),
    ],
)
def test_what_is_not_solved_is_an_error_that_names_it(equation: Any, start: int, said: str) -> None:
    made = module(Model(x**2, [p], where={x: solution(equation, x, start)}))
    with pytest.raises(np.linalg.LinAlgError, match=said):
        made.value(0.5)


def test_a_maximum_is_no_minimum() -> None:
    made = module(Model(x**2, [p], where={x: argmin(p * x - x**2, x)}))
    with pytest.raises(np.linalg.LinAlgError, match="x: where its derivatives are 0 there is no strict minimum"):
        made.value(0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equations_are_solved_to_the_last_digits_of_their_type(dtype: Any) -> None:
    rng = np.random.default_rng(8)
    for _ in range(50):
        X, t, wanted = (rng.normal(size=shape).astype(dtype) for shape in ((6, 4), (6, 1), (4, 1)))
        value = module(RIDGE).value(dtype(0.5), X, wanted, t)
        exact = module(RIDGE).value(0.5, *(one.astype(float) for one in (X, wanted, t)))
        assert value.dtype == dtype
        assert value == pytest.approx(exact, rel=float(200 * np.finfo(dtype).eps))


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        (lambda: solution(x - a, 3), ModelError, "for the unknown"),
        (lambda: solution(x - a, IndexedBase("g")), ModelError, "g has no shape"),
        (lambda: solution([x - a, a], v[i]), ModelError, "2 equations"),
        (lambda: argmin(A, u), ModelError, "what is least is a scalar"),
        (lambda: argmin(x**2, x, [x]), ModelError, r"subject_to\[0\]"),
        (lambda: solution(A, u), ModelError, "does not fit u"),
        (lambda: Model(x, [a], where={x: solution(a - 1, x)}), ModelError, "x does not occur"),
        (lambda: Model(x, [a], where={E: solution(x - a, x)}), ModelError, "the unknown is x"),
        (
            lambda: Model(v[0], [w], where={v: solution(Sum(v[j], (j, 0, N - 1)) - w[i], v[i])}),
            ModelError,
            "the equations of v do not determine it",
        ),
        (lambda: Model(x, [a], where={x: solution(x + E - a, x), E: x**2}), UnsupportedError, "write out"),
        (
            lambda: KEPLER.source(target="jax"),
            UnsupportedError,
            "the target jax has no spelling of E, which is",
        ),
        (lambda: KEPLER.source(target="torch"), UnsupportedError, "the target torch has no spelling of E"),
    ],
)
def test_what_cannot_be_meant_is_refused(state: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        state()
