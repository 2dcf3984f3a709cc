"""Models with missing data (`masked_records.py`), with nan, ±∞ and 1e200 in all that is missing.

Each is compared with JAX on what is there: value, gradient, product with the Hessian, and the Hessian of small ones.
"""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symgrad import Model
from tests.families import one_in
from tests.masked_records import CASES, Case

pytestmark = pytest.mark.filterwarnings("error")

HOSTILE = (np.nan, np.inf, -np.inf, 1e200, -1e200)


def direction(array: Any) -> Any:
    return np.cos(1 + 1.7 * np.arange(np.size(array))).reshape(np.shape(array))


def by_jax(case: Case, names: list[str]) -> dict[str, Any]:
    with jax.enable_x64(True):
        fixed = {name: jnp.asarray(entry) for name, entry in case.inputs.items() if name not in names}
        point = {name: jnp.asarray(case.inputs[name], float) for name in names}
        along = {name: jnp.asarray(direction(case.inputs[name])) for name in names}
        slope = jax.grad(lambda at: case.reference(**at, **fixed))
        gradient, product = jax.jit(lambda at, by: jax.jvp(slope, (at,), (by,)))(point, along)
        made = {"value": case.reference(**point, **fixed)}
        made |= {f"gradient {name}": gradient[name] for name in names} | {
            f"product {name}": product[name] for name in names
        }
        if case.hessian:
            rows = jax.jit(jax.hessian(lambda at: case.reference(**at, **fixed)))(point)
            made |= {f"hessian {one} {other}": rows[one][other] for one in names for other in names}
        return {name: np.asarray(entry) for name, entry in made.items()}


def by_module(case: Case, module: Any, held: float | None) -> dict[str, Any]:
    given = dict(case.inputs)
    for name, mask in case.missing.items() if held is not None else ():
        places = np.reshape(mask, mask.shape + (1,) * (np.ndim(given[name]) - mask.ndim))
        given[name] = np.where(places, held, given[name])
    sizes = {"N": len(next(entry for entry in given.values() if np.ndim(entry))), "K": 3, "D": 2}

    def call(function: str, **more: Any) -> Any:
        taken = inspect.signature(getattr(module, function)).parameters
        return getattr(module, function)(
            **{name: entry for name, entry in (sizes | given).items() if name in taken}, **more
        )

    names = module.PARAMETERS
    with np.errstate(all="raise", under="ignore"):
        value, gradient = call("value_and_gradient")
        made = {"value": value} | {f"gradient {name}": getattr(gradient, name) for name in names}
        product = call("hessian_vector_product", direction=tuple(direction(given[name]) for name in names))
        made |= {f"product {name}": getattr(product, name) for name in names}
        if case.hessian:
            rows = call("hessian")
            made |= {f"hessian {one} {other}": getattr(getattr(rows, one), other) for one in names for other in names}
    return made


@pytest.mark.parametrize("name", one_in(14, CASES))
def test_what_is_missing_contributes_nothing(name: str) -> None:
    case = CASES[name]
    module = Model(case.loss, list(case.parameters), where=list(case.where)).compile(
        check=False, hvp=True, hessian=case.hessian
    )
    right = by_jax(case, list(module.PARAMETERS))
    expected = by_module(case, module, None)
    for what, got in expected.items():
        scale = np.max(np.abs(right[what]), initial=1)
        np.testing.assert_allclose(got, right[what], rtol=1e-10, atol=1e-11 * scale, err_msg=what)
    for held in HOSTILE:
        for what, got in by_module(case, module, held).items():
            np.testing.assert_allclose(got, expected[what], rtol=1e-12, atol=1e-13, err_msg=f"{what}: {held}")
