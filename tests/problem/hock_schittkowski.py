"""Smooth problems of Hock and Schittkowski, with their starts and published minima.

W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes, Lecture Notes in Economics and Mathematical
Systems 187, Springer 1981; the numbers of the problems are theirs. Left out of the first hundred are those whose
functions have kinks or tables, and those without multipliers at their minimum (13) or with more than one (55).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Eq, Expr, Ge, Rational, asin, cos, exp, log, pi, sin, sqrt, symbols

from symgrad import Problem

x1, x2, x3, x4, x5, x6, x7 = X = symbols("x1:8", real=True)
BANANA = 100 * (x2 - x1**2) ** 2 + (1 - x1) ** 2
HALF = Rational(1, 2)
ROOT = sqrt(2)


@dataclass(frozen=True)
class Statement:
    """A problem.

    Attributes
    ----------
    objective : as a function of x1, x2, ...
    minimum : as published.
    start : an entry for each variable.
    zero : expressions that are to be zero.
    least : expressions that are to be at least zero.
    low, high : bounds, None where there are none; a number is that of all variables.
    others : values of other local minima, which some solvers find from this start.
    fails : solvers that do not converge from this start.
    """

    objective: Any
    minimum: float
    start: Sequence[Any]
    zero: Sequence[Expr] = ()
    least: Sequence[Expr] = ()
    low: Any = None
    high: Any = None
    others: Sequence[float] = ()
    fails: Sequence[str] = ()

    def problem(self, name: str = "problem") -> Problem:
        """The problem in the words of the library."""
        variables = X[: len(self.start)]
        pairs = zip(_each(self.low, len(variables)), _each(self.high, len(variables)), strict=True)
        bounds = {x: pair for x, pair in zip(variables, pairs, strict=True) if pair != (None, None)}
        relations = [*(Eq(one, 0) for one in self.zero), *(Ge(one, 0) for one in self.least)]
        return Problem(self.objective, list(variables), subject_to=relations, bounds=bounds, name=name)


def _each(ends: Any, count: int) -> Sequence[Any]:
    return ends if isinstance(ends, tuple) else (ends,) * count


_TANKS = (
    x1**2 + x2**2 + x3**2 + x4**2 + x5**2 - 10,
    x2 * x3 - 5 * x4 * x5,
    x1**3 + x2**3 + 1,
)


def _flow(a: Any, minimum: float) -> Statement:
    """Problems 74 and 75: two generators at a line of three nodes."""
    return Statement(
        3 * x1 + x1**3 / 10**6 + 2 * x2 + Rational(2, 3) * x2**3 / 10**6,
        minimum,
        (0, 0, 0, 0),
        (
            1000 * sin(-x3 - 0.25) + 1000 * sin(-x4 - 0.25) + 894.8 - x1,
            1000 * sin(x3 - 0.25) + 1000 * sin(x3 - x4 - 0.25) + 894.8 - x2,
            1000 * sin(x4 - 0.25) + 1000 * sin(x4 - x3 - 0.25) + 1294.8,
        ),
        (x4 - x3 + a, x3 - x4 + a),
        (0, 0, -a, -a),
        (1200, 1200, a, a),
    )


def _colville() -> Statement:
    """Problem 83: three quantities between limits, as Colville's third."""
    a = 85.334407 + 0.0056858 * x2 * x5 + 0.0006262 * x1 * x4 - 0.0022053 * x3 * x5
    b = 80.51249 + 0.0071317 * x2 * x5 + 0.0029955 * x1 * x2 + 0.0021813 * x3**2
    c = 9.300961 + 0.0047026 * x3 * x5 + 0.0012547 * x1 * x3 + 0.0019085 * x3 * x4
    return Statement(
        5.3578547 * x3**2 + 0.8356891 * x1 * x5 + 37.293239 * x1 - 40792.141,
        -30665.53867,
        (78, 33, 27, 27, 27),
        least=(a, 92 - a, b - 90, 110 - b, c - 20, 25 - c),
        low=(78, 33, 27, 27, 27),
        high=(102, 45, 45, 45, 45),
    )


def _heat() -> Any:
    """The objective of problem 62."""
    first = log((x1 + x2 + x3 + 0.03) / (0.09 * x1 + x2 + x3 + 0.03))
    second = log((x2 + x3 + 0.03) / (0.07 * x2 + x3 + 0.03))
    third = log((x3 + 0.03) / (0.13 * x3 + 0.03))
    return -32.174 * (255 * first + 280 * second + 290 * third)


