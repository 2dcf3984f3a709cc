"""Compares a model of the corpus with its reference: value, gradient, a Hessian-vector product; and with bound data."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

from tests.real_models.record import Inputs, RealModel
from tests.results import arrays

DIGITS = 100
STEP = mpmath.mpf(10) ** -30  # of differences: an error of 1e-60 times the third derivative


@cache
def module_of(record: RealModel) -> Any:
    """The generated module, not checked: the comparison is the check."""
    return record.build().compile(check=False, hvp=record.hvp)


def cases(record: RealModel) -> Iterator[tuple[str, Inputs]]:
    """The inputs of a model: ordinary, as large as in practice, and hostile ones."""
    for size in record.sizes:
        yield f"{size}", record.inputs(size, np.random.default_rng(size))
    for what, make in record.hostile.items():
        yield what, make()


def differences(record: RealModel, what: str, inputs: Inputs) -> Iterator[str]:
    """What is different from the reference, a line each."""
    module = module_of(record)
    parameters = list(module.PARAMETERS)
    exact = record.exact if what in record.hostile else None
    right = (
        _by_differences(exact, inputs, parameters)
        if exact
        else _by_jax(record.reference, inputs, parameters, record.hvp)
    )
    with np.errstate(all="raise", under="ignore"):  # what is too small for a double is 0, as NumPy has it by default
        value, gradient = module.value_and_gradient(**inputs)
        directions = tuple(_direction(np.asarray(inputs[name])) for name in parameters)
        curved = module.hessian_vector_product(directions, **_taken(module, inputs)) if record.hvp else None
    yield from _different("value", value, right["value"], record.tolerance)
    for name in parameters:
        yield from _different(f"gradient.{name}", getattr(gradient, name), right["gradient"][name], record.tolerance)
        if curved is not None and "product" in right:
            yield from _different(f"product.{name}", getattr(curved, name), right["product"][name], record.tolerance)


def bound_differences(record: RealModel) -> Iterator[str]:
    """What functions with bound data give that the module's do not: in whole arrays and in blocks of rows.

    They are called again after results were changed, and with other parameters.
    """
    module = module_of(record)
    whole = getattr(module, "BLOCK_BYTES", None)
    sizes = (None,) if whole is None else (2**21, 2**6)
    given = record.inputs(4 * record.sizes[0], np.random.default_rng(0))
    bound = module.bind(**{name: one for name, one in given.items() if name not in module.PARAMETERS})
    for module.BLOCK_BYTES, moved in product(sizes, (0.0, 0.125, 0.0)):
        at = {name: np.asarray(given[name], float) + moved for name in module.PARAMETERS}
        for name in ("value", "gradient", "value_and_gradient"):
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                expected = arrays(getattr(module, name)(**(given | at)))
                found = arrays(getattr(bound, name)(**at))
            for number, (one, other) in enumerate(zip(found, expected, strict=True)):
                if not np.array_equal(one, other, equal_nan=True):
                    yield f"bound.{name}, result {number}, at {moved} in blocks of {module.BLOCK_BYTES} bytes"
                if isinstance(one, np.ndarray):
                    one[...] = np.nan
    module.BLOCK_BYTES = whole  # modules without blocks have no use for it


def _taken(module: Any, inputs: Inputs) -> Inputs:
    code = module.hessian_vector_product.__code__
    names = code.co_varnames[: code.co_argcount]
    return {name: value for name, value in inputs.items() if name in names}


def _direction(array: np.ndarray) -> Any:
    """A direction without structure, the same for every run."""
    return np.cos(1.0 + 1.7 * np.arange(array.size)).reshape(array.shape)


def _different(what: str, got: Any, right: Any, tolerance: float) -> Iterator[str]:
    got, right = np.asarray(got, float), np.asarray(right, float)
    if got.shape != right.shape:
        yield f"{what} has shape {got.shape}, right is {right.shape}"
        return
    scale = float(np.max(np.abs(right[np.isfinite(right)]), initial=0.0))
    with np.errstate(all="ignore"):
        off = ~np.where(np.isfinite(right), np.abs(got - right) <= tolerance * scale + 1e-300, got == right)
    if off.any():
        at = tuple(int(k) for k in np.argwhere(off)[0])
        yield f"{what}{list(at) if at else ''} = {got[at]!r}, right is {right[at]!r}"


def _by_jax(reference: Callable[..., Any], inputs: Inputs, parameters: list[str], whole: bool) -> dict[str, Any]:
    with jax.enable_x64(True):
        fixed = {name: jnp.asarray(value) for name, value in inputs.items() if name not in parameters}
        point = {name: jnp.asarray(inputs[name], dtype=jnp.float64) for name in parameters}
        along = {name: jnp.asarray(_direction(np.asarray(inputs[name]))) for name in parameters}
        gradient = jax.grad(lambda at: jnp.squeeze(reference(**at, **fixed)))

        def results(at: Any, by: Any) -> dict[str, Any]:
            slopes, curved = jax.jvp(gradient, (at,), (by,))
            return {"value": reference(**at, **fixed), "gradient": slopes, "product": curved}

        # compiled as a whole it takes a third of the time of its operations; not where it is long
        return (jax.jit(results) if whole else results)(point, along)


def _by_differences(exact: Callable[..., Any], inputs: Inputs, parameters: list[str]) -> dict[str, Any]:
    with mpmath.workdps(DIGITS):
        at = {name: _exactly(np.asarray(value)) for name, value in inputs.items()}

        def loss(moved: Mapping[str, Any]) -> Any:
            return exact(**{name: value.tolist() for name, value in (at | moved).items()})

        gradient = {}
        for name in parameters:
            slopes = np.empty(at[name].shape)
            for place in np.ndindex(slopes.shape):
                ends = []
                for sign in (1, -1):
                    moved = at[name].copy()
                    moved[place] += sign * STEP * (abs(moved[place]) or 1)
                    ends.append((moved[place], loss({name: moved})))
                slopes[place] = float((ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0]))
            gradient[name] = slopes
        return {"value": float(loss({})), "gradient": gradient}


def _exactly(array: np.ndarray) -> Any:
    number = int if array.dtype.kind in "iub" else mpmath.mpf
    made = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        made[place] = number(array[place].item())
    return made
