"""Evaluation gives up where mpmath would compute for minutes: exponentials of numbers with thousands of digits."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, symbols

from symgrad import LogSumExp, Model, softmax
from symgrad.functions.values import exponential
from symgrad.graph.limited_evaluation import LimitedEvaluator, TooFar

N = symbols("N", integer=True, positive=True)
n, k = symbols("n k", integer=True)
x = IndexedBase("x", shape=(N,), real=True)
ALL = (n, 0, N - 1)
LOSSES = {
    "exponentials": Sum(exp(exp(x[n])), ALL),
    "logsumexp": LogSumExp(exp(x[n]), ALL),
    "softmax": Sum(x[n] * softmax(exp(x[n]), ALL), ALL),
}


@pytest.mark.parametrize("name", LOSSES)
def test_exponentials_of_what_is_too_large(name: str) -> None:
    loss = Model(LOSSES[name], [x]).program.loss
    with mpmath.workdps(50):
        assert mpmath.isfinite(LimitedEvaluator({"x": np.array([1.0, 2.0])}, {N: 2})(loss).item())
        with pytest.raises(TooFar):
            LimitedEvaluator({"x": np.array([1.0, 1e5])}, {N: 2})(loss)


def test_exponentials_beyond_all_numbers() -> None:
    far = mpmath.mpf(10) ** 10_000  # mpmath takes a minute without gmpy2
    assert exponential(-far) == 0 and exponential(far) == mpmath.inf
    assert mpmath.log(exponential(mpmath.mpf(10) ** 1000)) == mpmath.mpf(10) ** 1000
    assert exponential(-mpmath.inf) == 0 and exponential(mpmath.mpf(0)) == 1
