"""Functions of one argument that plain floating point does not compute to all digits, and the code that does.

`stable` decides by the errors over a grid whether an expression is one. Then it is a SymPy function of its own, whose
derivatives are such functions again. Near 0 it is computed by its power series, which the compiler derives; further out
by exp(−|x|), in which nothing overflows, and what cancels is gone. What is derived is compared with mpmath before it is
used.
"""

from symgrad.univariate.function import Univariate, code, log1mexp, order_at_zero, stable, with_name
from symgrad.univariate.loss import SCALARS
from symgrad.univariate.loss import opened as written_out
from symgrad.univariate.series import X

__all__ = [
    "SCALARS",
    "Univariate",
    "X",
    "applied",
    "code",
    "in_pieces",
    "log1mexp",
    "order_at_zero",
    "stable",
    "with_name",
    "written_out",
]
