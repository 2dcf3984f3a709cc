"""Generated JAX modules as Python modules, and their functions for NumPy's arrays; of symgrad only this imports JAX."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from types import ModuleType, SimpleNamespace
from typing import Any

from symgrad.arrays import np
from symgrad.generated import imported as plainly_imported
from symgrad.generated import require


def imported(text: str, name: str) -> ModuleType:
    """The module of this text.

    Raises
    ------
    ModelError : JAX is not installed.
    """
    require("jax", "JAX", "jax", "jax")
    return plainly_imported(text, name)


def on_arrays(module: ModuleType) -> Any:
    """The functions of a module, compiled, for NumPy's arrays in single and double precision."""
    import jax  # an optional extra

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        taken = signature(function).parameters
        compiled = jax.jit(function, static_argnames=[name for name in module.DIMENSIONS if name in taken])

        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            with jax.enable_x64(True):
                return jax.tree.map(lambda array: np.array(array)[()], compiled(*given, **named))

        return call

    def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            with jax.enable_x64(True):
                return function(*given, **named)

        return call

    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    functions = {name: value for name, value in public.items() if hasattr(value, "__wrapped__")}
    of_chunks: dict[str, Any] = {name: in_double(public[name]) for name in ("partial", "combine") if name in public}
    if of_chunks:
        finish = in_double(public["finish"])
        of_chunks["finish"] = lambda *given: jax.tree.map(lambda array: np.array(array)[()], finish(*given))
    return SimpleNamespace(**public | of_chunks | {name: called(function) for name, function in functions.items()})
