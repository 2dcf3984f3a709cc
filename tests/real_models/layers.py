"""Layers and networks: batch normalisation, causal attention, a variational autoencoder."""

import jax
import jax.numpy as jnp
import numpy as np
from sympy import Eq, HadamardProduct, IndexedBase, MatrixSymbol, Sum, Trace, exp, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else, relu, total
from tests.real_models.record import Inputs, RealModel

N, K, D = symbols("N K D", integer=True, positive=True)
n, m, j, d = symbols("n m j d", integer=True)
ROWS = (n, 0, N - 1)

# --- layers: batch normalisation, causal attention, a variational autoencoder ----------------------------------------


def batch_normalisation() -> Model:
    v, target = IndexedBase("v", shape=(N, D)), IndexedBase("target", shape=(N, D))
    mean, var, scale, shift = (IndexedBase(name, shape=(D,)) for name in ("mean", "var", "scale", "shift"))
    eps = symbols("eps", positive=True)
    out = scale[d] * (v[n, d] - mean[d]) / sqrt(var[d] + eps) + shift[d]
    where = [Eq(mean[d], Sum(v[n, d], ROWS) / N), Eq(var[d], Sum((v[n, d] - mean[d]) ** 2, ROWS) / N)]
    return Model(Sum((relu(out) - target[n, d]) ** 2, ROWS, (d, 0, D - 1)), [v, scale, shift], where=where)


def batch_normalisation_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "v": 1 + 2 * rng.normal(size=(size, 3)),
        "target": rng.normal(size=(size, 3)),
        "scale": 1 + rng.random(3),
        "shift": rng.normal(size=3),
        "eps": 1e-5,
    }


def constant_feature() -> Inputs:
    made = batch_normalisation_inputs(5, np.random.default_rng(3))
    made["v"][:, 1] = 0.5
    return made


def batch_normalisation_reference(v, target, scale, shift, eps):
    out = scale * (v - v.mean(axis=0)) / jnp.sqrt(v.var(axis=0) + eps) + shift
    return jnp.sum((jax.nn.relu(out) - target) ** 2)


def causal_attention() -> Model:
    Q, keys, V, target = (IndexedBase(name, shape=(N, D)) for name in ("Q", "keys", "V", "target"))
    s, a = IndexedBase("s", shape=(N, N)), IndexedBase("a", shape=(N, N))
    past = LogSumExp(s[n, j], (j, 0, n))
    mixed = Sum(a[n, m] * V[m, d], (m, 0, N - 1))
    where = [
        Eq(s[n, m], Sum(Q[n, d] * keys[m, d], (d, 0, D - 1)) / sqrt(D)),
        Eq(a[n, m], if_else(m <= n, exp(s[n, m] - past), 0)),
    ]
    return Model(Sum((mixed - target[n, d]) ** 2, ROWS, (d, 0, D - 1)), [Q, keys, V], where=where)


def causal_attention_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {name: rng.normal(size=(size, 4)) for name in ("Q", "keys", "V", "target")}


def causal_attention_reference(Q, keys, V, target):
    s = Q @ keys.T / jnp.sqrt(Q.shape[1])
    a = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones_like(s)) > 0, s, -jnp.inf), axis=1)
    return jnp.sum((a @ V - target) ** 2)


def variational_autoencoder() -> Model:
    """The negative bound at noise that is given: Bernoulli pixels, a diagonal normal code (Kingma and Welling 2014)."""
    X, noise = MatrixSymbol("X", N, D), MatrixSymbol("noise", N, K)
    A, B, W = MatrixSymbol("A", D, K), MatrixSymbol("B", D, K), MatrixSymbol("W", K, D)
    mu, logvar, code = (MatrixSymbol(name, N, K) for name in ("mu", "logvar", "code"))
    logit = MatrixSymbol("logit", N, D)
    pixels = total(logit.applyfunc(lambda u: log(1 + exp(u)))) - Trace(X.T * logit)
    divergence = (total(logvar.applyfunc(exp)) + Trace(mu.T * mu) - total(logvar) - N * K) / 2
    where = [
        Eq(mu, X * A),
        Eq(logvar, X * B),
        Eq(code, mu + HadamardProduct(noise, (logvar / 2).applyfunc(exp))),
        Eq(logit, code * W),
    ]
    return Model(pixels + divergence, [A, B, W], where=where)


def variational_autoencoder_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "X": (rng.random((size, 8)) < 0.4).astype(float),
        "noise": rng.normal(size=(size, 2)),
        "A": rng.normal(size=(8, 2)),
        "B": 0.2 * rng.normal(size=(8, 2)),
        "W": rng.normal(size=(2, 8)),
    }


def certain_pixels() -> Inputs:
    made = variational_autoencoder_inputs(3, np.random.default_rng(5))
    return made | {"W": 1e4 * made["W"]}


def variational_autoencoder_reference(A, B, W, X, noise):
    mu, logvar = X @ A, X @ B
    logit = (mu + noise * jnp.exp(logvar / 2)) @ W
    divergence = jnp.sum(jnp.exp(logvar) + mu**2 - 1 - logvar) / 2
    return jnp.sum(jnp.logaddexp(0.0, logit) - X * logit) + divergence


MODELS = (
    RealModel(
        "batch normalisation",
        batch_normalisation,
        batch_normalisation_inputs,
        batch_normalisation_reference,
        (5, 1000),
        {"constant": constant_feature},
    ),
    RealModel(
        "causal attention",
        causal_attention,
        causal_attention_inputs,
        causal_attention_reference,
        (5, 200),
    ),
    RealModel(
        "variational autoencoder",
        variational_autoencoder,
        variational_autoencoder_inputs,
        variational_autoencoder_reference,
        (4, 1000),
        {"certain": certain_pixels},
    ),
)
