"""Functions of Python's numbers do what NumPy's do, in doubles and where Python alone would raise an error."""

import itertools
import math
import struct

import numpy as np
import pytest

from symgrad.runtime import floats
from symgrad.targets.numpy.functions import FLOAT_FUNCTIONS

SPECIAL = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.3,
    3.0,
    -2.0,
    800.0,
    -800.0,
    1e200,
    -1e200,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
)
TWO = {"maximum", "minimum", "pow", "quotient", "logaddexp"}
NUMPYS = {"pow": np.float_power, "quotient": np.divide, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}


@pytest.mark.parametrize("name", FLOAT_FUNCTIONS)
def test_they_agree_with_numpy_at_every_kind_of_number(name):
    found = getattr(floats, f"_float_{name}")
    known = NUMPYS.get(name) or getattr(np, name)
    for given in itertools.product(SPECIAL, repeat=2 if name in TWO else 1):
        with np.errstate(all="ignore"):
            one, other = found(*given), float(known(*map(np.float64, given)))
        assert type(one) is float, given
        if not abs(one - other) <= 4e-16 * abs(other):  # those of a few ulps, or infinite, or none
            assert struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other), given


@pytest.mark.parametrize("name", [name for name in FLOAT_FUNCTIONS if name not in ("maximum", "minimum")])
def test_zeros_have_the_signs_of_numpys(name):
    found = getattr(floats, f"_float_{name}")
    known = NUMPYS.get(name) or getattr(np, name)
    for given in itertools.product((0.0, -0.0, 1.0, -1.0), repeat=2 if name in TWO else 1):
        with np.errstate(all="ignore"):
            one, other = found(*given), float(known(*map(np.float64, given)))
        assert one != one or math.copysign(1, one) == math.copysign(1, other), given
