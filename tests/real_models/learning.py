"""Losses of machine learning: classes, regions, policies and preferences."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.nn import log_sigmoid as jax_log_sigmoid
from jax.nn import log_softmax, one_hot
from sympy import Abs, Eq, IndexedBase, KroneckerDelta, MatrixSymbol, Max, Min, Ne, Sum, Trace, exp, log, symbols

from symgrad import LogSumExp, Model, if_else, log_sigmoid, relu, sigmoid, softmax
from tests.real_models.record import Inputs, RealModel

N, K, D, H = symbols("N K D H", integer=True, positive=True)
n, m, k, i, j, d = symbols("n m k i j d", integer=True)
x, y, p = (IndexedBase(name, shape=(N,)) for name in ("x", "y", "p"))
z = IndexedBase("z", shape=(N, K))
label = IndexedBase("label", shape=(N,), integer=True)
ROWS, CLASSES = (n, 0, N - 1), (k, 0, K - 1)


def scores(size: int, rng: np.random.Generator, classes: int = 4) -> Inputs:
    return {"z": 2 * rng.normal(size=(size, classes)), "label": rng.integers(0, classes, size)}


def huge_scores() -> Inputs:
    return {"z": np.array([[1e4, -1e4, 0.0], [-800.0, -900.0, -1000.0], [0.0, 0.0, 5e5]]), "label": np.array([1, 0, 2])}


# --- classes: smoothed labels, focal loss (Lin et al. 2017), hinge (Crammer and Singer 2001), distillation ------------


def label_smoothing() -> Model:
    smooth = symbols("smooth", positive=True)
    target = (1 - smooth) * KroneckerDelta(label[n], k) + smooth / K
    return Model(-Sum(target * log(softmax(z[n, k], CLASSES)), CLASSES, ROWS) / N, [z])


def label_smoothing_reference(z, label, smooth):
    target = (1 - smooth) * one_hot(label, z.shape[1]) + smooth / z.shape[1]
    return -jnp.sum(target * log_softmax(z, axis=1)) / len(z)


def label_smoothing_exact(z, label, smooth):
    """JAX's product with the Hessian is 0 where it is 1e-44 beside a share of 1."""
    loss = mpmath.mpf(0)
    for scores_of, right in zip(z, label, strict=True):
        total = mpmath.log(mpmath.fsum(map(mpmath.exp, scores_of)))
        loss -= (1 - smooth) * (scores_of[right] - total)
        loss -= smooth / len(scores_of) * mpmath.fsum(score - total for score in scores_of)
    return loss / len(z)


def focal() -> Model:
    alpha, gamma = symbols("alpha gamma", positive=True)
    right = if_else(Eq(y[n], 1), sigmoid(x[n]), 1 - sigmoid(x[n]))
    weight = if_else(Eq(y[n], 1), alpha, 1 - alpha)
    return Model(-Sum(weight * (1 - p[n]) ** gamma * log(p[n]), ROWS) / N, [x], where=[Eq(p[n], right)])


def focal_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"x": 3 * rng.normal(size=size), "y": rng.integers(0, 2, size), "alpha": 0.25, "gamma": 2.0}


def focal_far() -> Inputs:
    return focal_inputs(4, np.random.default_rng(0)) | {
        "x": np.array([50.0, -60.0, 80.0, -45.0]),
        "y": np.array([0, 1, 1, 0]),
    }


def focal_exact(x, y, alpha, gamma):
    """Where the class is far from right, JAX's second derivative loses two digits."""
    loss = mpmath.mpf(0)
    for logit, positive in zip(x, y, strict=True):
        right = 1 / (1 + mpmath.exp(-logit if positive else logit))
        loss -= (alpha if positive else 1 - alpha) * (1 - right) ** gamma * mpmath.log(right)
    return loss / len(x)


def focal_reference(x, y, alpha, gamma):
    signed = jnp.where(y == 1, x, -x)
    weight = jnp.where(y == 1, alpha, 1 - alpha)
    return jnp.mean(weight * jnp.exp(gamma * jax_log_sigmoid(-signed)) * -jax_log_sigmoid(signed))


def multiclass_hinge() -> Model:
    W, X = MatrixSymbol("W", D, K), MatrixSymbol("X", N, D)
    s = IndexedBase("s", shape=(N, K))
    lam = symbols("lam", positive=True)
    margins = Sum(if_else(Ne(k, label[n]), relu(1 + s[n, k] - s[n, label[n]]), 0), CLASSES, ROWS)
    return Model(margins / N + lam * Trace(W.T * W), [W], where=[Eq(s[n, k], (X * W)[n, k])])


