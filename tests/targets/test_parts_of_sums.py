"""NumPy's sums that are written into parts of one array: values at positions, and neighbours around a circle."""

import numpy as np
import pytest
from sympy import IndexedBase, Mod, Sum, Symbol, exp, symbols

from symgrad import Model

N, J = symbols("N J", integer=True, positive=True)
i, j, n, k = symbols("i j n k", integer=True)
u, f, x = IndexedBase("u", shape=(N, N)), IndexedBase("f", shape=(N, N)), IndexedBase("x", shape=(J,))
a, b = (IndexedBase(name, shape=(N,), integer=True) for name in "ab")
z, s, y, c = (
    IndexedBase("z", shape=(J, 2)),
    IndexedBase("s", shape=(2,)),
    IndexedBase("y", shape=(N,)),
    IndexedBase("c", shape=(N,), integer=True),
)


def test_neighbours_around_a_circle_are_numpys_roll() -> None:
    r = 3 * u[Mod(i - 1, N), j] - u[i, Mod(j + 1, N)] - 2 * u[i, Mod(j - 2, N)] + 2 * f[i, j]
    model = Model(Sum(r**2, (i, 0, N - 1), (j, 0, N - 1)), [u])
    source = model.source()
    assert (
        "[1:] += 3 * u[:N - 1]" in source and "[:, N - 1:] -= u[:, :1]" in source and "_rolled(u, 2, axis=1)" in source
    )
    module = model.compile(check=False)
    rng = np.random.default_rng(0)
    for side in (0, 1, 2, 3, 5):
        at, data = rng.normal(size=(2, side, side))
        bound, kept = module.bind(f=data), (at.copy(), data.copy())
        residual = 3 * np.roll(at, 1, 0) - np.roll(at, -1, 1) - 2 * np.roll(at, 2, 1) + 2 * data
        back = 3 * np.roll(residual, -1, 0) - np.roll(residual, 1, 1) - 2 * np.roll(residual, -2, 1)
        for _ in range(2):  # what is kept of the data is not written to
            loss, slope = bound.value_and_gradient(at)
            np.testing.assert_allclose([loss, bound.value(at)], np.sum(residual**2), rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose(slope.u, 2 * back, rtol=1e-12, atol=1e-12)
        assert np.array_equal(at, kept[0]) and np.array_equal(data, kept[1])


@pytest.mark.long
def test_neighbours_in_a_transpose() -> None:
    r = 2 * f[i, j] - u[j, Mod(i + 1, N)] + 3 * u[Mod(j - 1, N), Mod(i + 1, N)]
    model = Model(Sum(r**2, (i, 0, N - 1), (j, 0, N - 1)), [u])
    module = model.compile(check=False)
    for side in (0, 1, 2, 4):
        at, data = np.random.default_rng(0).normal(size=(2, side, side))
        residual = 2 * data - np.roll(at, -1, 1).T + 3 * np.roll(at, (1, -1), (0, 1)).T
        back = -np.roll(residual.T, 1, 1) + 3 * np.roll(residual.T, (-1, 1), (0, 1))
        loss, slope = module.value_and_gradient(at, data)
        np.testing.assert_allclose([loss, module.value(at, data)], np.sum(residual**2), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(slope.u, 2 * back, rtol=1e-12, atol=1e-12)


def test_labels_around_a_circle_stay_whole_numbers() -> None:
    model = Model(Sum(x[a[Mod(n + 1, N)] + b[n]] ** 2, (n, 0, N - 1)), [x])
    module = model.compile(check=False)
    labels, more, at = np.array([0, 1, 2]), np.array([1, 0, 1]), np.array([1.0, 2.0, 4.0, 8.0])
    slope = module.gradient(at, a=labels, b=more)
    assert slope.x.tolist() == (2 * at * np.bincount(np.roll(labels, -1) + more, minlength=4)).tolist()


def test_values_at_positions_are_added_where_they_belong() -> None:
    level = exp(s[0]) * z[c[n], 0] - s[1] * z[c[n], 1]
    prior = Sum(z[j, k] ** 2, (j, 0, J - 1), (k, 0, 1)) + Sum(s[k] ** 2, (k, 0, 1))
    model = Model(prior / 2 + Sum((level - y[n]) ** 2, (n, 0, N - 1)) / 2, [s, z])
    source = model.source()
    assert "grad_z[:, 0] += _accumulate((J,), (c,)" in source and "grad_s[0] += " in source and "_place" not in source
    rng = np.random.default_rng(0)
    at, scale, data = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=5)
    labels, kept = np.array([2, 0, 2, 1, 2]), (at.copy(), scale.copy())
    module = model.compile(check=False)
    slope = module.gradient(scale, at, c=labels, y=data)
    error = np.exp(scale[0]) * at[labels, 0] - scale[1] * at[labels, 1] - data
    wanted = at.copy()
    np.add.at(wanted, labels, error[:, None] * np.array([np.exp(scale[0]), -scale[1]]))
    np.testing.assert_allclose(slope.z, wanted, rtol=1e-13)
    rest = [np.exp(scale[0]) * error @ at[labels, 0], -error @ at[labels, 1]]
    np.testing.assert_allclose(slope.s, scale + rest, rtol=1e-13)
    assert np.array_equal(at, kept[0]) and np.array_equal(scale, kept[1])


@pytest.mark.long
def test_a_term_that_all_rows_share_is_no_part() -> None:
    """Neighbours in a column that is added to every row of a matrix."""
    model = Model(Sum((u[i, j] + y[Mod(i + 1, N)] - y[i]) ** 2, (i, 0, N - 1), (j, 0, N - 1)), [u, y])
    assert model.check().ok


def test_sums_in_parts_pass_the_check() -> None:
    r = u[Mod(i - 1, N), j] - Symbol("w") * u[i, Mod(j + 1, N)] - f[i, j]
    report = Model(Sum(r**2, (i, 0, N - 1), (j, 0, N - 1)), [u, Symbol("w")]).check()
    assert report.ok, str(report)


def test_a_few_numbers_for_each_pair_come_first() -> None:
    p, q = IndexedBase("p", shape=(N, 3)), IndexedBase("q", shape=(J, 3))
    square = Sum((p[i, k] - q[j, k]) ** 2, (k, 0, 2))
    model = Model(Sum(exp(-square), (i, 0, N - 1), (j, 0, J - 1)), [p, q])
    source = model.source()
    assert "np.ascontiguousarray(p.T)" in source and "np.ascontiguousarray(q.T)" in source
    rng = np.random.default_rng(0)
    at, other = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    loss, slope = model.compile(check=False).value_and_gradient(at, other)
    apart = at[:, None] - other
    near = np.exp(-(apart**2).sum(2))
    np.testing.assert_allclose(loss, near.sum(), rtol=1e-13)
    np.testing.assert_allclose(slope.p, -2 * np.einsum("ij,ijk->ik", near, apart), rtol=1e-13)
    np.testing.assert_allclose(slope.q, 2 * np.einsum("ij,ijk->jk", near, apart), rtol=1e-13)
