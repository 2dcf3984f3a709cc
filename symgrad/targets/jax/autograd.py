"""The loss of a generated JAX module as JAX differentiates it: by the module's own gradient and its product."""

from functools import partial as applied
from typing import Any

import jax
import jax.numpy as jnp

from symgrad.runtime.declared import ARGUMENTS, DIMENSIONS, PARAMETERS
from symgrad.targets.jax.runtime import _array
from symgrad.targets.library import PRODUCT, value, value_and_gradient


def _followed(given: dict[str, Any]) -> Any:
    """The loss, with rules for its derivatives; sizes are static."""
    sizes = {name: one for name, one in given.items() if name in DIMENSIONS}
    names = [name for name in ARGUMENTS if name not in sizes]

    @jax.custom_jvp
    def loss(*arrays: Any) -> Any:
        return value(**dict(zip(names, arrays, strict=True)), **sizes)

    @applied(loss.defjvp, symbolic_zeros=True)
    def _(arrays: Any, tangents: Any) -> Any:
        directions = _directions(names, arrays, tangents)
        made, slopes = both(*arrays)
        return made, sum(jnp.vdot(slope, one) for slope, one in zip(slopes, directions, strict=True))

    @jax.custom_jvp
    def both(*arrays: Any) -> Any:
        return value_and_gradient(**dict(zip(names, arrays, strict=True)), **sizes)

    @applied(both.defjvp, symbolic_zeros=True)
    def _(arrays: Any, tangents: Any) -> Any:
        if PRODUCT is None:
            raise TypeError("the module has no second derivatives: compile it with hvp=True")
        directions = _directions(names, arrays, tangents)
        made, slopes = both(*arrays)
        along = sum(jnp.vdot(slope, one) for slope, one in zip(slopes, directions, strict=True))
        products = PRODUCT(tuple(directions), **dict(zip(names, arrays, strict=True)), **sizes)
        return (made, slopes), (along, products)

    return loss(*(_array(name, given[name]) for name in names))


def _directions(names: list[str], arrays: Any, tangents: Any) -> list[Any]:
    """The tangents of the parameters; an error where data have one."""
    found = {}
    for name, array, one in zip(names, arrays, tangents, strict=True):
        still = isinstance(one, jax.custom_derivatives.SymbolicZero) or one.dtype == jax.dtypes.float0
        if name in PARAMETERS:
            found[name] = jnp.zeros_like(array) if still else one
        elif not still:
            raise TypeError(
                f"a derivative by {name} is asked for, and the module has those by {', '.join(PARAMETERS)} alone: use "
                f"jax.lax.stop_gradient({name}), or make {name} a parameter of the model"
            )
    return [found[name] for name in PARAMETERS]