def multiclass_hinge_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "W": rng.normal(size=(6, 4)),
        "X": rng.normal(size=(size, 6)),
        "label": rng.integers(0, 4, size),
        "lam": 0.01,
    }


def multiclass_hinge_reference(W, X, label, lam):
    s = X @ W
    margins = jax.nn.relu(1 + s - jnp.take_along_axis(s, label[:, None], axis=1))
    return jnp.sum(jnp.where(one_hot(label, s.shape[1]) > 0, 0.0, margins)) / len(X) + lam * jnp.sum(W**2)


def distillation() -> Model:
    """Hinton et al. (2015): the teacher's softened classes, and the labels."""
    teacher, T, mix = IndexedBase("teacher", shape=(N, K)), *symbols("T mix", positive=True)
    soft = softmax(teacher[n, k] / T, CLASSES)
    divergence = Sum(soft * (log(soft) - log(softmax(z[n, k] / T, CLASSES))), CLASSES, ROWS)
    hard = Sum(LogSumExp(z[n, k], CLASSES) - z[n, label[n]], ROWS)
    return Model((mix * T**2 * divergence + (1 - mix) * hard) / N, [z])


def distillation_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return scores(size, rng) | {"teacher": 3 * rng.normal(size=(size, 4)), "T": 4.0, "mix": 0.7}


def distillation_reference(z, label, teacher, T, mix):
    soft = log_softmax(teacher / T, axis=1)
    divergence = jnp.sum(jnp.exp(soft) * (soft - log_softmax(z / T, axis=1)))
    hard = -jnp.sum(one_hot(label, z.shape[1]) * log_softmax(z, axis=1))
    return (mix * T**2 * divergence + (1 - mix) * hard) / len(z)


# --- regions (Milletari et al. 2016), quantiles (Koenker and Bassett 1978), robust regression (Huber 1964) ------------


def dice() -> Model:
    inside, valid = IndexedBase("inside", shape=(N,)), IndexedBase("valid", shape=(N,))
    overlap = Sum(if_else(valid[n] > 0, sigmoid(x[n]) * inside[n], 0), ROWS)
    sizes = Sum(if_else(valid[n] > 0, sigmoid(x[n]) + inside[n], 0), ROWS)
    return Model(1 - (2 * overlap + 1) / (sizes + 1), [x])


def dice_inputs(size: int, rng: np.random.Generator) -> Inputs:
    inside = rng.integers(0, 2, size).astype(float)
    valid = rng.random(size) < 0.8
    return {"x": 3 * rng.normal(size=size), "inside": np.where(valid, inside, np.nan), "valid": valid.astype(float)}


def dice_reference(x, inside, valid):
    p, inside = jnp.where(valid > 0, jax.nn.sigmoid(x), 0), jnp.where(valid > 0, inside, 0)
    return 1 - (2 * jnp.sum(p * inside) + 1) / (jnp.sum(p) + jnp.sum(inside) + 1)


def pinball() -> Model:
    """Several quantiles at once, which share their slopes."""
    X, w = MatrixSymbol("X", N, D), MatrixSymbol("w", D, 1)
    level, q = IndexedBase("level", shape=(K,)), IndexedBase("q", shape=(K,))
    u = IndexedBase("u", shape=(N, K))
    loss = Sum(Max(q[k] * u[n, k], (q[k] - 1) * u[n, k]), CLASSES, ROWS) / N
    return Model(loss, [w, level], where=[Eq(u[n, k], y[n] - (X * w)[n, 0] - level[k])])


def pinball_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "X": rng.normal(size=(size, 3)),
        "w": rng.normal(size=3),
        "level": np.array([-1.0, 0.1, 0.9]),
        "q": np.array([0.1, 0.5, 0.9]),
        "y": rng.normal(size=size),
    }


def pinball_reference(X, w, level, q, y):
    u = y[:, None] - (X @ w)[:, None] - level
    return jnp.sum(jnp.maximum(q * u, (q - 1) * u)) / len(y)


def huber() -> Model:
    X, w, delta = MatrixSymbol("X", N, D), MatrixSymbol("w", D, 1), symbols("delta", positive=True)
    r = IndexedBase("r", shape=(N,))
    loss = if_else(Abs(r[n]) <= delta, r[n] ** 2 / 2, delta * (Abs(r[n]) - delta / 2))
    return Model(Sum(loss, ROWS), [w], where=[Eq(r[n], y[n] - (X * w)[n, 0])])


def huber_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"X": rng.normal(size=(size, 4)), "w": rng.normal(size=4), "y": 3 * rng.normal(size=size), "delta": 1.35}


