"""What is said of the entries of a term is true of all of them."""

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, Ge, Max, Min, Pow, Product, Rational, S, cosh, exp, log, sinh

from symgrad.functions import LogSumExp, MaxOver, if_else, relu, sigmoid, softplus
from symgrad.graph.build import (
    LOG_SOFTMAX,
    ONE,
    SOFTMAX,
    ZERO,
    add,
    apply,
    auxiliary,
    axis_map,
    const,
    delta,
    gather,
    index,
    mul,
    power,
    product_of_powers,
    reduce,
    scale,
    scatter,
    size,
)
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.facts import (
    is_integral,
    is_never_zero,
    is_nonnegative,
    is_positive,
    is_probability,
    is_sum_of_squares,
)
from symgrad.graph.nodes import Use, postorder

from .random_terms import ARGUMENTS, SIZES, M, N, inputs, many, terms


def of(name, *letters):
    return Use(ARGUMENTS[name], letters)


A, B, x, y, p, s = of("A", "i", "j"), of("B", "i", "j"), of("x", "i"), of("y", "i"), of("p", "i"), of("s")
above = apply(Ge, [s, ZERO])


def raised(use, exponent):
    return power(use, const(exponent * S.One))


def plus(*uses):
    return add([(S.One, use) for use in uses])


square, minus = raised(x, 2), scale(S.NegativeOne, x)

