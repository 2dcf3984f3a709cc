"""The constructors of all kinds of nodes, and the names of functions of axes and matrices.

Each puts what it builds into the normal form of its kind, so that equal expressions are one node. They work on *open
terms*: a `Use` whose letters are labels of the caller's choosing. A term that lacks a letter is constant along it.

Names from `where` are opaque: nothing is flattened across them, so they survive into formulas and code.
"""

from symgrad.graph.kinds.axes import (
    BALANCED,
    CENTRED,
    EXPONENTIALS_FROM,
    EXPONENTIALS_UP_TO,
    LARGEST_FROM,
    LARGEST_UP_TO,
    LOG_SOFTMAX,
    PRODUCT_OF_OTHERS,
    RUNNING,
    SOFTMAX,
    SUM_FROM,
    SUM_UP_TO,
    axis_map,
    log_total,
    reduce,
    running,
)
from symgrad.graph.kinds.functions import apply
from symgrad.graph.kinds.leaves import ONE, boolean, delta
from symgrad.graph.kinds.matrices import (
    ADJUGATE,
    CHOLESKY,
    DET,
    INVERSE,
    KEEPS_SHAPE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    inverse,
    matrix_function,
)
from symgrad.graph.kinds.names import AUXILIARY, auxiliary, named
from symgrad.graph.kinds.products import mul, power, product_of_powers, reciprocal, summand
from symgrad.graph.kinds.reshapes import merge, split
from symgrad.graph.kinds.scans import past, previous, scan, whole
from symgrad.graph.kinds.solutions import solution, unknown
from symgrad.graph.kinds.subscripts import gather, is_plain, scatter
from symgrad.graph.kinds.sums import (
    ZERO,
    add,
    common_content,
    const,
    index,
    is_mirrored,
    is_zero,
    number,
    scale,
    size,
    split_coefficient,
    subtract,
)
from symgrad.graph.letters import sizes_of

__all__ = [
    "ADJUGATE",
    "AUXILIARY",
    "BALANCED",
    "CENTRED",
    "CHOLESKY",
    "DET",
    "EXPONENTIALS_FROM",
    "EXPONENTIALS_UP_TO",
    "INVERSE",
    "KEEPS_SHAPE",
    "LARGEST_FROM",
    "LARGEST_UP_TO",
    "LOGDET",
    "LOG_ABS_DET",
    "LOG_SOFTMAX",
    "ONE",
    "PRODUCT_OF_OTHERS",
    "RUNNING",
    "SIGN_DET",
    "SOFTMAX",
    "SUM_FROM",
    "SUM_UP_TO",
    "ZERO",
    "add",
    "apply",
    "auxiliary",
    "axis_map",
    "boolean",
    "common_content",
    "const",
    "delta",
    "gather",
    "index",
    "inverse",
    "is_mirrored",
    "is_plain",
    "is_zero",
    "log_total",
    "matrix_function",
    "merge",
    "mul",
    "named",
    "number",
    "past",
    "power",
    "previous",
    "product_of_powers",
    "reciprocal",
    "reduce",
    "running",
    "scale",
    "scan",
    "scatter",
    "size",
    "sizes_of",
    "solution",
    "split",
    "split_coefficient",
    "subtract",
    "summand",
    "unknown",
    "whole",
]
