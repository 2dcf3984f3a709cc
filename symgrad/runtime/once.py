"""What follows from data alone, computed once where these are bound."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any


@cache
def _memory() -> ContextVar[dict[Any, Any] | None]:
    """Where a function of bound data has what was made of these alone; it is set while the function runs."""
    return ContextVar("memory", default=None)


def _once(memory: dict[Any, Any] | None, make: Callable[..., Any], *given: Any, span: range | None = None) -> Any:
    """make(*given), which a memory of the same data keeps for each of their types and sizes, and span of rows."""
    if memory is None:
        return make(*given)
    key = (make, span, *[(one.dtype, one.shape) if hasattr(one, "dtype") else one for one in given])
    try:
        return memory[key]
    except KeyError:
        return memory.setdefault(key, make(*given))
