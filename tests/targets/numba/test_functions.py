"""The functions of kernels are right to two units in the last place, against mpmath, and keep infinities and nan."""

from typing import Any

import mpmath
import numpy as np
import pytest

from symgrad.targets.numba import runtime

RNG = np.random.default_rng(0)
NEAR = RNG.uniform(-2, 2, 300)
SMALL = 10.0 ** RNG.uniform(-320, -1, 200)
POSITIVE = np.concatenate([10.0 ** RNG.uniform(-320, 308, 300), RNG.uniform(0.4, 2.5, 300), 1 + 1e-8 * NEAR])
CASES: dict[str, tuple[Any, Any, np.ndarray]] = {
    "_exp": (mpmath.exp, np.exp, np.concatenate([RNG.uniform(-745, 709.7, 300), NEAR])),
    "_expm1": (mpmath.expm1, np.expm1, np.concatenate([RNG.uniform(-745, 709.7, 300), NEAR, SMALL, -SMALL])),
    "_log": (mpmath.log, np.log, POSITIVE),
    "_log1p": (mpmath.log1p, np.log1p, np.concatenate([POSITIVE, RNG.uniform(-0.999999, 1, 300), -SMALL])),
    "_tanh": (mpmath.tanh, np.tanh, np.concatenate([RNG.uniform(-30, 30, 300), NEAR, SMALL])),
    "_entry_sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), None, np.concatenate([RNG.uniform(-745, 50, 300), NEAR])),
}
EDGES = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -1.0, 1.0, -2.0, 1e308, -1e308, 5e-324, 709.79, -746.0])


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_right_to_two_units_in_the_last_place(name: str):
    exact, _, grid = CASES[name]
    function = getattr(runtime, name)
    with mpmath.workprec(120), np.errstate(all="ignore"):
        off = [abs(mpmath.mpf(float(function(x))) - exact(mpmath.mpf(float(x)))) for x in grid]
        unit = [float(np.spacing(abs(float(exact(mpmath.mpf(float(x))))))) for x in grid]
    assert max(float(error / one) for error, one in zip(off, unit, strict=True)) <= 2


@pytest.mark.parametrize("name", [name for name, (_, numpy, _) in CASES.items() if numpy is not None])
def test_a_function_is_numpys_at_its_edges(name: str):
    with np.errstate(all="ignore"):
        got = np.array([getattr(runtime, name)(x) for x in EDGES], dtype=float)
        wanted = CASES[name][1](EDGES)
    np.testing.assert_allclose(got, wanted, rtol=1e-15)
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(wanted[~np.isnan(wanted)]))
