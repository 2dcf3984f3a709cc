"""Logarithms of one and a quotient, or a power of one, that may be beyond all numbers."""

from typing import Any

import numpy as np


def _log_growth(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + (y/x)ⁿ), which is n·log|y/x| where the power overflows."""
    with np.errstate(over="ignore"):
        growth = (y / x) ** n
    far = growth == np.inf
    if not np.any(far):
        return np.log1p(growth)
    sizes = [np.log(np.abs(np.where(far, one, 1))) for one in (y, x)]
    return np.where(far, n * (sizes[0] - sizes[1]), np.log1p(np.where(far, 0, growth))).astype(growth.dtype)[()]


def _log_growth_excess(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + g) − g/(1 + g) with g = (y/x)ⁿ ≥ 0, whose terms cancel where g is small."""
    with np.errstate(over="ignore"):
        growth = (y / x) ** n
    growth = np.minimum(growth, np.finfo(growth.dtype).max)
    share = growth / (1 + growth)
    return np.where(share < 0.15, _share_excess(share), _log_growth(y, x, n) - share).astype(growth.dtype)[()]


def _share_excess(share: Any) -> Any:
    """−log(1 − s) − s by its series, for shares s from −0.15 to 0.15."""
    near = np.where(np.abs(share) < 0.15, share, 0)
    series = 0 * near
    for k in range(21, 1, -1):
        series = near * series + 1 / k
    return near * near * series
