"""Second derivatives of softmax where a class is all but certain, diag(p) − p pᵀ and the like, against mpmath."""

from functools import cache

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Rational, S, Sum, log, symbols

from symgrad import LogSumExp, Model, softmax
from symgrad.calculus.structure import Block, blocks, total
from symgrad.graph.build import add, index, mul
from symgrad.graph.nodes import Input, intern
from symgrad.graph.transform import own
from symgrad.outputs.structure import joined
from tests.families import one_in

K, N, M = symbols("K N M", integer=True, positive=True)
k, n, m = symbols("k n m", integer=True)
z, p = (IndexedBase(name, shape=(K,)) for name in "zp")
Z, P, Y = (IndexedBase(name, shape=(N, K)) for name in "ZPY")
X, B = IndexedBase("X", shape=(N, M)), IndexedBase("B", shape=(K, M))
classes, rows = (k, 0, K - 1), (n, 0, N - 1)
MARGINS = [0.0, 1, 5, 20, 36, 38, 50, 100, 350, 700]
SCORES = [np.array([margin, 0.0, -1.5]) for margin in MARGINS]
MATRIX = np.array([[40.0, 0, 1], [3, 2.5, 90], [0.5, 0.2, 0]])


def shares(scores):
    """softmax(z) in mpmath."""
    terms = [mpmath.exp(mpmath.mpf(float(one))) for one in scores]
    return [one / mpmath.fsum(terms) for one in terms]


def covariance(scores):
    """diag(p) − p pᵀ for p = softmax(z)."""
    with mpmath.workdps(400):
        share = shares(scores)
        made = [[a * ((i == j) - b) for j, b in enumerate(share)] for i, a in enumerate(share)]
        return np.array(made, dtype=float)


def same(found, right):
    # 1 − p has the digits of the logarithm of Σ exp(z − max z), which may be as small as 1/400
    np.testing.assert_allclose(found, right, rtol=2e-13, atol=1e-306)


@cache
def of_vector():
    return Model(LogSumExp(z[k], classes), [z]).compile(check=False, hessian=True)


@pytest.mark.parametrize("scores", SCORES, ids=map(str, MARGINS))
def test_logsumexp(scores):
    same(np.asarray(of_vector().hessian(scores)).squeeze(), covariance(scores))


ENTROPY = Model(-Sum(Y[n, k] * Z[n, k], classes, rows) + Sum(LogSumExp(Z[n, k], classes), rows), [Z], name="entropy")


@pytest.mark.long
@pytest.mark.parametrize("target", ["numpy", "numba", "jax"])
def test_cross_entropy_of_rows(target):
    module = ENTROPY.compile(check=False, hessian=True, target=target)
    right = np.array([covariance(row) for row in MATRIX])
    found = np.asarray(module.hessian(Z=MATRIX)).reshape(3, 3, 3, 3)
    rtol = 2e-13 if target != "jax" else 1e-5
    np.testing.assert_allclose(np.einsum("nknl->nkl", found), right, rtol=rtol, atol=1e-30)
    assert not found[0, :, 1].any()
    np.testing.assert_allclose(
        np.asarray(module.hessian_compact(Z=MATRIX)).reshape(3, 3, 3), right, rtol=rtol, atol=1e-30
    )


@pytest.mark.long
def test_products_and_sparse_matrices():
    module = ENTROPY.compile(check=False, hessian="sparse", hvp=True)
    right = np.array([covariance(row) for row in MATRIX])
    found = module.hessian_sparse(Z=MATRIX).to_dense()
    same(np.einsum("nknl->nkl", found.reshape(3, 3, 3, 3)), right)
    along = np.array([[1.0, 0.5, -2]] * 3)
    with mpmath.workdps(50):
        product = [
            [float(mpmath.fsum(a * b for a, b in zip(row, along[0], strict=True))) for row in one] for one in right
        ]
    np.testing.assert_allclose(np.asarray(module.hessian_vector_product(along, Z=MATRIX)), product, rtol=1e-13)


