"""Names."""

from symgrad.graph.kinds.axes import (
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
    reduce,
    running,
)
from symgrad.graph.kinds.names import AUXILIARY, auxiliary, named
from symgrad.graph.kinds.subscripts import gather, is_plain, scatter

__all__ = [
    "AUXILIARY",
    "EXPONENTIALS_FROM",
    "EXPONENTIALS_UP_TO",
    "LARGEST_FROM",
    "LARGEST_UP_TO",
    "LOG_SOFTMAX",
    "PRODUCT_OF_OTHERS",
    "RUNNING",
    "SOFTMAX",
    "SUM_FROM",
    "SUM_UP_TO",
    "auxiliary",
    "axis_map",
    "gather",
    "is_plain",
    "named",
    "reduce",
    "running",
    "scatter",
]