def huber_outliers() -> Inputs:
    """Where the branch that is not taken overflows."""
    return huber_inputs(4, np.random.default_rng(1)) | {"y": np.array([0.0, 1e200, -1e170, 2.0])}


def huber_reference(X, w, y, delta):
    r = y - X @ w
    small = jnp.clip(jnp.abs(r), 0, delta)
    return jnp.sum(small**2 / 2 + delta * (jnp.abs(r) - small))


# --- policies and preferences: Schulman et al. (2017), Rafailov et al. (2023) -----------------------------------------


def clipped_policy() -> Model:
    old, advantage = IndexedBase("old", shape=(N,)), IndexedBase("advantage", shape=(N,))
    eps, bonus = symbols("eps bonus", positive=True)
    logp, ratio = IndexedBase("logp", shape=(N, K)), IndexedBase("ratio", shape=(N,))
    gain = Min(ratio[n] * advantage[n], Min(Max(ratio[n], 1 - eps), 1 + eps) * advantage[n])
    entropy = -Sum(exp(logp[n, k]) * logp[n, k], CLASSES, ROWS)
    where = [
        Eq(logp[n, k], z[n, k] - LogSumExp(z[n, j], (j, 0, K - 1))),
        Eq(ratio[n], exp(logp[n, label[n]] - old[n])),
    ]
    return Model(-(Sum(gain, ROWS) + bonus * entropy) / N, [z], where=where)


def clipped_policy_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = scores(size, rng)
    logs = np.log(np.exp(made["z"]) / np.exp(made["z"]).sum(axis=1, keepdims=True))
    old = logs[np.arange(size), made["label"]] + 0.3 * rng.normal(size=size)
    return made | {"old": old, "advantage": rng.normal(size=size), "eps": 0.2, "bonus": 0.01}


def clipped_policy_reference(z, label, old, advantage, eps, bonus):
    logp = log_softmax(z, axis=1)
    ratio = jnp.exp(jnp.take_along_axis(logp, label[:, None], axis=1)[:, 0] - old)
    gain = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - eps, 1 + eps) * advantage)
    return -(jnp.sum(gain) - bonus * jnp.sum(jnp.exp(logp) * logp)) / len(z)


def preferences() -> Model:
    """Direct preference optimisation: the policy's and the reference's log-probabilities of pairs of answers."""
    chosen, rejected = IndexedBase("chosen", shape=(N,)), IndexedBase("rejected", shape=(N,))
    ref_chosen, ref_rejected = IndexedBase("ref_chosen", shape=(N,)), IndexedBase("ref_rejected", shape=(N,))
    beta = symbols("beta", positive=True)
    margin = beta * ((chosen[n] - ref_chosen[n]) - (rejected[n] - ref_rejected[n]))
    return Model(-Sum(log_sigmoid(margin), ROWS) / N, [chosen, rejected])


def preferences_inputs(size: int, rng: np.random.Generator) -> Inputs:
    names = ("chosen", "rejected", "ref_chosen", "ref_rejected")
    return {name: -100 * rng.random(size) for name in names} | {"beta": 0.1}


def preferences_far() -> Inputs:
    return preferences_inputs(3, np.random.default_rng(2)) | {"chosen": np.array([-1e5, -3.0, -40.0])}


def preferences_reference(chosen, rejected, ref_chosen, ref_rejected, beta):
    return -jnp.mean(jax_log_sigmoid(beta * ((chosen - ref_chosen) - (rejected - ref_rejected))))


SMOOTH = {"smooth": 0.1}
MODELS = (
    RealModel(
        "label smoothing",
        label_smoothing,
        lambda size, rng: scores(size, rng) | SMOOTH,
        label_smoothing_reference,
        (4, 2000),
        {"huge": lambda: huge_scores() | SMOOTH},
        exact=label_smoothing_exact,
    ),
    RealModel("focal", focal, focal_inputs, focal_reference, (6, 2000), {"far": focal_far}, exact=focal_exact),
    RealModel("multiclass hinge", multiclass_hinge, multiclass_hinge_inputs, multiclass_hinge_reference, (5, 2000)),
    RealModel("distillation", distillation, distillation_inputs, distillation_reference, (4, 2000)),
    RealModel("dice", dice, dice_inputs, dice_reference, (20, 10000)),
    RealModel("pinball", pinball, pinball_inputs, pinball_reference, (7, 2000)),
    RealModel("Huber", huber, huber_inputs, huber_reference, (8, 2000), {"outliers": huber_outliers}),
    RealModel("clipped policy", clipped_policy, clipped_policy_inputs, clipped_policy_reference, (6, 2000)),
    RealModel(
        "preferences", preferences, preferences_inputs, preferences_reference, (5, 2000), {"far": preferences_far}
    ),
)
