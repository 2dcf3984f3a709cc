"""The example networks against independent implementations: JAX, or a few lines of NumPy with the gradient by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln
from sympy import Symbol

from symgrad import Model
from tests.families import one_in

# Relative, of each parameter's largest entry; two ways of rounding in float64 leave a millionth of it.
TOLERANCE = 1e-9
ROUNDING = 1e-15  # absolute: where all terms cancel, they leave their rounding errors

Arrays = dict[str, Any]


def _draw(model: Model, sizes: dict[str, int], seed: int) -> Arrays:
    """Normal numbers, subscripts in their range, positive numbers where the symbol says so."""
    rng = np.random.default_rng(seed)
    known = {Symbol(name, integer=True, positive=True): size for name, size in sizes.items()}
    drawn: Arrays = {}
    for argument in model.arguments:
        shape = [int(side.subs(known)) for side in argument.shape]
        if argument.role == "dimension":
            drawn[argument.name] = sizes[argument.name]
        elif argument.integer:
            top = 4 if argument.upper is None else int(argument.upper.subs(known))
            drawn[argument.name] = rng.integers(0, top, shape)
        else:
            drawn[argument.name] = rng.normal(size=shape) if shape else rng.uniform(0.1, 1)
    return drawn


def _model(example: Callable[[str], Any], name: str) -> Model:
    """The model of a file, or the one that is named after a colon."""
    file, _, which = name.partition(":")
    found = getattr(example(file), which or "model")
    assert isinstance(found, Model)
    return found


# What the facts of a model ask of its inputs.
FACTS: dict[str, Callable[[Arrays], Arrays]] = {
    "alphago": lambda drawn: {"pi": np.exp(drawn["pi"]) / np.exp(drawn["pi"]).sum(axis=1, keepdims=True)},
    "gpt": lambda drawn: {"w": np.abs(drawn["w"])},
}


def _agree(name: str, value: Any, gradient: Any, expected: Any, expected_gradient: dict[str, Any]) -> None:
    assert abs(value - expected) <= TOLERANCE * abs(expected) + ROUNDING, name
    assert set(gradient._fields) == set(expected_gradient)
    for field, part in zip(gradient._fields, gradient, strict=True):
        wanted = np.asarray(expected_gradient[field])
        assert part.shape == wanted.shape, (name, field)
        allowed = TOLERANCE * np.max(np.abs(wanted)) + ROUNDING
        np.testing.assert_allclose(part, wanted, rtol=0, atol=allowed, err_msg=field)


# --- by hand ----------------------------------------------------------------------------------------------------------


def poisson(w, X, count, offset):
    mu = np.exp(X @ w + offset)
    return np.sum(mu - count * np.log(mu) + gammaln(count + 1)), {"w": X.T @ (mu - count)}


def cox(w, X, T, e):
    loss, gradient = 0.0, np.zeros_like(w)
    for n in range(len(T)):
        at_risk = X[T[n] <= T]
        weights = np.exp(at_risk @ w)
        loss -= e[n] * (X[n] @ w - np.log(weights.sum()))
        gradient -= e[n] * (X[n] - weights @ at_risk / weights.sum())
    return loss, {"w": gradient}


def gaussian_process(a, b, c, x, y):
    """Rasmussen and Williams (2006), equations 5.8 and 5.9."""
    difference = (x[:, None, :] - x[None, :, :]) / np.exp(c)
    signal, noise = np.exp(a - np.sum(difference**2, axis=2) / 2), np.exp(b) * np.eye(len(x))
    K = signal + noise
    alpha = np.linalg.solve(K, y[:, 0])
    loss = (y[:, 0] @ alpha + np.log(np.linalg.eigvalsh(K)).sum() + len(x) * np.log(2 * np.pi)) / 2

    def derivative(moved):
        return np.trace((np.linalg.inv(K) - np.outer(alpha, alpha)) @ moved) / 2

    lengths = [derivative(signal * difference[:, :, d] ** 2) for d in range(len(c))]
    return loss, {"a": derivative(signal), "b": derivative(noise), "c": lengths}


BY_HAND: dict[str, tuple[Callable[..., Any], list[dict[str, int]]]] = {
    "poisson": (poisson, [{"N": 7, "M": 3}, {"N": 1, "M": 2}, {"N": 4, "M": 5}]),
    "cox": (cox, [{"N": 7, "M": 3}, {"N": 1, "M": 2}, {"N": 4, "M": 5}]),
    "gaussian_process": (gaussian_process, [{"N": 7, "D": 3}, {"N": 1, "D": 2}, {"N": 4, "D": 5}]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_model_agrees_with_its_gradient_by_hand(example, name: str) -> None:
    by_hand, size_sets = BY_HAND[name]
    model = example(name).model
    module = model.compile(check=False)
    for seed, sizes in enumerate(size_sets):
        arguments = _draw(model, sizes, seed)
        _agree(name, *module.value_and_gradient(**arguments), *by_hand(**arguments))


# --- against JAX ------------------------------------------------------------------------------------------------------


def _sizes(names: str, *rows: str) -> list[dict[str, int]]:
    return [dict(zip(names.split(), map(int, row.split()), strict=True)) for row in rows]


AGAINST_JAX: dict[str, list[dict[str, int]]] = {
    "alphago": _sizes("N M L A", "5 3 4 6", "1 2 1 3", "3 1 2 1"),
    "dqn": _sizes("N M L A", "5 3 4 6", "1 2 1 3", "3 1 2 1"),
    "detection": _sizes("N M K", "5 3 4", "1 2 3", "4 1 1"),
    "cycle": _sizes("N M P L", "5 4 3 6", "1 2 1 3", "3 1 2 1"),
    "attention": _sizes("S M D", "5 3 4", "1 2 3", "4 1 1"),
    "gpt": _sizes("N T V M H D L", "2 5 6 4 3 2 7", "1 1 2 3 1 1 1", "3 2 1 2 2 3 2"),
    "lenet": _sizes("N H W F G L K", "3 1 2 2 3 4 5", "1 2 1 1 2 1 2", "2 1 1 3 1 2 1"),
    "residual": _sizes("N F H W", "2 2 3 4", "3 1 4 1", "1 3 1 2"),
    "style": _sizes("H W Q L M S", "2 3 3 4 2 3", "1 2 1 1 3 2", "3 1 2 2 1 1"),
    "dcgan": _sizes("N Z F H W", "3 2 3 2 1", "2 3 1 1 2", "4 1 2 2 2"),
    "dcgan:discriminator": _sizes("N M Z F H W", "3 4 2 3 2 1", "2 1 3 1 1 2", "4 2 1 2 2 2"),
    "gru": _sizes("T N M K", "4 2 3 5", "1 3 2 1", "2 1 1 2"),
    "handwriting": _sizes("T N K J", "3 2 4 3", "1 1 2 1", "2 3 1 2"),
    "mixture": _sizes("N D K", "6 2 3", "2 1 1", "3 4 2"),
}


@pytest.mark.parametrize("name", one_in(9, AGAINST_JAX))
def test_a_model_agrees_with_jax(example, name: str) -> None:
    jax = pytest.importorskip("jax", reason="the independent implementation needs JAX")
    from tests.examples import networks

    independent = {
        "gpt": networks.gpt(2),
        "dcgan": networks.dcgan_generator,
        "dcgan:discriminator": networks.dcgan_discriminator,
    }.get(name) or getattr(networks, name)
    model = _model(example, name)
    module = model.compile(check=False)
    for seed, sizes in enumerate(AGAINST_JAX[name]):
        arguments = _draw(model, sizes, seed)
        arguments |= FACTS[name](arguments) if name in FACTS else {}
        theta = {field: arguments.pop(field) for field in module.PARAMETERS}
        expected = jax.jit(jax.value_and_grad(lambda theta, data: independent(**theta, **data)))(theta, arguments)
        _agree(name, *module.value_and_gradient(**theta, **arguments), *expected)


@pytest.mark.parametrize("name", one_in(9, [*BY_HAND, *AGAINST_JAX]))
def test_a_model_passes_its_check(example, name: str) -> None:
    sizes = BY_HAND[name][1] if name in BY_HAND else AGAINST_JAX[name]
    report = _model(example, name).check(sizes=sizes)
    assert report.ok, str(report)