STATEMENTS: dict[int, Statement] = {
    1: Statement(BANANA, 0, (-2, 1), low=(None, -1.5)),
    2: Statement(BANANA, 0.0504261879, (-2, 1), low=(None, 1.5), others=(4.941229318,)),
    3: Statement(x2 + (x2 - x1) ** 2 / 10**5, 0, (10, 1), low=(None, 0)),
    4: Statement((x1 + 1) ** 3 / 3 + x2, 8 / 3, (1.125, 0.125), low=(1, 0)),
    5: Statement(
        sin(x1 + x2) + (x1 - x2) ** 2 - 1.5 * x1 + 2.5 * x2 + 1, -1.913222955, (0, 0), low=(-1.5, -3), high=(4, 3)
    ),
    6: Statement((1 - x1) ** 2, 0, (-1.2, 1), (10 * (x2 - x1**2),)),
    7: Statement(log(1 + x1**2) - x2, -(3**0.5), (2, 2), ((1 + x1**2) ** 2 + x2**2 - 4,)),
    8: Statement(-1, -1, (2, 1), (x1**2 + x2**2 - 25, x1 * x2 - 9)),
    9: Statement(sin(pi * x1 / 12) * cos(pi * x2 / 16), -0.5, (0, 0), (4 * x1 - 3 * x2,)),
    10: Statement(x1 - x2, -1, (-10, 10), (), (-3 * x1**2 + 2 * x1 * x2 - x2**2 + 1,)),
    11: Statement((x1 - 5) ** 2 + x2**2 - 25, -8.498464223, (4.9, 0.1), (), (-(x1**2) + x2,)),
    12: Statement(HALF * x1**2 + x2**2 - x1 * x2 - 7 * x1 - 7 * x2, -30, (0, 0), (), (25 - 4 * x1**2 - x2**2,)),
    14: Statement((x1 - 2) ** 2 + (x2 - 1) ** 2, 1.393464979, (2, 2), (x1 - 2 * x2 + 1,), (-(x1**2) / 4 - x2**2 + 1,)),
    15: Statement(BANANA, 306.5, (-2, 1), (), (x1 * x2 - 1, x1 + x2**2), high=(0.5, None), others=(360.3797672,)),
    16: Statement(BANANA, 0.25, (-2, 1), (), (x1 + x2**2, x1**2 + x2), (-0.5, None), (0.5, 1), (23.14466090,)),
    17: Statement(BANANA, 1, (-2, 1), (), (x2**2 - x1, x1**2 - x2), (-0.5, None), (0.5, 1)),
    18: Statement(x1**2 / 100 + x2**2, 5, (2, 2), (), (x1 * x2 - 25, x1**2 + x2**2 - 25), (2, 0), 50),
    19: Statement(
        (x1 - 10) ** 3 + (x2 - 20) ** 3,
        -6961.81381,
        (20.1, 5.84),
        (),
        ((x1 - 5) ** 2 + (x2 - 5) ** 2 - 100, -((x2 - 5) ** 2) - (x1 - 6) ** 2 + 82.81),
        (13, 0),
        100,
    ),
    20: Statement(
        BANANA,
        38.19872981,
        (-2, 1),
        (),
        (x1 + x2**2, x1**2 + x2, x1**2 + x2**2 - 1),
        (-0.5, None),
        (0.5, None),
        (40.19872981,),
    ),
    21: Statement(x1**2 / 100 + x2**2 - 100, -99.96, (-1, -1), (), (10 * x1 - x2 - 10,), (2, -50), 50),
    22: Statement((x1 - 2) ** 2 + (x2 - 1) ** 2, 1, (2, 2), (), (-x1 - x2 + 2, -(x1**2) + x2)),
    23: Statement(
        x1**2 + x2**2,
        2,
        (3, 1),
        (),
        (x1 + x2 - 1, x1**2 + x2**2 - 1, 9 * x1**2 + x2**2 - 9, x1**2 - x2, x2**2 - x1),
        -50,
        50,
    ),
    24: Statement(
        ((x1 - 3) ** 2 - 9) * x2**3 / (27 * sqrt(3)),
        -1,
        (1, 0.5),
        (),
        (x1 / sqrt(3) - x2, x1 + sqrt(3) * x2, 6 - x1 - sqrt(3) * x2),
        0,
    ),
    26: Statement((x1 - x2) ** 2 + (x2 - x3) ** 4, 0, (-2.6, 2, 2), ((1 + x2**2) * x1 + x3**4 - 3,)),
    27: Statement((x1 - 1) ** 2 / 100 + (x2 - x1**2) ** 2, 0.04, (2, 2, 2), (x1 + x3**2 + 1,)),
    28: Statement((x1 + x2) ** 2 + (x2 + x3) ** 2, 0, (-4, 1, 1), (x1 + 2 * x2 + 3 * x3 - 1,)),
    29: Statement(-x1 * x2 * x3, -16 * 2**0.5, (1, 1, 1), (), (48 - x1**2 - 2 * x2**2 - 4 * x3**2,)),
    30: Statement(x1**2 + x2**2 + x3**2, 1, (1, 1, 1), (), (x1**2 + x2**2 - 1,), (1, -10, -10), 10),
    31: Statement(9 * x1**2 + x2**2 + 9 * x3**2, 6, (1, 1, 1), (), (x1 * x2 - 1,), (-10, 1, -10), (10, 10, 1)),
    32: Statement(
        (x1 + 3 * x2 + x3) ** 2 + 4 * (x1 - x2) ** 2,
        1,
        (0.1, 0.7, 0.2),
        (1 - x1 - x2 - x3,),
        (6 * x2 + 4 * x3 - x1**3 - 3,),
        0,
    ),
    33: Statement(
        (x1 - 1) * (x1 - 2) * (x1 - 3) + x3,
        2**0.5 - 6,
        (0, 0, 3),
        (),
        (x3**2 - x2**2 - x1**2, x1**2 + x2**2 + x3**2 - 4),
        0,
        (None, None, 5),
        (-4.0,),
    ),
    34: Statement(-x1, -0.834032445, (0, 1.05, 2.9), (), (x2 - exp(x1), x3 - exp(x2)), 0, (100, 100, 10)),
    35: Statement(
        9 - 8 * x1 - 6 * x2 - 4 * x3 + 2 * x1**2 + 2 * x2**2 + x3**2 + 2 * x1 * x2 + 2 * x1 * x3,
        1 / 9,
        (0.5, 0.5, 0.5),
        (),
        (3 - x1 - x2 - 2 * x3,),
        0,
    ),
    36: Statement(
        -x1 * x2 * x3, -3300, (10, 10, 10), (), (72 - x1 - 2 * x2 - 2 * x3,), 0, (20, 11, 42), (), ("SLSQP",)
    ),
    37: Statement(-x1 * x2 * x3, -3456, (10, 10, 10), (), (72 - x1 - 2 * x2 - 2 * x3, x1 + 2 * x2 + 2 * x3), 0, 42),
    38: Statement(
        BANANA
        + 90 * (x4 - x3**2) ** 2
        + (1 - x3) ** 2
        + 10.1 * ((x2 - 1) ** 2 + (x4 - 1) ** 2)
        + 19.8 * (x2 - 1) * (x4 - 1),
        0,
        (-3, -1, -3, -1),
        low=-10,
        high=10,
    ),
    39: Statement(-x1, -1, (2, 2, 2, 2), (x2 - x1**3 - x3**2, x1**2 - x2 - x4**2)),
    40: Statement(-x1 * x2 * x3 * x4, -0.25, (0.8,) * 4, (x1**3 + x2**2 - 1, x1**2 * x4 - x3, x4**2 - x2)),
    41: Statement(2 - x1 * x2 * x3, 52 / 27, (2,) * 4, (x1 + 2 * x2 + 2 * x3 - x4,), (), 0, (1, 1, 1, 2)),
    42: Statement(
        (x1 - 1) ** 2 + (x2 - 2) ** 2 + (x3 - 3) ** 2 + (x4 - 4) ** 2,
        28 - 10 * 2**0.5,
        (1,) * 4,
        (x1 - 2, x3**2 + x4**2 - 2),
    ),
    43: Statement(
        x1**2 + x2**2 + 2 * x3**2 + x4**2 - 5 * x1 - 5 * x2 - 21 * x3 + 7 * x4,
        -44,
        (0,) * 4,
        (),
        (
            8 - x1**2 - x2**2 - x3**2 - x4**2 - x1 + x2 - x3 + x4,
            10 - x1**2 - 2 * x2**2 - x3**2 - 2 * x4**2 + x1 + x4,
            5 - 2 * x1**2 - x2**2 - x3**2 - 2 * x1 + x2 + x4,
        ),
    ),
    44: Statement(
        x1 - x2 - x3 - x1 * x3 + x1 * x4 + x2 * x3 - x2 * x4,
        -15,
        (0,) * 4,
        (),
        (8 - x1 - 2 * x2, 12 - 4 * x1 - x2, 12 - 3 * x1 - 4 * x2, 8 - 2 * x3 - x4, 8 - x3 - 2 * x4, 5 - x3 - x4),
        0,
        others=(-13.0,),
    ),
    45: Statement(2 - x1 * x2 * x3 * x4 * x5 / 120, 1, (2,) * 5, low=0, high=(1, 2, 3, 4, 5)),
    46: Statement(
        (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6,
        0,
        (0.5**0.5, 1.75, 0.5, 2, 2),
        (x1**2 * x4 + sin(x4 - x5) - 1, x2 + x3**4 * x4**2 - 2),
    ),
    48: Statement(
        (x1 - 1) ** 2 + (x2 - x3) ** 2 + (x4 - x5) ** 2,
        0,
        (3, 5, -3, 2, -2),
        (x1 + x2 + x3 + x4 + x5 - 5, x3 - 2 * (x4 + x5) + 3),
    ),
    49: Statement(
        (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6,
        0,
        (10, 7, 2, -3, 0.8),
        (x1 + x2 + x3 + 4 * x4 - 7, x3 + 5 * x5 - 6),
    ),
    50: Statement(
        (x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 2,
        0,
        (35, -31, 11, 5, -5),
        (x1 + 2 * x2 + 3 * x3 - 6, x2 + 2 * x3 + 3 * x4 - 6, x3 + 2 * x4 + 3 * x5 - 6),
    ),
    51: Statement(
        (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        0,
        (2.5, 0.5, 2, -1, 0.5),
        (x1 + 3 * x2 - 4, x3 + x4 - 2 * x5, x2 - x5),
    ),
    52: Statement(
        (4 * x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        1859 / 349,
        (2,) * 5,
        (x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5),
    ),
    53: Statement(
        (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        176 / 43,
        (2,) * 5,
        (x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5),
        (),
        -10,
        10,
    ),
    56: Statement(
        -x1 * x2 * x3,
        -3.456,
        (1, 1, 1, *(float(asin(sqrt(1 / 4.2))),) * 3, float(asin(sqrt(5 / 7.2)))),
        (
            x1 - 4.2 * sin(x4) ** 2,
            x2 - 4.2 * sin(x5) ** 2,
            x3 - 4.2 * sin(x6) ** 2,
            x1 + 2 * x2 + 2 * x3 - 7.2 * sin(x7) ** 2,
        ),
    ),
    60: Statement(
        (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 4,
        0.03256820025,
        (2, 2, 2),
        (x1 * (1 + x2**2) + x3**4 - 4 - 3 * ROOT,),
        (),
        -10,
        10,
    ),
    61: Statement(
        4 * x1**2 + 2 * x2**2 + 2 * x3**2 - 33 * x1 + 16 * x2 - 24 * x3,
        -143.6461422,
        (0, 0, 0),
        (3 * x1 - 2 * x2**2 - 7, 4 * x1 - x3**2 - 11),
        fails=("SLSQP",),  # the Jacobian has a row of zeros but for one entry at the start
    ),
    62: Statement(_heat(), -26272.51448, (0.7, 0.2, 0.1), (x1 + x2 + x3 - 1,), (), 0, 1, (), ("trust-constr",)),
    63: Statement(
        1000 - x1**2 - 2 * x2**2 - x3**2 - x1 * x2 - x1 * x3,
        961.7151721,
        (2, 2, 2),
        (8 * x1 + 14 * x2 + 7 * x3 - 56, x1**2 + x2**2 + x3**2 - 25),
        (),
        0,
    ),
    64: Statement(
        5 * x1 + 50000 / x1 + 20 * x2 + 72000 / x2 + 10 * x3 + 144000 / x3,
        6299.842428,
        (1, 1, 1),
        (),
        (1 - 4 / x1 - 32 / x2 - 120 / x3,),
        1e-5,
    ),
    65: Statement(
        (x1 - x2) ** 2 + (x1 + x2 - 10) ** 2 / 9 + (x3 - 5) ** 2,
        0.9535288567,
        (-5, 5, 0),
        (),
        (48 - x1**2 - x2**2 - x3**2,),
        (-4.5, -4.5, -5),
        (4.5, 4.5, 5),
    ),
    66: Statement(
        0.2 * x3 - 0.8 * x1, 0.5181632741, (0, 1.05, 2.9), (), (x2 - exp(x1), x3 - exp(x2)), 0, (100, 100, 10)
    ),
    71: Statement(
        x1 * x4 * (x1 + x2 + x3) + x3,
        17.0140173,
        (1, 5, 5, 1),
        (x1**2 + x2**2 + x3**2 + x4**2 - 40,),
        (x1 * x2 * x3 * x4 - 25,),
        1,
        5,
    ),
    72: Statement(
        1 + x1 + x2 + x3 + x4,
        727.67937,
        (1,) * 4,
        (),
        (
            0.0401 - 4 / x1 - 2.25 / x2 - 1 / x3 - 0.25 / x4,
            0.010085 - 0.16 / x1 - 0.36 / x2 - 0.64 / x3 - 0.64 / x4,
        ),
        0.001,
        (4e5, 3e5, 2e5, 1e5),
    ),
    73: Statement(
        24.55 * x1 + 26.75 * x2 + 39 * x3 + 40.5 * x4,
        29.89437816,
        (1,) * 4,
        (x1 + x2 + x3 + x4 - 1,),
        (
            2.3 * x1 + 5.6 * x2 + 11.1 * x3 + 1.3 * x4 - 5,
            12 * x1
            + 11.9 * x2
            + 41.8 * x3
            + 52.1 * x4
            - 21
            - 1.645 * sqrt(0.28 * x1**2 + 0.19 * x2**2 + 20.5 * x3**2 + 0.62 * x4**2),
        ),
        0,
    ),
    74: _flow(0.55, 5126.4981),
    75: _flow(0.48, 5174.4129),
    76: Statement(
        x1**2 + HALF * x2**2 + x3**2 + HALF * x4**2 - x1 * x3 + x3 * x4 - x1 - 3 * x2 + x3 - x4,
        -4.681818181,
        (0.5,) * 4,
        (),
        (5 - x1 - 2 * x2 - x3 - x4, 4 - 3 * x1 - x2 - 2 * x3 + x4, x2 + 4 * x3 - 1.5),
        0,
    ),
    77: Statement(
        (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6,
        0.24150513,
        (2,) * 5,
        (x1**2 * x4 + sin(x4 - x5) - 2 * ROOT, x2 + x3**4 * x4**2 - 8 - ROOT),
    ),
    78: Statement(x1 * x2 * x3 * x4 * x5, -2.91970041, (-2, 1.5, 2, -1, -1), _TANKS),
    79: Statement(
        (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 4,
        0.0787768209,
        (2,) * 5,
        (x1 + x2**2 + x3**3 - 2 - 3 * ROOT, x2 - x3**2 + x4 + 2 - 2 * ROOT, x1 * x5 - 2),
    ),
    80: Statement(
        exp(x1 * x2 * x3 * x4 * x5),
        0.0539498478,
        (-2, 2, 2, -1, -1),
        _TANKS,
        (),
        (-2.3, -2.3, -3.2, -3.2, -3.2),
        (2.3, 2.3, 3.2, 3.2, 3.2),
    ),
    81: Statement(
        exp(x1 * x2 * x3 * x4 * x5) - HALF * (x1**3 + x2**3 + 1) ** 2,
        0.0539498478,
        (-2, 2, 2, -1, -1),
        _TANKS,
        (),
        (-2.3, -2.3, -3.2, -3.2, -3.2),
        (2.3, 2.3, 3.2, 3.2, 3.2),
    ),
    83: _colville(),
    100: Statement(
        (x1 - 10) ** 2
        + 5 * (x2 - 12) ** 2
        + x3**4
        + 3 * (x4 - 11) ** 2
        + 10 * x5**6
        + 7 * x6**2
        + x7**4
        - 4 * x6 * x7
        - 10 * x6
        - 8 * x7,
        680.6300573,
        (1, 2, 0, 4, 0, 1, 1),
        (),
        (
            127 - 2 * x1**2 - 3 * x2**4 - x3 - 4 * x4**2 - 5 * x5,
            282 - 7 * x1 - 3 * x2 - 10 * x3**2 - x4 + x5,
            196 - 23 * x1 - x2**2 - 6 * x6**2 + 8 * x7,
            -4 * x1**2 - x2**2 + 3 * x1 * x2 - 2 * x3**2 - 5 * x6 + 11 * x7,
        ),
    ),
}
