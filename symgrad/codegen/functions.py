"""How scalar functions are spelled in NumPy, and which need a helper in the generated module or SciPy."""

from typing import Any

import sympy
from sympy.codegen import cfunctions

from symgrad import functions

# SymPy class -> NumPy ufunc of as many arguments
UFUNCS: dict[Any, str] = {
    getattr(sympy, name): f"np.{numpy}"
    for name, numpy in {
        "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
        "atan": "arctan", "atan2": "arctan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh",
        "acosh": "arccosh", "atanh": "arctanh", "Abs": "abs", "sign": "sign", "floor": "floor", "ceiling": "ceil",
        "Max": "maximum", "Min": "minimum",
    }.items()
}  # fmt: skip
UFUNCS |= {
    cfunctions.log1p: "np.log1p",
    cfunctions.expm1: "np.expm1",
    cfunctions.exp2: "np.exp2",
    cfunctions.log2: "np.log2",
    cfunctions.log10: "np.log10",
    cfunctions.Cbrt: "np.cbrt",
    cfunctions.hypot: "np.hypot",
}

# Formats of one argument, given as text that binds tightly
FORMATS: dict[Any, str] = {
    functions.relu: "np.maximum({0}, 0)",
    functions.softplus: "np.logaddexp(0, {0})",
    functions.sigmoid: "_sigmoid({0})",
    functions.constant: "{0}",
    sympy.sinc: "np.sinc({0} / np.pi)",
    sympy.sec: "(1 / np.cos({0}))",
    sympy.csc: "(1 / np.sin({0}))",
    sympy.cot: "(1 / np.tan({0}))",
    sympy.sech: "(1 / np.cosh({0}))",
    sympy.csch: "(1 / np.sinh({0}))",
    sympy.coth: "(1 / np.tanh({0}))",
}

# What NumPy lacks and SciPy has
SCIPY: dict[Any, str] = {
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.erfinv: "erfinv",
    sympy.gamma: "gamma",
    sympy.loggamma: "gammaln",
    sympy.digamma: "digamma",
}

RELATIONS: dict[Any, str] = {
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.Eq: "==",
    sympy.Ne: "!=",
}
CONNECTIVES: dict[Any, str] = {sympy.And: "&", sympy.Or: "|"}
