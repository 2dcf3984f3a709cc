"""symgrad: derive the analytic gradient of a SymPy model, write it as a NumPy module, and check it.

The names are loaded when first used: the pytest plugin is imported in every test run of its users, and those without a
gradient to check should not wait for SymPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad.version import __version__

if TYPE_CHECKING:
    from symgrad.errors import GradientCheckError, ModelError, SymgradError, UnsupportedError
    from symgrad.functions import (
        LogSumExp,
        MaxOver,
        MinOver,
        constant,
        if_else,
        log_sigmoid,
        relu,
        sigmoid,
        softmax,
        softplus,
        step,
        total,
    )
    from symgrad.matrix_functions import det, inverse, logdet, norm1, norm2
    from symgrad.model import Model

__all__ = [
    "GradientCheckError",
    "LogSumExp",
    "MaxOver",
    "MinOver",
    "Model",
    "ModelError",
    "SymgradError",
    "UnsupportedError",
    "__version__",
    "constant",
    "det",
    "if_else",
    "inverse",
    "log_sigmoid",
    "logdet",
    "norm1",
    "norm2",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "total",
]

_HOMES = {
    **dict.fromkeys(("GradientCheckError", "ModelError", "SymgradError", "UnsupportedError"), "errors"),
    **dict.fromkeys(("det", "inverse", "logdet", "norm1", "norm2"), "matrix_functions"),
    "Model": "model",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}")
    found = getattr(import_module(f"symgrad.{_HOMES.get(name, 'functions')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
