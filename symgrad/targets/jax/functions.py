"""How scalar functions are spelled in JAX, and which need a function of the generated module."""

from typing import Any

import sympy
from sympy.codegen import cfunctions

from symgrad import functions
from symgrad.functions import gamma, logarithms, normal, norms
from symgrad.graph.linear_algebra import ADJUGATE, CHOLESKY, DET, INVERSE, LOG_ABS_DET, LOGDET, SIGN_DET

# SymPy class -> function of jax.numpy of as many arguments
PLAIN: dict[Any, str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.asin: "arcsin",
    sympy.acos: "arccos", sympy.atan: "arctan", sympy.atan2: "arctan2", sympy.sinh: "sinh", sympy.cosh: "cosh",
    sympy.tanh: "tanh", sympy.asinh: "arcsinh", sympy.acosh: "arccosh", sympy.atanh: "arctanh", sympy.Abs: "abs",
    sympy.sign: "sign", sympy.floor: "floor", sympy.ceiling: "ceil", sympy.Max: "maximum", sympy.Min: "minimum",
    sympy.Mod: "mod", cfunctions.log1p: "log1p", cfunctions.expm1: "expm1", cfunctions.exp2: "exp2",
    cfunctions.log2: "log2", cfunctions.log10: "log10", cfunctions.Cbrt: "cbrt", cfunctions.hypot: "hypot",
    functions.copysign: "copysign",
}  # fmt: skip

# SymPy class -> function of jax.scipy.special of as many arguments
SPECIAL: dict[Any, str] = {
    functions.ndtr: "ndtr", logarithms.xlogy: "xlogy", gamma.log_abs_gamma: "gammaln", gamma.gamma_sign: "gammasgn",
    sympy.erf: "erf", sympy.erfc: "erfc", sympy.erfinv: "erfinv", sympy.gamma: "gamma", sympy.loggamma: "gammaln",
    sympy.digamma: "digamma", sympy.polygamma: "polygamma", sympy.beta: "beta", sympy.Ei: "expi",
    sympy.expint: "expn",
}  # fmt: skip

# Functions that generated modules have under their own name with an underscore in front
OWN: frozenset[Any] = frozenset(
    {
        functions.sigmoid,
        functions.log_ndtr,
        norms.reciprocal_root,
        logarithms.log_abs1p,
        logarithms.xdivy,
        gamma.log_rising,
        gamma.polygamma_rise,
        gamma.log_beta,
        gamma.log_choose,
        normal.inverse_mills,
        normal.mills_excess,
        normal.mills_slope,
        normal.mills_variance,
        normal.mills_curvature,
        normal.log_erfc,
        normal.ndtr_difference,
        normal.log_ndtr_difference,
        normal.interval_mills,
        normal.interval_excess,
        normal.exp_ndtr,
    }
)

# Other spellings: a and b are the arguments, A and B these in parentheses where they need some
FORMATS: dict[Any, str] = {
    functions.relu: "jnp.maximum({a}, 0)",
    functions.finite_maximum: "jnp.maximum({a}, jnp.finfo({dtype}).min)",
    functions.softplus: "jnp.logaddexp(0, {a})",
    functions.constant: "{a}",
    sympy.sinc: "jnp.sinc({A} / jnp.pi)",
    sympy.sec: "(1 / jnp.cos({a}))",
    sympy.csc: "(1 / jnp.sin({a}))",
    sympy.cot: "(1 / jnp.tan({a}))",
    sympy.sech: "(1 / jnp.cosh({a}))",
    sympy.csch: "(1 / jnp.sinh({a}))",
    sympy.coth: "(1 / jnp.tanh({a}))",
    sympy.acot: "jnp.copysign(jnp.arctan2(1, jnp.abs({a})), {a})",  # odd, as SymPy has it
    sympy.asec: "jnp.arccos(1 / {A})",
    sympy.acsc: "jnp.arcsin(1 / {A})",
    sympy.asech: "jnp.arccosh(1 / {A})",
    sympy.acsch: "jnp.arcsinh(1 / {A})",
    sympy.acoth: "jnp.arctanh(1 / {A})",
    sympy.frac: "({A} - jnp.floor({a}))",
    sympy.erf2: "(jax.scipy.special.erf({b}) - jax.scipy.special.erf({a}))",
    sympy.zeta: "jax.scipy.special.zeta({a}, {b})",
    sympy.factorial: "jax.scipy.special.gamma({A} + 1)",
    sympy.lowergamma: "(jax.scipy.special.gammainc({a}, {b}) * jax.scipy.special.gamma({a}))",
    sympy.uppergamma: "(jax.scipy.special.gammaincc({a}, {b}) * jax.scipy.special.gamma({a}))",
    sympy.harmonic: "(jax.scipy.special.digamma({A} + 1) + jnp.euler_gamma)",
    sympy.li: "jax.scipy.special.expi(jnp.log({a}))",
    sympy.Si: "jax.scipy.special.sici({a})[0]",
    sympy.Ci: "jax.scipy.special.sici({a})[1]",
    sympy.fresnels: "jax.scipy.special.fresnel({a})[0]",
    sympy.fresnelc: "jax.scipy.special.fresnel({a})[1]",
}

# Functions of stacks of matrices, with which of their results is meant; those with an underscore are the module's own
MATRIX: dict[str, str] = {
    **{INVERSE: "jnp.linalg.inv", CHOLESKY: "jnp.linalg.cholesky", ADJUGATE: "_adjugate", DET: "jnp.linalg.det"},
    **{LOGDET: "_logdet", LOG_ABS_DET: "jnp.linalg.slogdet", SIGN_DET: "jnp.linalg.slogdet"},
}
PARTS: dict[str, str] = {LOG_ABS_DET: "[1]", SIGN_DET: "[0]"}