@pytest.mark.long
def test_coefficients_of_linear_scores():
    """The Hessian of multinomial regression is Σ_n x xᵀ ⊗ (diag(p) − p pᵀ)."""
    scores = Sum(X[n, m] * B[k, m], (m, 0, M - 1))
    module = Model(Sum(LogSumExp(scores, classes), rows), [B]).compile(check=False, hessian=True)
    inputs, weights = np.array([[1.0, 0.5], [2.0, 1.0]]), np.array([[30.0, 2], [0, 1], [-1, 3]])
    right = sum(np.einsum("i,j,kl->kilj", x, x, covariance(weights @ x)) for x in inputs)
    np.testing.assert_allclose(np.asarray(module.hessian(B=weights, X=inputs)).reshape(3, 2, 3, 2), right, rtol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("values", [[0.3, 0.45, 0.3], [1.0, -2.0, 0.5], [0.0, 1.0, 0.0]], ids=str)
def test_expected_values(values):
    """∂²Σ pw/∂zᵢ∂zⱼ = pᵢδᵢⱼ(wᵢ − m) − pᵢpⱼ((wᵢ − m) + (wⱼ − m)) with m = Σ pw."""
    module = Model(Sum(Y[n, k] * P[n, k], classes, rows), [Z], where=[Eq(P[n, k], softmax(Z[n, k], classes))]).compile(
        check=False, hessian=True
    )
    for scores in SCORES:
        with mpmath.workdps(400):
            share = shares(scores)
            mean = mpmath.fsum(a * b for a, b in zip(share, values, strict=True))
            off = [w - mean for w in values]
            right = [
                [a * ((i == j) * off[i] - b * (off[i] + off[j])) for j, b in enumerate(share)]
                for i, a in enumerate(share)
            ]
        found = np.asarray(module.hessian(Z=scores[None], Y=np.array([values]))).reshape(3, 3)
        np.testing.assert_allclose(found, np.array(right, dtype=float), rtol=1e-12, atol=1e-304)


SEPARABLE = {
    "entropy": (lambda p, w: p * log(p), lambda p, w: (mpmath.log(p) + 1, 1 / p)),
    "Brier": (lambda p, w: (p - w) ** 2, lambda p, w: (2 * (p - w), mpmath.mpf(2))),
    "focal": (
        lambda p, w: -w * (1 - p) ** 2 * log(p),
        lambda p, w: (
            2 * w * (1 - p) * mpmath.log(p) - w * (1 - p) ** 2 / p,
            -2 * w * mpmath.log(p) + 4 * w * (1 - p) / p + w * (1 - p) ** 2 / p**2,
        ),
    ),
    "impurity": (lambda p, w: -(p**3), lambda p, w: (-3 * p**2, -6 * p)),
    "generalised": (
        lambda p, w: -w * p ** Rational(3, 4),
        lambda p, w: (-w * p ** mpmath.mpf(-0.25) * 3 / 4, w * p ** mpmath.mpf(-1.25) * 3 / 16),
    ),
}
"""f(p, w) and its first two derivatives by p."""


@pytest.mark.parametrize("name", one_in(3, SEPARABLE))
def test_sums_over_shares(name):
    """∂²Σ f(p)/∂zᵢ∂zⱼ = δᵢⱼ·pᵢ·sᵢ − pᵢ·pⱼ·(sᵢ + sⱼ − Σ p·s) with s = f′ − Σ p·f′ + p·f″: rows add up to 0."""
    loss, derivatives = SEPARABLE[name]
    where = [Eq(P[n, k], softmax(Z[n, k], classes))]
    module = Model(Sum(loss(P[n, k], Y[n, k]), classes, rows), [Z], where=where).compile(check=False, hessian=True)
    for scores in SCORES[:-2]:  # beyond, what is exact has fewer digits than its inputs
        with mpmath.workdps(400):
            share, weights = shares(scores), [mpmath.mpf(w) for w in (0.2, 0.3, 0.5)]
            slopes = [derivatives(a, w) for a, w in zip(share, weights, strict=True)]
            mean = mpmath.fsum(a * first for a, (first, _) in zip(share, slopes, strict=True))
            s = [first - mean + a * second for a, (first, second) in zip(share, slopes, strict=True)]
            mean = mpmath.fsum(a * b for a, b in zip(share, s, strict=True))
            right = [
                [a * ((i == j) * s[i] - b * (s[i] + s[j] - mean)) for j, b in enumerate(share)]
                for i, a in enumerate(share)
            ]
        given = {"Z": scores[None], "Y": np.array([[0.2, 0.3, 0.5]])}
        given = {one: given[one] for one in module.ARGUMENTS}
        for found in (module.hessian(**given), module.hessian_compact(**given)):
            np.testing.assert_allclose(
                np.asarray(found).reshape(3, 3), np.array(right, dtype=float), rtol=1e-11, atol=1e-300
            )


@pytest.mark.long
def test_jacobian():
    model = Model(Sum(p[k] * z[k], classes), [z], where=[Eq(p[k], softmax(z[k], classes))])
    module = model.compile(check=False, jacobian=[p])
    for scores in SCORES:
        same(np.asarray(module.jacobian_p(scores)).squeeze(), covariance(scores))


def by_differences(loss, scores):
    """Value, gradient and Hessian of a function of shares and what each leaves of 1, by central differences."""
    step, count = mpmath.mpf(10) ** -150, len(scores)

    def at(*moves):
        moved = [mpmath.mpf(float(one)) for one in scores]
        for place, sign in moves:
            moved[place] += sign * step
        terms = [mpmath.exp(one) for one in moved]
        return loss(
            [one / mpmath.fsum(terms) for one in terms],
            [mpmath.fsum(terms[:n] + terms[n + 1 :]) / mpmath.fsum(terms) for n in range(count)],
        )

    slopes = [(at((i, 1)) - at((i, -1))) / (2 * step) for i in range(count)]
    signs = [(a, b) for a in (1, -1) for b in (1, -1)]
    rows = [
        [sum(a * b * at((i, a), (j, b)) for a, b in signs) / (4 * step**2) for j in range(count)] for i in range(count)
    ]
    return float(at()), np.array(slopes, dtype=float), np.array(rows, dtype=float)


label, strength = IndexedBase("label", shape=(N,), integer=True), symbols("g", positive=True)
SHARE = P[n, label[n]]
SOFT = [0.9, 0.07, 0.03]
LABELLED = {
    "focal": (-Sum((1 - SHARE) ** strength * log(SHARE), rows), lambda p, q, y: -(q[y] ** 2.5) * mpmath.log(p[y])),
    "focal of a whole power": (
        -Sum((1 - SHARE) ** 2 * log(SHARE), rows), lambda p, q, y: -(q[y] ** 2) * mpmath.log(p[y])
    ),
    "one less a share": (
        Sum(strength * (1 - SHARE) - log(SHARE), rows), lambda p, q, y: 2.5 * q[y] - mpmath.log(p[y])
    ),
}  # fmt: skip
"""Losses of labels, and the same by p and 1 − p."""


@pytest.mark.parametrize("name", one_in(3, LABELLED))
def test_losses_of_labels(name):
    loss, exact = LABELLED[name]
    module = Model(loss, [Z], where=[Eq(P[n, k], softmax(Z[n, k], classes))]).compile(check=False, hessian=True)
    for scores in SCORES[1:-2]:
        for y in range(2):
            given = {"Z": scores[None], "label": np.array([y]), "g": 2.5}
            given = {one: given[one] for one in module.ARGUMENTS}
            with mpmath.workdps(700):
                value, slopes, rows_of = by_differences(lambda p, q, y=y: exact(p, q, y), scores)
            found, (gradient,) = module.value_and_gradient(**given)
            np.testing.assert_allclose(found, value, rtol=1e-12)
            np.testing.assert_allclose(gradient[0], slopes, rtol=1e-12, atol=1e-300)
            second = np.asarray(module.hessian(**given)).reshape(3, 3)
            np.testing.assert_allclose(second, rows_of, rtol=1e-12, atol=1e-300)


BESIDE_ENTROPY = {
    "entropy beside a label": (
        -Sum(log(SHARE), rows) - strength * Sum(P[n, k] * log(P[n, k]), classes, rows),
        lambda p: -mpmath.log(p[0]) - 2.5 * mpmath.fsum(a * mpmath.log(a) for a in p),
    ),
    "divergence from targets": (
        Sum(P[n, k] * log(P[n, k] / Y[n, k]), classes, rows),
        lambda p: mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, SOFT, strict=True)),
    ),
    "of Jensen and Shannon": (
        Sum(P[n, k] * log(2 * P[n, k] / (P[n, k] + Y[n, k])) - Y[n, k] * log(P[n, k] + Y[n, k]), classes, rows),
        lambda p: mpmath.fsum(
            a * mpmath.log(2 * a / (a + b)) - b * mpmath.log(a + b) for a, b in zip(p, SOFT, strict=True)
        ),
    ),
}


