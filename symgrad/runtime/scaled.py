"""Sums of multiples of exp(u − m) of blocks of rows, each with the largest u of its own."""

from typing import Any

import numpy as np


def _after_the_larger(one: Any, other: Any) -> Any:
    """What two blocks give, (m, Σ a·exp(u − m), ...), as that of both: with their larger m in place of their own."""
    (m, *sums), (n, *others) = one, other
    larger = np.maximum(m, n)
    finite = np.maximum(larger, np.finfo(larger.dtype).min)
    a, b = np.exp(m - finite), np.exp(n - finite)
    return (larger, *(a * first + b * second for first, second in zip(sums, others, strict=True)))
