"""What a model needs and SymPy lacks, as SymPy objects: activations, reductions over indices, softmax, `if_else`.

Everything here is real: the arguments are real numbers, and a symbol without assumptions is taken to be one. That keeps
the objects usable inside `Max`, `Abs` and comparisons, and spares SymPy's slow search for a proof that they are real.
Symbolic objects only; how they are differentiated, made stable and printed as NumPy is the compiler's business.

Files: activations (`elementwise`), `if_else` and `constant` (`choices`), reductions over indices (`reductions`),
symbols that carry their equation (`defined`), `softmax`, sums of entries (`totals`), norms and scalar products
(`norms`), SymPy's functions for matrices, too (`entrywise`), stable functions that formulas spell out (`spelled`;
`normal`, `gamma`), what equations or a minimum define (`solutions`), Newton's method (`newton`), what they share
(`common`), and what all functions are as functions of mpmath's numbers (`values`).
"""

from symgrad.functions.choices import (
    Constant,
    ConstantMatrix,
    IfElse,
    constant,
    copysign,
    finite_maximum,
    has_no_sign,
    if_else,
    in_range,
    share,
)
from symgrad.functions.elementwise import log_sigmoid, relu, sigmoid, softplus, step
from symgrad.functions.entrywise import EntryByEntry
from symgrad.functions.normal import log_ndtr, ndtr
from symgrad.functions.reductions import LargestOver, LogSumExp, LogTotalOver, MaxOver, MinOver, NormOver
from symgrad.functions.softmax import IndexedSoftmax, Softmax, softmax
from symgrad.functions.totals import Total, total

__all__ = [
    "Constant",
    "ConstantMatrix",
    "EntryByEntry",
    "IfElse",
    "IndexedSoftmax",
    "LargestOver",
    "LogSumExp",
    "LogTotalOver",
    "MaxOver",
    "MinOver",
    "NormOver",
    "Softmax",
    "Total",
    "constant",
    "copysign",
    "finite_maximum",
    "has_no_sign",
    "if_else",
    "in_range",
    "log_ndtr",
    "log_sigmoid",
    "ndtr",
    "relu",
    "share",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "total",
]
