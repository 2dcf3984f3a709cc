"""Models of sequences: hidden Markov models, tags, alignments."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from sympy import Eq, IndexedBase, symbols

from symgrad import LogSumExp, Model
from tests.real_models.record import Inputs, RealModel

T, K = symbols("T K", integer=True, positive=True)
t, j, k = symbols("t j k", integer=True)


def forbidden_transitions() -> Model:
    """The forward algorithm in logarithms; a transition that is forbidden has the log-probability −∞."""
    emission = IndexedBase("emission", shape=(T, K))
    step = IndexedBase("step", shape=(K, K))
    start = IndexedBase("start", shape=(K,))
    alpha = IndexedBase("alpha", shape=(T, K))
    where = [
        Eq(alpha[0, k], start[k] + emission[0, k]),
        Eq(alpha[t, k], emission[t, k] + LogSumExp(alpha[t - 1, j] + step[j, k], (j, 0, K - 1))),
    ]
    return Model(-LogSumExp(alpha[T - 1, k], (k, 0, K - 1)), [emission, step, start], where=where)


def forbidden_inputs(size: int, rng: np.random.Generator) -> Inputs:
    step = rng.normal(size=(4, 4))
    step[2, 0] = step[3, 1] = -np.inf
    start = np.array([0.0, -1.0, -np.inf, -np.inf])
    return {"emission": rng.normal(size=(size, 4)), "step": step, "start": start}


def forbidden_reference(emission, step, start):
    # JAX's logsumexp has no derivative where all entries are -inf, and 0·inf on the way: a large number does as well
    step, start = (jnp.where(jnp.isinf(x), -1e5, x) for x in (step, start))

    def forward(alpha, now):
        return now + logsumexp(alpha[:, None] + step, axis=0), None

    alpha, _ = jax.lax.scan(forward, start + emission[0], emission[1:])
    return -logsumexp(alpha)


MODELS = (
    RealModel(
        "forbidden transitions", forbidden_transitions, forbidden_inputs, forbidden_reference, (5, 200), hvp=False
    ),
)
