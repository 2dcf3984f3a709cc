"""symgrad: derive the analytic gradient of a SymPy model, write it as a NumPy module, and check it."""

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
from symgrad.model import Model
from symgrad.version import __version__

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
    "if_else",
    "log_sigmoid",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "total",
]
