"""Functions of Python's numbers, several times faster than NumPy's of one: what these refuse, NumPy's decide.

Python raises an error where NumPy goes on with an infinity or no number at all.
"""

import math
from typing import Any

import numpy as np


def _float_quotient(x: Any, y: Any) -> Any:
    """x / y."""
    try:
        return x / y
    except ZeroDivisionError:
        return np.divide(x, y).item()


def _float_pow(x: Any, y: Any) -> Any:
    """x ** y."""
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        return np.float_power(x, y).item()


def _float_exp(x: Any) -> Any:
    """The exponential."""
    try:
        return math.exp(x)
    except OverflowError:
        return np.exp(x).item()


def _float_expm1(x: Any) -> Any:
    """exp(x) - 1."""
    try:
        return math.expm1(x)
    except OverflowError:
        return np.expm1(x).item()


def _float_log(x: Any) -> Any:
    """The natural logarithm."""
    try:
        return math.log(x)
    except ValueError:
        return np.log(x).item()


def _float_log1p(x: Any) -> Any:
    """log(1 + x)."""
    try:
        return math.log1p(x)
    except ValueError:
        return np.log1p(x).item()


def _float_sqrt(x: Any) -> Any:
    """The square root."""
    try:
        return math.sqrt(x)
    except ValueError:
        return np.sqrt(x).item()


def _float_sin(x: Any) -> Any:
    """The sine."""
    try:
        return math.sin(x)
    except ValueError:
        return np.sin(x).item()


def _float_cos(x: Any) -> Any:
    """The cosine."""
    try:
        return math.cos(x)
    except ValueError:
        return np.cos(x).item()


def _float_sinh(x: Any) -> Any:
    """The hyperbolic sine."""
    try:
        return math.sinh(x)
    except OverflowError:
        return np.sinh(x).item()


def _float_cosh(x: Any) -> Any:
    """The hyperbolic cosine."""
    try:
        return math.cosh(x)
    except OverflowError:
        return np.cosh(x).item()


def _float_tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return math.tanh(x)


def _float_maximum(x: Any, y: Any) -> Any:
    """The larger of two numbers; of one that is none, that."""
    return x if x >= y or x != x else y


def _float_minimum(x: Any, y: Any) -> Any:
    """The smaller of two numbers; of one that is none, that."""
    return x if x <= y or x != x else y


def _float_sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), exact in both tails: the exponential is of -abs(x) and never overflows."""
    tail = math.exp(x if x.real < 0 else -x)
    return (tail if x.real < 0 else 1.0) / (1.0 + tail)


def _float_logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y))."""
    if x == y:  # infinities, too, whose difference is no number
        return x + math.log(2)
    larger, smaller = (x, y) if x.real > y.real else (y, x)
    return larger + math.log1p(math.exp(smaller - larger))
