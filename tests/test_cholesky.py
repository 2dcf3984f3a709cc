"""The Cholesky factor as a function: by hand, against JAX, in matrices and subscripts, with facts and without."""

import numpy as np
import pytest
from sympy import (
    Eq,
    HadamardPower,
    Identity,
    IndexedBase,
    Matrix,
    MatrixSymbol,
    Q,
    Sum,
    Trace,
    exp,
    hadamard_product,
    sin,
    sqrt,
    symbols,
)

from symgrad import Model, ModelError, cholesky, logdet, total
from tests.families import one_in

jax = pytest.importorskip("jax", reason="JAX is the independent implementation (the extra `test` has it)")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

D, K, N = symbols("D K N", integer=True, positive=True)
i, j, k, n, m, d = symbols("i j k n m d", integer=True)
s = symbols("s", positive=True)
S, W, L, A = (MatrixSymbol(name, D, D) for name in "SWLA")
z, X, G = MatrixSymbol("z", D, 1), MatrixSymbol("X", N, D), MatrixSymbol("G", N, N)
stack = IndexedBase("stack", shape=(K, D, D))
places, y = IndexedBase("places", shape=(N,)), IndexedBase("y", shape=(N,))
definite = [Q.positive_definite(S)]
WEIGHTED = hadamard_product(W, HadamardPower(cholesky(S).applyfunc(sin), 2))
rng = np.random.default_rng(0)


def covariance(side, *stacked):
    root = rng.normal(size=(*stacked, side, side))
    return root @ root.swapaxes(-2, -1) + np.eye(side)


def test_two_by_two_by_hand():
    """L = [[√a, 0], [b/√a, √(c − b²/a)]]; b is moved on both sides of the diagonal."""
    module = Model(Trace(W.T * cholesky(S)), [S], facts=definite).compile()
    (a, b), (_, c) = matrix = np.array([[2.0, 0.6], [0.6, 1.5]])
    (w00, _), (w10, w11) = weights = np.array([[1.0, 7.0], [-2.0, 0.5]])
    l00, l10, l11 = np.sqrt(a), b / np.sqrt(a), np.sqrt(c - b**2 / a)
    value, slope = module.value_and_gradient(matrix, weights)
    np.testing.assert_allclose(value, w00 * l00 + w10 * l10 + w11 * l11, rtol=1e-15)
    by_a = (w00 - w10 * l10 / l00 + w11 * l10**2 / (l00 * l11)) / (2 * l00)
    by_b = (w10 - w11 * l10 / l11) / l00 / 2
    np.testing.assert_allclose(slope.S, [[by_a, by_b], [by_b, w11 / (2 * l11)]], rtol=1e-14)


def of_factor(S, W):
    return jnp.sum(W * jnp.sin(jnp.linalg.cholesky(S)) ** 2)


@pytest.mark.parametrize("side", one_in(6, [1, 2, 5]))
def test_value_gradient_and_products_agree_with_jax(side):
    model = Model(total(WEIGHTED), [S], facts=definite)
    module = model.compile(check=False, hvp=True, hessian=True)
    matrix, weights = covariance(side), rng.normal(size=(side, side))
    value, slope = module.value_and_gradient(matrix, weights)
    np.testing.assert_allclose(value, of_factor(matrix, weights), rtol=1e-13)
    np.testing.assert_allclose(slope.S, jax.jit(jax.grad(of_factor))(matrix, weights), rtol=1e-11, atol=1e-13)
    moved = rng.normal(size=(side, side))
    moved += moved.T
    expected = jax.jit(lambda S, by: jax.jvp(lambda S: jax.grad(of_factor)(S, weights), (S,), (by,))[1])(matrix, moved)
    found = module.hessian_vector_product(moved, matrix, weights).S
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    bent = np.einsum("ijkl,kl->ij", module.hessian(matrix, weights).S.S, moved)
    np.testing.assert_allclose(bent, expected, rtol=1e-9, atol=1e-11)


def kernel(scale):
    return exp(-((places[n] - places[m]) ** 2) * scale) + Identity(N)[n, m]


MODELS = {
    "a vector of it": lambda: Model(total((cholesky(S) * z).applyfunc(sin)), [S, z], facts=definite),
    "its transpose": lambda: Model(total((cholesky(S).T * z).applyfunc(sin)), [S, z], facts=definite),
    "a name, beside its determinant": lambda: Model(
        total((L * z).applyfunc(sin)) + logdet(S) + (z.T * S.I * z)[0, 0] + logdet(L), [S, z],
        where=[Eq(L, cholesky(S))], facts=definite,
    ),
    "of a product": lambda: Model(
        total((cholesky(X.T * X + s * Identity(D)) * z).applyfunc(sin)), [X, s]),
    "of a part that is not symmetric": lambda: Model(
        total((cholesky(A + 9 * D * Identity(D)) * z).applyfunc(sin)), [A], facts=[A[i, j] < 1, A[i, j] > -1]),
    "whitening": lambda: Model(Trace(X * cholesky(S).I.T * cholesky(S).I * X.T), [S, X], facts=definite),
    "entries": lambda: Model(
        Sum(cholesky(stack[k, i, j], (i, 0, D - 1), (j, 0, D - 1)) ** 2 * (i + 2 * j + k),
            (i, 0, D - 1), (j, 0, D - 1), (k, 0, K - 1)),
        [stack], facts=[Q.positive_definite(stack)]),
    "one entry": lambda: Model(cholesky(S)[0, 0] * 3 + cholesky(S)[D - 1, 0] ** 2, [S], facts=definite),
    "a Gaussian process": lambda: Model(
        Sum(Sum(cholesky(kernel(s), (n, 0, N - 1), (m, 0, N - 1)) * y[m], (m, 0, N - 1)) ** 2, (n, 0, N - 1)),
        [s, y]),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_a_model_of_the_factor_passes_its_check(name):
    model = MODELS[name]()
    report = model.check(hvp=True)
    assert report.ok, report
    assert model.show() and model.show("latex") and model.show("html")


def test_one_factorisation_serves_all():
    source = MODELS["a name, beside its determinant"]().source()
    body = source[source.index("\ndef value_and_gradient") : source.index("\ndef pack")]
    assert body.count("_cholesky(") == 1 and body.count("np.linalg.inv(") == 1
    assert "np.log(np.diagonal(L))" in body and "np.sign" not in body


def test_what_has_no_factor_is_an_error():
    module = MODELS["a vector of it"]().compile(check=False)
    with pytest.raises(np.linalg.LinAlgError, match="S"):
        module.value(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones((2, 1)))
    with pytest.raises(ModelError, match="cholesky needs a square matrix"):
        cholesky(X)
    with pytest.raises(ModelError, match="cholesky needs a matrix"):
        cholesky(s)
    with pytest.raises(ModelError, match="limits"):
        cholesky(stack[k, i, j], (i, 0, D - 1))


def test_of_numbers_it_is_numbers():
    assert cholesky(Matrix([[4, 2], [2, 3]])) == Matrix([[2, 0], [1, sqrt(2)]])
