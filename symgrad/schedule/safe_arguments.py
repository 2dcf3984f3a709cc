"""Arguments at which functions that are not finite for all real numbers are finite, with their derivatives."""

from typing import Any

import sympy as sp
from sympy import Expr, Pow, S
from sympy.codegen import cfunctions

from symgrad.functions.gamma import (
    besseli_ratio,
    besseli_slope,
    log_besseli,
    log_beta,
    log_choose,
    log_rising,
    polygamma_excess,
    polygamma_rise,
)
from symgrad.functions.logarithms import finite_log, log_abs1p, log_growth, log_growth_excess, xdivy, xlogy
from symgrad.functions.normal import interval_excess, interval_mills, log_ndtr_difference
from symgrad.univariate import Univariate, safe_argument

# The first arguments of a function; None for one that may be any number.
_SAFE: dict[Any, tuple[Expr | None, ...]] = {
    **dict.fromkeys(
        (sp.log, finite_log, cfunctions.log2, cfunctions.log10, sp.gamma, sp.loggamma, sp.digamma), (S.One,)
    ),
    **dict.fromkeys(
        (sp.csc, sp.cot, sp.csch, sp.coth, sp.acsch, sp.erfcinv, sp.LambertW, sp.Ei, sp.Ci, sp.Chi), (S.One,)
    ),
    **dict.fromkeys((sp.exp, cfunctions.expm1, cfunctions.exp2, sp.sinh, sp.cosh, sp.tan, sp.sec), (S.Zero,)),
    **dict.fromkeys((sp.asin, sp.acos, sp.atanh, sp.erfinv, cfunctions.log1p, log_abs1p), (S.Zero,)),
    **dict.fromkeys((sp.factorial, sp.harmonic, sp.elliptic_k, sp.elliptic_e), (S.Zero,)),
    **dict.fromkeys((sp.acosh, sp.asec, sp.acsc, sp.acoth, sp.li), (S(2),)),
    sp.asech: (S.Half,),
    **dict.fromkeys((sp.polygamma, sp.expint, sp.bessely, sp.besselk, sp.lowergamma, sp.uppergamma), (None, S.One)),
    **dict.fromkeys((log_besseli, besseli_ratio, besseli_slope), (None, S.One)),
    **dict.fromkeys((sp.zeta, sp.Mod, xlogy, xdivy), (None, S.One)),
    **dict.fromkeys((sp.beta, log_beta), (S.One, S.One)),
    **dict.fromkeys((sp.binomial, log_choose), (S(2), S.One)),
    **dict.fromkeys((log_growth, log_growth_excess), (S.One, S.One)),
    log_rising: (S.One, S.One, S(2)),
    **dict.fromkeys((polygamma_rise, polygamma_excess), (None, S.One, S.One, S(2))),
    # where the interval is not empty
    **dict.fromkeys((log_ndtr_difference, interval_mills, interval_excess), (S.NegativeOne, S.One)),
    Pow: (S.One,),
}


def safe_arguments(head: Any) -> tuple[Expr | None, ...]:
    """The first arguments of a function at which it is finite, None for one that may be any number."""
    if isinstance(head, type) and issubclass(head, Univariate):
        return () if (found := safe_argument(head.expression)) is None else (found,)
    return _SAFE.get(head, ())
