"""How scalar functions are spelled in NumPy, and which need a helper in the generated module or SciPy."""

from typing import Any

import sympy
from sympy.codegen import cfunctions

from symgrad import functions, matrix_functions
from symgrad.functions import gamma, logarithms, normal

# SymPy class -> NumPy ufunc of as many arguments
UFUNCS: dict[Any, str] = {
    getattr(sympy, name): f"np.{numpy}"
    for name, numpy in {
        "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
        "atan": "arctan", "atan2": "arctan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh",
        "acosh": "arccosh", "atanh": "arctanh", "Abs": "abs", "sign": "sign", "floor": "floor", "ceiling": "ceil",
        "Max": "maximum", "Min": "minimum", "Mod": "mod",
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
    functions.copysign: "np.copysign",
}

# Functions of `symgrad.runtime`, which has each under its own name with an underscore in front
RUNTIME: frozenset[Any] = frozenset(
    {
        functions.sigmoid,
        matrix_functions.reciprocal_root,
        normal.inverse_mills,
        logarithms.log_abs1p,
        logarithms.xdivy,
        gamma.log_rising,
        gamma.polygamma_rise,
        gamma.log_beta,
        gamma.log_choose,
        gamma.log_besseli,
        gamma.besseli_ratio,
        gamma.besseli_slope,
        normal.mills_excess,
        normal.mills_slope,
        normal.mills_variance,
        normal.mills_curvature,
        normal.log_erfc,
        normal.ndtr_difference,
        normal.log_ndtr_difference,
        normal.interval_mills,
        normal.interval_excess,
    }
)

# Spellings of other functions that are no NumPy ufunc; each binds tightly where its arguments do
FORMATS: dict[Any, str] = {
    functions.relu: "np.maximum({0}, 0)",
    functions.finite_maximum: "np.maximum({0}, np.finfo({dtype}).min)",
    functions.softplus: "np.logaddexp(0, {0})",
    functions.constant: "{0}",
    sympy.sinc: "np.sinc({0} / np.pi)",
    sympy.sec: "(1 / np.cos({0}))",
    sympy.csc: "(1 / np.sin({0}))",
    sympy.cot: "(1 / np.tan({0}))",
    sympy.sech: "(1 / np.cosh({0}))",
    sympy.csch: "(1 / np.sinh({0}))",
    sympy.coth: "(1 / np.tanh({0}))",
    sympy.acot: "np.copysign(np.arctan2(1, np.abs({0})), {0})",  # odd, as SymPy has it
    sympy.asec: "np.arccos(1 / {0})",
    sympy.acsc: "np.arcsin(1 / {0})",
    sympy.asech: "np.arccosh(1 / {0})",
    sympy.acsch: "np.arcsinh(1 / {0})",
    sympy.acoth: "np.arctanh(1 / {0})",
    sympy.frac: "({0} - np.floor({0}))",
}

# What NumPy lacks and SciPy has: the name of the function in scipy.special, or an expression of such functions
SCIPY: dict[Any, str] = {
    functions.ndtr: "ndtr",
    functions.log_ndtr: "log_ndtr",
    logarithms.xlogy: "xlogy",
    gamma.log_abs_gamma: "gammaln",
    gamma.gamma_sign: "gammasgn",
    normal.exp_ndtr: "np.exp({0} + log_ndtr({1}))",
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.erfinv: "erfinv",
    sympy.erfcinv: "erfcinv",
    sympy.erfi: "erfi",
    sympy.erf2: "erf({1}) - erf({0})",
    sympy.gamma: "gamma",
    sympy.loggamma: "gammaln",
    sympy.digamma: "digamma",
    sympy.factorial: "gamma({0} + 1)",
    sympy.binomial: "binom",
    sympy.beta: "beta",
    sympy.lowergamma: "gammainc({0}, {1}) * gamma({0})",
    sympy.uppergamma: "gammaincc({0}, {1}) * gamma({0})",
    sympy.zeta: "zeta({0}, {1})",
    sympy.harmonic: "digamma({0} + 1) + np.euler_gamma",
    sympy.Ei: "expi",
    sympy.li: "expi(np.log({0}))",
    sympy.expint: "expn",
    sympy.Si: "sici({0})[0]",
    sympy.Ci: "sici({0})[1]",
    sympy.Shi: "shichi({0})[0]",
    sympy.Chi: "shichi({0})[1]",
    sympy.fresnels: "fresnel({0})[0]",
    sympy.fresnelc: "fresnel({0})[1]",
    sympy.airyai: "airy({0})[0]",
    sympy.airyaiprime: "airy({0})[1]",
    sympy.airybi: "airy({0})[2]",
    sympy.airybiprime: "airy({0})[3]",
    sympy.besselj: "jv",
    sympy.bessely: "yv",
    sympy.besseli: "iv",
    sympy.besselk: "kv",
    sympy.elliptic_k: "ellipk",
    sympy.elliptic_e: "ellipe",
    sympy.LambertW: "lambertw({0}).real",
    sympy.polygamma: "polygamma({0}, {1})",
}

# SciPy gives these in double precision whatever goes in.
DOUBLE = frozenset(
    {sympy.polygamma, sympy.LambertW, sympy.zeta, sympy.expint, sympy.beta, sympy.lowergamma, sympy.uppergamma}
)

RELATIONS: dict[Any, str] = {
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.Eq: "==",
    sympy.Ne: "!=",
}
CONNECTIVES: dict[Any, str] = {sympy.And: "&", sympy.Or: "|"}
