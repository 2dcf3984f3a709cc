"""Models of statistics that are linear algebra: checked, equal to JAX, and with formulas as in a textbook."""

import numpy as np
import pytest
from sympy import Symbol

from tests.families import one_in
from tests.models import statistics

SIZES = {"N": 7, "D": 3, "K": 2, "M": 4, "T": 5}
DEFINITE = {"S", "V", "Sb", "Sw"}


def losses():
    """Each model's loss in JAX, as a function of its arrays by name."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp, inv, log_sigmoid = jax.numpy, jax.numpy.linalg.inv, jax.nn.log_sigmoid

    def logdet(matrix):
        return jnp.linalg.slogdet(matrix)[1]

    def gaussian(mu, S, X):
        centred = X - mu.T
        return jnp.einsum("nd,de,ne", centred, inv(S), centred) + len(X) * logdet(S)

    def wishart(V, S, nu):
        return jnp.trace(inv(V) @ S) - (nu - len(S) - 1) * logdet(S) + nu * logdet(V)

    def factor_analysis(W, psi, S):
        C = W @ W.T + jnp.diag(jnp.exp(psi[:, 0]))
        return logdet(C) + jnp.trace(inv(C) @ S)

    def gaussian_process(amplitude, length, noise, X, y):
        distance = jnp.sum((X[:, None] - X) ** 2, axis=2)
        C = jnp.exp(2 * amplitude - distance / 2 / jnp.exp(length) ** 2) + jnp.exp(2 * noise) * jnp.eye(len(X))
        return (y.T @ jnp.linalg.solve(C, y))[0, 0] + logdet(C)

    def trace_ratio(W, Sb, Sw):
        return -jnp.trace(jnp.linalg.solve(W.T @ Sw @ W, W.T @ Sb @ W))

    def independent_components(G, X):
        U = X @ G.T
        return -jnp.sum(log_sigmoid(U) + log_sigmoid(-U)) - len(X) * logdet(G)

    def canonical_correlation(p, q, X, Y):
        u, v = X @ p, Y @ q
        return -jnp.sum(u * v) / jnp.linalg.norm(u) / jnp.linalg.norm(v)

    def procrustes(R, s, X, Z):
        return jnp.sum((s * X @ R - Z) ** 2)

    def metric_learning(L, X, Z, y):
        distance = jnp.sum(((X - Z) @ L.T) ** 2, axis=1)
        return -jnp.sum(log_sigmoid(y[:, 0] * (distance - 1)))

    def whitening(G, S):
        return jnp.sum((G @ S @ G.T - jnp.eye(len(S))) ** 2)

    def ridge_penalty(penalty, X, P, v, y):
        solution = jnp.linalg.solve(X.T @ X + jnp.exp(penalty) * jnp.eye(X.shape[1]), X.T @ y)
        return jnp.sum((P @ solution - v) ** 2)

    def kalman(A, c, q, r, z):
        m, C, total = jnp.zeros(len(c)), jnp.eye(len(c)), 0.0
        for observed in z:
            m, P = A @ m, A @ C @ A.T + jnp.exp(q) * jnp.eye(len(c))
            s, e = c @ P @ c + jnp.exp(r), observed - c @ m
            m, C = m + P @ c * e / s, P - jnp.outer(P @ c, P @ c) / s
            total += e**2 / s + jnp.log(s)
        return total

    def mixture_of_full_gaussians(logits, mu, S, X):
        centred = X[:, None] - mu
        distance = jnp.einsum("nkd,kde,nke->nk", centred, inv(S), centred)
        joint = jax.nn.log_softmax(logits) - (distance + logdet(S)) / 2
        return -jnp.sum(jax.scipy.special.logsumexp(joint, axis=1))

    return {name: jax.jit(jax.value_and_grad(part, argnums=tuple(range(PARAMETERS[name]))))
            for name, part in locals().items() if name in PARAMETERS}  # fmt: skip


PARAMETERS = {  # how many of a loss's arguments are parameters: they come first
    "gaussian": 2, "wishart": 3, "factor_analysis": 2, "gaussian_process": 3, "trace_ratio": 1,
    "independent_components": 1, "canonical_correlation": 2, "procrustes": 2, "metric_learning": 1, "whitening": 1,
    "ridge_penalty": 2, "kalman": 4, "mixture_of_full_gaussians": 3,
}  # fmt: skip


def arrays(model, seed=5):
    """Normal numbers; what facts call positive definite is, what is called orthogonal is no more than regular."""
    rng = np.random.default_rng(seed)
    sizes = {Symbol(name, integer=True, positive=True): size for name, size in SIZES.items()}
    found = {}
    for argument in model.arguments:
        shape = tuple(int(side.subs(sizes)) for side in argument.shape)
        found[argument.name] = rng.standard_normal(shape) / 2
        if argument.name in DEFINITE and len(shape) > 1:
            found[argument.name] = found[argument.name] @ found[argument.name].swapaxes(-2, -1) + np.eye(shape[-1])
    return {name: array + 6.0 if name == "nu" else array for name, array in found.items()}


@pytest.mark.parametrize("name", one_in(10, PARAMETERS))
def test_a_model_is_right(name):
    model = getattr(statistics, name)()
    report = model.check()
    assert report.ok, report
    assert len(report.runs) >= 3
    given = arrays(model)
    value, gradient = model.compile(check=False).value_and_gradient(**given)
    expected, expected_gradient = losses()[name](*given.values())
    assert np.isclose(value, expected, rtol=1e-9)
    for found, wanted in zip(gradient, expected_gradient, strict=True):
        # by a symmetric matrix S both are symmetric here, since JAX's inverse and determinant of it are
        assert np.allclose(found, wanted, rtol=0, atol=1e-9 * np.max(np.abs(wanted)))


FORMULAS = {
    "gaussian": ["∂C/∂mu = −2S⁻¹(X − 𝟏 muᵀ)ᵀ𝟏", "∂C/∂S  = N·S⁻¹ − S⁻¹(X − 𝟏 muᵀ)ᵀ(X − 𝟏 muᵀ)S⁻¹"],
    "wishart": ["∂C/∂V  = nu·V⁻¹ − V⁻¹ S V⁻¹", "∂C/∂S  = (D + 1 − nu)·S⁻¹ + V⁻¹", "∂C/∂nu = logdet(V) − logdet(S)"],
    "factor_analysis": ["∂L/∂C = C⁻¹ − C⁻¹ S C⁻¹", "∂L/∂W   = 2∂L/∂C W", "∂L/∂psi = diag(∂L/∂C)∘exp(psi)"],
    "gaussian_process": ["L = yᵀC⁻¹ y + logdet(C)", "= 2·sum(Kn∘∂L/∂C)", "= 2·tr(∂L/∂C)·exp(2·noise)"],
    "trace_ratio": ["∂C/∂W = 2(Sw W(WᵀSw W)⁻¹ WᵀSb − Sb)W(WᵀSw W)⁻¹"],
    "independent_components": ["∂C/∂G = (2sigmoid(Uᵀ) − 𝟏𝟏ᵀ)X − N·G⁻ᵀ"],
    "canonical_correlation": ["C = −uᵀv/(‖u‖·‖v‖)", "∂C/∂p = Xᵀ∂C/∂u", "∂C/∂q = Yᵀ∂C/∂v"],
    "procrustes": ["∂C/∂R = 2·s·Xᵀ(s·X R − Z)", "∂C/∂s = 2·sum((X R)∘(s·X R − Z))"],
    "metric_learning": ["∂C/∂L = 2Eᵀdiag(∂C/∂q)(X − Z)"],
    "whitening": ["∂C/∂G = 4(G S Gᵀ − I)G S"],
    "ridge_penalty": ["∂C/∂w = 2Pᵀ(P w − v)", "(y − X w)(∂C/∂w)ᵀ(exp(penalty)·I + XᵀX)⁻¹"],
    "kalman": ["∂L/∂r      = exp(r)·Σ_t ∂L/∂s[t + 1]"],
}


@pytest.mark.parametrize("name", one_in(3, FORMULAS))
def test_the_formulas_read_as_in_a_textbook(name):
    shown = getattr(statistics, name)().show()
    for formula in FORMULAS[name]:
        assert formula in shown, shown


def test_a_product_that_has_a_name_is_computed_once():
    code = statistics.ridge_penalty().source().split("def value_and_gradient(")[1].split("def pack(")[0]
    assert code.count("inv_X.dot(y.dot(X))") == 1 and code.count("np.linalg.") == 1
