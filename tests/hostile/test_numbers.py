"""Some lines of the table of hostile numbers, which is long in the making; warnings are errors."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import IndexedBase, Sum, Symbol, sqrt

from symgrad import Model

from .cases import BASE, CASES, DEFINITE, GENERAL, GUARDED, LOGISTIC, LSTM, MIXTURE, NORMS, POWERS, ROOTS, Case
from .measured import as_type, compiled, errors, exactly, of_symgrad, ulps

MOST = 4.0  # ulps beside the condition: the table's worst, where it has no remark, is 2.4

LINES = [
    (LOGISTIC, "logits ±40, right"),
    (LOGISTIC, "logits ±40, wrong"),
    (LOGISTIC, "logits ±1e4, right"),
    (LOGISTIC, "no rows"),
    (MIXTURE, "points at 1e4"),
    (LSTM, "one step"),
    (LSTM, "no steps"),
    *((case, label) for case in (GUARDED, ROOTS, POWERS, BASE, DEFINITE, GENERAL) for label in case.points),
    *((NORMS, label) for label in NORMS.points if label != "no rows"),
]


def error_of(case: Case, label: str, dtype: str) -> float:
    given = as_type(case.points[label], dtype)
    exact = exactly(case, given)
    if exact is None:
        assert dtype == "float32"
        return 0.0
    value, gradient, warned = of_symgrad(case, given)
    assert not warned
    assert value.dtype == dtype and all(part.dtype == dtype for part in gradient)
    found = errors(exact, value, gradient, np.dtype(dtype))
    return max(found.value, found.gradient)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("case", "label"), LINES, ids=[f"{case.name}, {label}" for case, label in LINES])
def test_value_and_gradient_are_as_exact_as_the_inputs_allow(case: Case, label: str, dtype: str) -> None:
    assert error_of(case, label, dtype) <= MOST


def test_what_is_lost_is_seen() -> None:
    N, n = Symbol("N", integer=True, positive=True), Symbol("n", integer=True)
    x = IndexedBase("x", (N,))
    twice = replace(ROOTS, model=lambda: Model(Sum(2 * sqrt(x[n]), (n, 0, N - 1)), [x]))
    assert error_of(twice, "1e-310 … 1e300", "float64") > 1e15


@pytest.mark.parametrize(("value", "expected"), [(1.0, 0.0), (1.0 + 2.0**-51, 2.0), (np.nan, np.inf), (np.inf, np.inf)])
def test_an_error_is_in_units_of_the_last_place(value: float, expected: float) -> None:
    from mpmath import mpf

    assert ulps(np.float64(value), mpf(1), 1.0, np.dtype(float)) == expected
    assert ulps(np.float64(value), mpf(1), 4.0, np.dtype(float)) == expected / 4


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("case", [case for case in CASES if case.data is not None], ids=lambda case: case.name)
def test_missing_data_are_propagated(case: Case) -> None:
    given = as_type(next(iter(case.points.values())), "float64")
    given[case.data] = np.full_like(given[case.data], np.nan)
    value, gradient = compiled(case).value_and_gradient(**given)
    assert np.isnan(value) and any(np.isnan(part).any() for part in gradient)
