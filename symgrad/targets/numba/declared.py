"""What a compiled module declares itself, and the functions of `runtime` are under: here they are left as they are."""

from collections.abc import Callable
from typing import Any


def _native(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function."""
    return function


def _adding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function whose sums may be taken in any order."""
    return function