# a term, whether it is known not to be negative, to be positive, and to be a sum of squares
CLAIMS = {
    "argument": (x, False, False, False),
    "positive argument": (p, True, True, False),
    "square": (square, True, False, True),
    "negative even power": (raised(x, -2), True, False, False),
    "cube": (raised(x, 3), False, False, False),
    "cube of a positive one": (raised(p, 3), True, True, False),
    "root": (raised(x, S.Half), False, False, False),
    "broken even power": (raised(x, Rational(2, 3)), False, False, False),
    "product": (mul([x, y]), False, False, False),
    "product of squares": (mul([square, raised(y, 2)]), True, False, True),
    "product with a square": (mul([square, y]), False, False, False),
    "sum of squares": (plus(square, raised(y, 2)), True, False, True),
    "weighted sum of squares": (mul([p, square], {"i": N}), True, False, True),
    "sum of squares with a weight of any sign": (mul([y, square], {"i": N}), False, False, False),
    "difference of squares": (add([(S.One, square), (S.NegativeOne, raised(y, 2))]), False, False, False),
    "square and a number": (plus(square, ONE), True, True, False),
    "size": (size(N), True, True, False),
    "difference of sizes": (size(N - M), False, False, False),
    "square of a difference of sizes": (raised(size(N - M), 2), True, False, True),
    "an index from below zero": (index("i", N, S.NegativeOne), False, False, False),
    "identity": (delta("i", "j", N), True, False, False),
    "exponential": (apply(exp, [x]), True, True, False),
    "sum of exponentials": (mul([apply(exp, [A])], {"j": N}), True, True, False),
    "absolute value": (apply(Abs, [x]), True, False, False),
    "hyperbolic cosine": (apply(cosh, [x]), True, True, False),
    "hyperbolic sine": (apply(sinh, [x]), False, False, False),
    "hyperbolic sine of a square": (apply(sinh, [square]), True, False, False),
    "positive part": (apply(relu, [x]), True, False, False),
    "power to an array": (apply(Pow, [x, y]), False, False, False),
    "power of a positive one to an array": (apply(Pow, [p, y]), True, True, False),
    "logarithm": (apply(log, [p]), False, False, False),
    "logarithm of one and a square": (apply(log, [plus(square, ONE)]), True, False, False),
    "logarithm of a half and a square": (apply(log, [plus(square, const(S.Half))]), False, False, False),
    "logarithm of one and any": (apply(log, [plus(x, ONE)]), False, False, False),
    "complement": (add([(S.One, ONE), (S.NegativeOne, apply(sigmoid, [x]))]), False, True, False),
    "complement of twice": (add([(S.One, ONE), (S(-2), apply(sigmoid, [x]))]), False, False, False),
    "branches": (apply(if_else, [above, square, p]), True, False, False),
    "positive branches": (apply(if_else, [above, p, apply(exp, [x])]), True, True, False),
    "a branch of any sign": (apply(if_else, [above, p, x]), False, False, False),
    "another branch of any sign": (apply(if_else, [above, x, p]), False, False, False),
    "branch of zero": (apply(if_else, [above, p, ZERO]), True, False, False),
    "larger of two": (apply(Max, [x, square]), True, False, False),
    "larger of any two": (apply(Max, [x, y]), False, False, False),
    "smaller of two": (apply(Min, [x, square]), False, False, False),
    "smaller of squares": (apply(Min, [raised(y, 2), square]), True, False, False),
    "largest": (reduce(MaxOver, square, {"i": N}), True, False, False),
    "largest of any": (reduce(MaxOver, x, {"i": N}), False, False, False),
    "product over an index": (reduce(Product, p, {"i": N}), True, True, False),
    "logsumexp of squares": (reduce(LogSumExp, mul([p, square]), {"i": N}), False, False, False),
    "softmax": (axis_map(SOFTMAX, x, {"i": N}), True, True, False),
    "logarithm of softmax": (axis_map(LOG_SOFTMAX, x, {"i": N}), False, False, False),
    "name": (auxiliary("name", square), True, False, True),
    "entries": (gather(Use(square.node, (0,)), [of("c", "i")]), True, False, False),
    "entries of any": (gather(of("x", 0), [of("c", "i")]), False, False, False),
    "values added at positions": (scatter(square, [of("c", "i")], (N,), ["j"], {"i": N}), True, False, False),
    "any values added at positions": (scatter(x, [of("c", "i")], (N,), ["j"], {"i": N}), False, False, False),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_sign_is_known_where_it_follows_and_nowhere_else(name):
    term, *expected = CLAIMS[name]
    assert [is_nonnegative(term), is_positive(term), is_sum_of_squares(term)] == expected
    with mpmath.workdps(30):
        for seed in range(3):
            assert_true_of_entries(term.node, GraphEvaluator(inputs(seed), SIZES))


def assert_true_of_entries(node, evaluate):
    use = Use(node, tuple(range(node.rank)))
    entries = [value for value in evaluate(use, node.rank).flat if not mpmath.isnan(value)]
    assert not is_nonnegative(use) or all(value >= 0 for value in entries), f"{node} has a negative entry"
    rounded = any(getattr(part, "head", None) in (exp, sigmoid, softplus, SOFTMAX) for part in postorder([node]))
    assert not is_positive(use) or all(value > 0 or (rounded and value == 0) for value in entries), f"{node} is not > 0"
    assert not is_never_zero(use) or rounded or all(value > 0 for value in entries), f"{node} has a zero"
    assert not is_integral(use) or all(value == mpmath.floor(value) for value in entries), f"{node} is not whole"
    between = all(0 < value < 1 or (rounded and 0 <= value <= 1) for value in entries)
    assert not is_probability(use) or between, f"{node} is not between 0 and 1"


def test_the_root_of_a_square_is_not_its_base_where_that_may_be_negative():
    half = S.Half
    for base in (x, size(N - M), minus, mul([x, y])):
        assert product_of_powers([(raised(base, 2), half)]) not in (base, scale(S.NegativeOne, base))
    assert product_of_powers([(raised(p, 2), half)]) == p


@many
@given(terms(), st.integers(0, 5))
def test_what_is_claimed_of_random_terms_is_true(use, seed):
    with mpmath.workdps(30):
        evaluate = GraphEvaluator(inputs(seed), SIZES)
        for node in postorder([use.node]):
            if not isinstance(evaluate(Use(node, tuple(range(node.rank))), node.rank).flat[0], bool):
                assert_true_of_entries(node, evaluate)
