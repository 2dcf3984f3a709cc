"""symgrad: derive the analytic gradient of a SymPy model, write it as a NumPy module, and check it.

The names are loaded when first used: the pytest plugin is imported in every test run of its users, and those without a
gradient to check should not wait for SymPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad.version import __version__

if TYPE_CHECKING:
    from symgrad.errors import FormulaError, GradientCheckError, ModelError, SymgradError, UnsupportedError
    from symgrad.functions import (
        LogSumExp,
        MaxOver,
        MinOver,
        constant,
        if_else,
        log_ndtr,
        log_sigmoid,
        ndtr,
        relu,
        sigmoid,
        softmax,
        softplus,
        step,
        total,
    )
    from symgrad.functions.defined import define
    from symgrad.functions.entrywise import (
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atan2,
        atanh,
        ceiling,
        cos,
        cosh,
        digamma,
        erf,
        erfc,
        exp,
        expm1,
        floor,
        gamma,
        log,
        log1p,
        loggamma,
        maximum,
        minimum,
        power,
        sign,
        sin,
        sinh,
        sqrt,
        tan,
        tanh,
    )
    from symgrad.functions.norms import dot, norm1, norm2, quad, sumsq
    from symgrad.functions.solutions import argmin, solution
    from symgrad.inspect.display import typeset
    from symgrad.interface import as_autograd
    from symgrad.matrix_functions import cholesky, det, inverse, logdet
    from symgrad.model import Model
    from symgrad.problem import Problem
    from symgrad.text.formula import parse
    from symgrad.univariate import log1mexp

__all__ = [
    "FormulaError",
    "GradientCheckError",
    "LogSumExp",
    "MaxOver",
    "MinOver",
    "Model",
    "ModelError",
    "Problem",
    "SymgradError",
    "UnsupportedError",
    "__version__",
    "acos",
    "acosh",
    "argmin",
    "as_autograd",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceiling",
    "cholesky",
    "constant",
    "cos",
    "cosh",
    "define",
    "det",
    "digamma",
    "dot",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "floor",
    "gamma",
    "if_else",
    "inverse",
    "log",
    "log1mexp",
    "log1p",
    "log_ndtr",
    "log_sigmoid",
    "logdet",
    "loggamma",
    "maximum",
    "minimum",
    "ndtr",
    "norm1",
    "norm2",
    "parse",
    "power",
    "quad",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "solution",
    "sqrt",
    "step",
    "sumsq",
    "tan",
    "tanh",
    "total",
    "typeset",
]

_ENTRY_FUNCTIONS = (
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceiling",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "floor",
    "gamma",
    "log",
    "log1p",
    "loggamma",
    "maximum",
    "minimum",
    "power",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
)

_HOMES = {
    **dict.fromkeys(_ENTRY_FUNCTIONS, "functions.entrywise"),
    **dict.fromkeys(("FormulaError", "GradientCheckError", "ModelError", "SymgradError", "UnsupportedError"), "errors"),
    **dict.fromkeys(("cholesky", "det", "inverse", "logdet"), "matrix_functions"),
    **dict.fromkeys(("dot", "norm1", "norm2", "quad", "sumsq"), "functions.norms"),
    **dict.fromkeys(("argmin", "solution"), "functions.solutions"),
    "Model": "model",
    "as_autograd": "interface",
    "Problem": "problem",
    "define": "functions.defined",
    "log1mexp": "univariate",
    "parse": "text.formula",
    "typeset": "inspect.display",
}


def __getattr__(name: str) -> Any:
    if name not in __all__ and name not in _HOMES:  # abs is no part of the star import, which would hide Python's own
        spellings = import_module("symgrad.spellings")
        cure = "" if name.startswith("_") else spellings.in_the_package(name)
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}{cure}")
    found = getattr(import_module(f"symgrad.{_HOMES.get(name, 'functions')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES})


def load_ipython_extension(shell: Any) -> None:
    """Typeset SymPy objects in notebooks as symgrad does: `%load_ext symgrad` calls this."""
    import_module("symgrad.inspect.display").load_ipython_extension(shell)