@pytest.mark.parametrize("name", one_in(3, BESIDE_ENTROPY))
def test_gradients_of_entropies(name):
    """The shares add up to 1, by whatever name they go, so that nothing is left of what they are multiplied by."""
    loss, exact = BESIDE_ENTROPY[name]
    module = Model(loss, [Z], where=[Eq(P[n, k], softmax(Z[n, k], classes))]).compile(check=False)
    for scores in SCORES[1:-2]:
        given = {"Z": scores[None], "label": np.array([0]), "g": 2.5, "Y": np.array([SOFT])}
        with mpmath.workdps(700):
            _, slopes, _ = by_differences(lambda p, q: exact(p), scores)
        _, (gradient,) = module.value_and_gradient(**{one: given[one] for one in module.ARGUMENTS})
        np.testing.assert_allclose(gradient[0], slopes, rtol=1e-12, atol=1e-300)


def test_what_does_not_cancel_is_added():
    v = own(intern(Input, (K,), "v", IndexedBase("v", shape=(K,)), False))
    outer = Block((), (), mul([v, index(1, K)]))
    diagonal = Block(((0, 1),), (), v)
    assert joined([diagonal, outer], (K, K)) == (diagonal, outer)


def test_a_whole_block_stands_in_place_of_those_before_it():
    v = own(intern(Input, (K,), "v", IndexedBase("v", shape=(K,)), False))
    outer = Block((), (), mul([v, index(1, K)]))
    made = blocks(total([outer, Block(((0, 1),), (), v, whole=True)], (K, K)), range(2))
    assert outer in made
    left = add([(S.One, v), (S.NegativeOne, mul([v, index(0, K)]))])
    assert Block(((0, 1),), (), left) in made and len(made) == 2
