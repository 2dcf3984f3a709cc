"""What is moved round an axis is moved back in the gradient, where nothing else would do."""

import numpy as np
import pytest
from sympy import IndexedBase, Mod, Sum, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
i, j = symbols("i j", integer=True)
u, f, w = IndexedBase("u", shape=(N, M)), IndexedBase("f", shape=(N, M)), IndexedBase("w", shape=(N,))


def ring(*places):
    return Model(
        Sum(w[i] * sum(u[place, j] ** k for k, place in enumerate(places, 2)), (i, 0, N - 1), (j, 0, M - 1)), [u]
    )


def test_the_adjoint_of_a_stencil_on_a_torus_is_one():
    around = u[Mod(i - 1, N), j] + u[Mod(i + 1, N), j] + u[i, Mod(j - 1, M)] + u[i, Mod(j + 1, M)] - 4 * u[i, j]
    model = Model(Sum((around - f[i, j]) ** 2, (i, 0, N - 1), (j, 0, M - 1)) / 2, [u])
    text = model.source().split("def value_and_gradient(")[1].split("\ndef ")[0]
    assert "_accumulate" not in text
    assert "loss = 0.5 * np.vdot(diff, diff)" in text  # the residual, which the gradient reads instead of its terms
    assert "grad_u = -4 * diff\n" in text
    rng = np.random.default_rng(0)
    values, data = rng.normal(size=(2, 5, 4))

    def laplacian(v):
        return sum(np.roll(v, step, axis) for step in (1, -1) for axis in (0, 1)) - 4 * v

    residual = laplacian(values) - data
    loss, slope = model.compile(check=False).value_and_gradient(values, data)
    assert loss == pytest.approx((residual**2).sum() / 2, rel=1e-14)
    np.testing.assert_allclose(slope.u, laplacian(residual), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "place", [Mod(i + 1, N), Mod(i - 3, N), Mod(2 - i, N), Mod(-i, N), Mod(i + 2 * N - 1, N)], ids=str
)
@pytest.mark.parametrize("sides", [(1, 2), (2, 1), (7, 3)])
def test_every_turn_is_taken_back(place, sides):
    model = ring(place, Mod(i + 2, N))
    assert "_accumulate" not in model.source()
    module = model.compile(check=False)
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=sides), rng.normal(size=sides[0])
    expected = np.zeros(sides)
    for n in range(sides[0]):
        for k, where in enumerate((place, Mod(i + 2, N)), 2):
            row = int(where.subs({i: n, N: sides[0]}))
            expected[row] += k * weights[n] * values[row] ** (k - 1)
    np.testing.assert_allclose(module.gradient(values, weights).u, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("place", [Mod(i, M), Mod(2 * i, N), Mod(i * j, N), Mod(i + j, N)], ids=str)
def test_what_is_no_turn_of_the_axis_is_added_up(place):
    v = IndexedBase("v", shape=(place.args[1],))
    model = Model(Sum(f[i, j] * v[place] ** 2, (i, 0, N - 1), (j, 0, M - 1)), [v])
    data = np.random.default_rng(2).normal(size=(4, 3))
    values = np.arange(1.0, 5.0)[: 3 if place.args[1] == M else 4]
    expected = np.zeros_like(values)
    for row, column in np.ndindex(4, 3):
        where = int(place.subs({i: row, j: column, N: 4, M: 3}))
        expected[where] += 2 * data[row, column] * values[where]
    np.testing.assert_allclose(model.compile(check=False).gradient(values, data).v, expected, rtol=1e-13)


def test_formulas_go_round_and_back_again():
    x = IndexedBase("x", shape=(N,))
    slope = Model(Sum((x[Mod(i + 1, N)] - x[i]) ** 2 * x[i], (i, 0, N - 1)), [x]).gradient(x)(i)
    before, after = x[Mod(i - 1, N)], x[Mod(i + 1, N)]
    assert (slope - (2 * before * (x[i] - before) + (after - x[i]) ** 2 - 2 * x[i] * (after - x[i]))).expand() == 0
