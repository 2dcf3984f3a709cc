"""Products and quotients of powers of scalars, in an order in which nothing leaves the range of float64 on the way."""

import mpmath
import pytest
from sympy import Expr, IndexedBase, Sum, exp, log, pi, sqrt, symbols

from symgrad import Model
from tests.tails import Tail, check_first_order

a, b, c, s = symbols("a b c s", positive=True)
u, m = symbols("u m", real=True)
ALIKE = (1e-300, 1e-200, 1.0, 1e200)

ALL_OF_ONE_SIZE = {
    "quotient": Tail(lambda: a * b / c, lambda a, b, c: a * b / c, dict.fromkeys("abc", ALIKE)),
    "gravity": Tail(lambda: a * b / c**2, lambda a, b, c: a * b / c**2, dict.fromkeys("abc", ALIKE)),
    "variance by mean": Tail(lambda: s**2 / c, lambda s, c: s * s / c, dict.fromkeys("sc", ALIKE)),
    "normal": Tail(
        lambda: -(((u - m) / s) ** 2) / 2 - log(s),
        lambda u, m, s: -(((u - m) / s) ** 2) / 2 - log_of(s),
        {"u": ALIKE, "m": (-2e-300, 3e-201, 0.5, -1e200), "s": ALIKE},
    ),
    "normal by its variance": Tail(
        lambda: -((u - m) ** 2) / (2 * s**2) - log(s),
        lambda u, m, s: -(((u - m) / s) ** 2) / 2 - log_of(s),
        {"u": ALIKE, "m": (-2e-300, 3e-201, 0.5, -1e200), "s": ALIKE},
    ),
    "normal density": Tail(
        lambda: exp(-(((u - m) / s) ** 2) / 2) / (s * sqrt(2 * pi)),
        lambda u, m, s: density(u, m, s),
        {"u": (1.0, 1e150, 1e160, 1e200), "m": (0.5, 0.0, 1e160, 0.0), "s": (1e-150, 1.0, 1e10, 1e200)},
    ),
    "moment of a normal": Tail(
        lambda: u * exp(-(u**2)), lambda u: u * far_exp(-u * u), {"u": (-1e153, 1e-200, 2.0, 1e153)}
    ),
}


def log_of(x):
    return mpmath.log(x)


def far_exp(x):
    return mpmath.exp(x) if x > -5000 else mpmath.mpf(0)


def density(u, m, s):
    return far_exp(-(((u - m) / s) ** 2) / 2) / (s * mpmath.sqrt(2 * mpmath.pi))


@pytest.mark.parametrize("name", ALL_OF_ONE_SIZE)
def test_quotients_of_what_is_alike_are_finite(name: str) -> None:
    check_first_order(ALL_OF_ONE_SIZE[name])


def value_of(loss: Expr) -> str:
    source = Model(loss, sorted(loss.atoms(IndexedBase) or loss.free_symbols, key=str)).source()
    body = source[source.index("def value(") :]
    return next(line.partition(" = ")[2] for line in body.splitlines() if line.startswith("    loss = "))


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (a * b / c, "a / c * b"),
        (a * b / c**2, "a / c * (b / c)"),
        (u**2 / s**2, "(u / s) ** 2"),
        (u / s**3, "u / s / s / s"),
        (u**2 * exp(-a), "np.exp(-a) * u * u"),
        (a * b**2, "a * b ** 2"),
        (a**12 / b**6, "(a / b) ** 6 * a ** 6"),
    ],
    ids=str,
)
def test_factors_are_divided_first(loss: Expr, text: str) -> None:
    assert value_of(loss) == text


def test_arrays_are_passed_over_as_often_as_before() -> None:
    i, n = symbols("i", integer=True), symbols("N", integer=True, positive=True)
    x = IndexedBase("x", shape=(n,))
    whole = Model(Sum(log(1 + x[i] ** 2 / s**2 + exp(x[i]) / s**2), (i, 0, n - 1)), [x]).source()
    assert "x / s" in whole and "/ s ** 2" in whole
    assert "/ s / s" not in whole
