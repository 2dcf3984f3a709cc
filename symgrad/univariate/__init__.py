"""Functions of one argument that plain floating point does not compute to all digits, and the code that does.

`stable` decides by the errors over a grid whether an expression is one. Then it is a SymPy function of its own, whose
derivatives are such functions again. Near 0 it is computed by its power series, which the compiler derives; further out
by exp(−|x|), in which nothing overflows, and what cancels is gone. What is derived is compared with mpmath before it is
used.

Files: errors over a grid (`loss`, of what is computed in a `column`, against `exact`), power series (`series`), forms
in exp(−|x|) (`far`, `pieces`; by quotients of polynomials, `rational`) and in a root
of 1 + x (`roots`), their text (`source`), the SymPy classes (`function`, of two arguments `over`).
"""

from symgrad.univariate.function import (
    Univariate,
    code,
    ends,
    log1mexp,
    order_at_zero,
    safe_argument,
    simplest,
    stable,
    with_name,
)
from symgrad.univariate.loss import SCALARS, plain_error
from symgrad.univariate.loss import opened as written_out
from symgrad.univariate.series import X

__all__ = [
    "SCALARS",
    "Univariate",
    "X",
    "code",
    "ends",
    "log1mexp",
    "order_at_zero",
    "plain_error",
    "safe_argument",
    "simplest",
    "stable",
    "with_name",
    "written_out",
]
