"""Models of linear algebra as a statistician writes them, against JAX at three sets of sizes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import (
    Abs,
    BlockMatrix,
    Determinant,
    DiagMatrix,
    HadamardProduct,
    Identity,
    IndexedBase,
    KroneckerProduct,
    MatrixSymbol,
    Q,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagonalOf

from symgrad import Model, det, inverse, logdet, norm2, softmax, total
from tests.families import one_in

jax = pytest.importorskip("jax", reason="JAX is the independent implementation (the extra `test` has it)")
jnp = jax.numpy
inv = jnp.linalg.inv

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)
A, B, C, P, S = (MatrixSymbol(name, N, N) for name in "ABCPS")
X, Y, E, F = MatrixSymbol("X", N, M), MatrixSymbol("Y", N, M), MatrixSymbol("E", M, M), MatrixSymbol("F", M, M)
x, y, u = MatrixSymbol("x", N, 1), MatrixSymbol("y", N, 1), MatrixSymbol("u", M, 1)
s = Symbol("s", real=True)
T, w = IndexedBase("T", shape=(K, N, N)), IndexedBase("w", shape=(K, N))
SIDES, STACK = ((i, 0, N - 1), (j, 0, N - 1)), (k, 0, K - 1)


def size(a):
    return jnp.linalg.slogdet(a)[1]


def definite(a):
    return a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1])


class Case(NamedTuple):
    """A loss, its parameters, the loss in JAX, the facts, and how the arrays of which they are said are made."""

    loss: Any
    by: list[Any]
    expected: Callable[..., Any]
    facts: tuple[Any, ...] = ()
    made: dict[str, Callable[[Any], Any]] = {}  # noqa: RUF012 - never written to


PD = dict.fromkeys("SPT", definite)
CASES = {
    "quadratic form": Case(x.T * A.I * y, [A, x], lambda A, x, y: x.T @ inv(A) @ y),
    "determinant of a sum": Case(Determinant(A + B * C), [A, B], lambda A, B, C: jnp.linalg.det(A + B @ C)),
    "gram": Case(logdet(X.T * X + s**2 * Identity(M)), [X, s], lambda X, s: size(X.T @ X + s**2 * jnp.eye(X.shape[1]))),
    "negative power": Case(Trace(A**-2 * B), [A], lambda A, B: jnp.trace(inv(A) @ inv(A) @ B)),
    "diagonals": Case(
        Trace(DiagMatrix(x) * A * DiagMatrix(y) * B),
        [x, A],
        lambda x, A, y, B: jnp.trace(jnp.diag(x[:, 0]) @ A @ jnp.diag(y[:, 0]) @ B),
    ),
    "diagonal of a product": Case(x.T * DiagonalOf(A * B), [A, B], lambda x, A, B: x[:, 0] @ jnp.diag(A @ B)),
    "Frobenius": Case(norm2(A * X - Y), [A, X], lambda A, X, Y: jnp.linalg.norm(A @ X - Y)),
    "Kronecker": Case(
        Trace(KroneckerProduct(A, E) * KroneckerProduct(B, F)),
        [A, E],
        lambda A, E, B, F: jnp.trace(jnp.kron(A, E) @ jnp.kron(B, F)),
    ),
    "Kronecker of vectors": Case(
        norm2(KroneckerProduct(A, E) * KroneckerProduct(x, u)) ** 2,
        [A, u],
        lambda A, E, x, u: jnp.sum((jnp.kron(A, E) @ jnp.kron(x, u)) ** 2),
    ),
    "Hadamard": Case(Trace(HadamardProduct(A, B) * C), [A, B], lambda A, B, C: jnp.trace((A * B) @ C)),
    "normal distribution": Case(
        Trace((x - y).T * S.I * (x - y)) + logdet(S),
        [x, S],
        lambda x, y, S: (x - y).T @ inv(S) @ (x - y) + size(S),
        (Q.positive_definite(S),),
        PD,
    ),
    "divergence": Case(
        Trace(S.I * P) + logdet(S) - logdet(P),
        [P, S],
        lambda P, S: jnp.trace(inv(S) @ P) + size(S) - size(P),
        (Q.positive_definite(S), Q.positive_definite(P)),
        PD,
    ),
    "Wishart": Case(
        Trace(S.I * X * X.T) - M * logdet(S.I),
        [S, X],
        lambda S, X: jnp.trace(inv(S) @ X @ X.T) + X.shape[1] * size(S),
        (Q.positive_definite(S),),
        PD,
    ),
    "stack of log determinants": Case(
        Sum(logdet(T[k, i, j], *SIDES), STACK), [T], lambda T: jnp.sum(size(T)), (Q.positive_definite(T),), PD
    ),
    "stack of inverses": Case(
        Sum(w[k, i] * inverse(T[k, i, j], *SIDES) * w[k, j], *SIDES, STACK),
        [T, w],
        lambda T, w: jnp.einsum("ki,kij,kj->", w, inv(T), w),
    ),
    "stack of determinants": Case(
        Sum(det(T[k, i, j], *SIDES) ** 2, STACK), [T], lambda T: jnp.sum(jnp.linalg.det(T) ** 2)
    ),
    "symmetric parameter": Case(
        Trace(P * A) + Trace(x.T * P * P * x),
        [P],
        lambda P, A, x: jnp.trace(P @ A) + x.T @ P @ P @ x,
        (Q.symmetric(P),),
        {"P": lambda p: p + p.T},
    ),
    "orthogonal": Case(
        Trace((P * A - B).T * (P * A - B)),
        [A],
        lambda P, A, B: jnp.sum((P @ A - B) ** 2),
        (Q.orthogonal(P),),
        {"P": lambda p: np.linalg.qr(p)[0]},
    ),
    "triangular": Case(
        Trace(x.T * P.I * y) + log(Abs(Determinant(P))),
        [x],
        lambda P, x, y: x.T @ inv(P) @ y + size(P),
        (Q.lower_triangular(P),),
        {"P": lambda p: np.tril(p) + 2 * np.eye(len(p))},
    ),
    "blocks": Case(
        log(Abs(Determinant(BlockMatrix([[A, X], [X.T, E]])))),
        [A, X],
        lambda A, X, E: size(jnp.block([[A, X], [X.T, E]])),
    ),
    "Schur complement": Case(
        log(Abs(Determinant(E - X.T * A.I * X))), [A, X], lambda A, X, E: size(E - X.T @ inv(A) @ X)
    ),
    "inverse of inverses": Case(Trace((A.I + B.I).I), [A, B], lambda A, B: jnp.trace(inv(inv(A) + inv(B)))),
    "attention": Case(
        norm2(softmax(X * Y.T) * Y - X) ** 2,
        [X, Y],
        lambda X, Y: jnp.sum((jax.nn.softmax(X @ Y.T, axis=1) @ Y - X) ** 2),
    ),
    "entries": Case(total((A * X).applyfunc(exp)), [A, X], lambda A, X: jnp.sum(jnp.exp(A @ X))),
}


def compared(case, module, model, sizes, seed):
    rng = np.random.default_rng(seed)
    arrays = {a.name: rng.normal(size=[int(side.subs(sizes)) for side in a.shape]) for a in model.arguments}
    for name in case.made.keys() & arrays.keys() if case.facts else ():
        arrays[name] = case.made[name](arrays[name])
    value, gradient = module.value_and_gradient(**arrays)
    with jax.enable_x64(True):
        exact, slopes = jax.jit(jax.value_and_grad(lambda given: jnp.squeeze(case.expected(**given))))(
            {name: jnp.asarray(array) for name, array in arrays.items()}
        )
    np.testing.assert_allclose(value, exact, rtol=1e-9)
    symmetric = {str(getattr(fact.arguments[0], "label", fact.arguments[0])) for fact in case.facts}
    for name, found in gradient._asdict().items():
        wanted = np.asarray(slopes[name])
        if name in symmetric:  # the steepest direction among symmetric matrices
            wanted = (wanted + np.swapaxes(wanted, -1, -2)) / 2
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.max(np.abs(wanted)))


@pytest.mark.parametrize("name", one_in(14, CASES))
def test_value_and_gradient_are_those_of_jax(name):
    case = CASES[name]
    model = Model(case.loss, case.by, facts=list(case.facts))
    module = model.compile(check=False)
    for seed, sizes in enumerate(({N: 3, M: 2, K: 2}, {N: 4, M: 5, K: 3}, {N: 2, M: 2, K: 1})):
        compared(case, module, model, sizes, seed)


def body(name):
    case = CASES[name]
    return (
        Model(case.loss, case.by, facts=list(case.facts))
        .source()
        .split("def value_and_gradient(")[1]
        .split("\n\n\n")[0]
    )


def test_symmetric_matrices_are_not_transposed():
    assert "grad_X = X @ inv_chol_X.T.dot(inv_chol_X)\n" in body("gram")
    assert "np.vdot(inv_chol_S @ P, inv_chol_S)" in body("divergence")
    assert "prod_inv_chol_S @ X.dot(X.T) @ prod_inv_chol_S\n" in body("Wishart")
