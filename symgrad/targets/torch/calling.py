"""Generated PyTorch modules as Python modules, and their functions for NumPy's arrays."""

from collections.abc import Callable
from functools import wraps
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from symgrad.generated import imported as plainly_imported
from symgrad.generated import require


def imported(text: str, name: str) -> ModuleType:
    """The module of this text.

    Raises
    ------
    ModelError : PyTorch is not installed.
    """
    require("torch", "PyTorch", "torch", "torch")
    return plainly_imported(text, name)


def on_arrays(module: ModuleType) -> Any:
    """The functions of a module for NumPy's arrays in single and double precision."""
    import torch  # an optional extra

    def plain(made: Any) -> Any:
        if hasattr(made, "totals"):  # the sums of a chunk
            return made
        if isinstance(made, tuple):
            parts = map(plain, made)
            return type(made)(*parts) if hasattr(made, "_fields") else tuple(parts)
        return made.numpy()[()] if isinstance(made, torch.Tensor) else made

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float64)
            try:
                return plain(function(*given, **named))
            finally:
                torch.set_default_dtype(before)

        return call

    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    functions = {name: value for name, value in public.items() if isinstance(value, FunctionType)}
    made = {name: called(value) for name, value in functions.items()}
    return SimpleNamespace(**public | made)
