"""What is claimed of arrays whose axes change places is true of their entries."""

from itertools import permutations

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, And, Eq, Ge, Gt, Max, Pow, Product, Rational, S, Symbol, atan2, cos, exp, sin

from symgrad.functions import LogSumExp, MaxOver, if_else, relu
from symgrad.graph.build import (
    ADJUGATE,
    CHOLESKY,
    DET,
    INVERSE,
    ONE,
    SOFTMAX,
    SUM_UP_TO,
    ZERO,
    add,
    apply,
    auxiliary,
    axis_map,
    const,
    delta,
    gather,
    matrix_function,
    mul,
    named,
    power,
    product_of_powers,
    reduce,
    scale,
)
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Use, postorder
from symgrad.graph.symmetry import sign_under, symmetric, transposed

from .random_terms import ARGUMENTS, SIZES, N, inputs, many, terms


def of(name, *letters):
    return Use(ARGUMENTS[name], letters)


def minus(left, right):
    return add([(S.One, left), (S.NegativeOne, right)])


def turned(use):
    return relabel(use, {"i": "j", "j": "i"})


def sign_of(use):
    """The sign of a term when i and j change places; both are its letters."""
    order = [use.letters.index(x) for x in relabel(use, {"i": "j", "j": "i"}).letters]
    return sign_under(use.node, tuple(order))


x, y, A, B, D, s = of("x", "i"), of("y", "i"), of("A", "i", "j"), of("B", "i", "j"), of("D", "i", "j"), of("s")
skew = minus(A, turned(A))
step = minus(x, turned(x))  # x[i] - x[j]
even = add([(S.One, A), (S.One, turned(A))])
negative = apply(Ge, [ZERO, s])
distance = mul([product_of_powers([(minus(of("A", "i", "k"), of("A", "j", "k")), S(2))])], {"k": N})


def when(yes, no, condition=negative):
    return apply(if_else, [condition, yes, no])


def squared(use):
    return power(use, const(S(2)))


# a term over i and j, and its sign when they change places; what has none is near to something that has one
CLAIMS = {
    "matrix": (A, None),
    "symmetric by a fact": (B, 1),
    "identity": (mul([delta("i", "j", N), x]), 1),
    "sum": (even, 1),
    "difference": (skew, -1),
    "difference of a vector": (step, -1),
    "difference of two vectors": (minus(x, turned(y)), None),
    "sum with another matrix": (add([(S.One, skew), (S.One, B)]), None),
    "difference with another coefficient": (add([(S(2), A), (S(-1), turned(A))]), None),
    "plus one": (add([(S.One, skew), (S.One, ONE)]), None),
    "square": (squared(skew), 1),
    "fourth power": (power(skew, const(S(4))), 1),
    "cube": (power(skew, const(S(3))), -1),
    "reciprocal": (power(skew, const(S(-1))), -1),
    "root": (power(skew, const(S.Half)), None),
    "broken even power": (power(skew, const(Rational(2, 3))), None),
    "power to an array": (apply(Pow, [skew, of("s")]), None),
    "two to the power": (apply(Pow, [const(S(2)), skew]), None),
    "power of a symmetric one to an array": (apply(Pow, [even, of("s")]), 1),
    "product of two": (mul([skew, step]), 1),
    "product of three": (mul([skew, step, minus(y, turned(y))]), -1),
    "product with another matrix": (mul([skew, A]), None),
    "sine": (apply(sin, [skew]), -1),
    "cosine": (apply(cos, [skew]), 1),
    "absolute value": (apply(Abs, [skew]), 1),
    "exponential": (apply(exp, [skew]), None),
    "positive part": (apply(relu, [skew]), None),
    "exponential of a distance": (apply(exp, [scale(S.NegativeOne, distance)]), 1),
    "angle": (apply(atan2, [skew, even]), None),
    "first branch": (when(skew, ZERO), -1),
    "second branch": (when(ZERO, skew), -1),
    "second branch of two": (when(B, skew), None),
    "first branch of two": (when(skew, B), None),
    "both branches": (when(skew, step), -1),
    "symmetric branches": (when(even, B), 1),
    "square of a branch": (squared(when(ZERO, skew)), 1),
    "branch times the same": (mul([when(ZERO, skew), skew]), 1),
    "one in the second branch": (when(skew, ONE), None),
    "antisymmetric condition": (when(ONE, ZERO, apply(Gt, [skew, ZERO])), None),
    "condition on one index": (when(even, ZERO, apply(Gt, [x, ZERO])), None),
    "condition of a condition": (when(ZERO, when(ZERO, skew), apply(Gt, [even, ZERO])), -1),
    "condition that both meet": (when(even, ZERO, apply(And, [apply(Gt, [x, s]), apply(Gt, [turned(x), s])])), 1),
    "where both are equal": (when(skew, even, apply(Eq, [x, turned(x)])), None),
    "skew where both are equal": (when(skew, step, apply(Eq, [x, turned(x)])), -1),
    "third argument": (apply(if_else, [apply(Gt, [x, ZERO]), ONE, skew]), None),
    "maximum": (apply(Max, [x, turned(x)]), 1),
    "maximum of two vectors": (apply(Max, [x, turned(y)]), None),
    "maximum of two antisymmetric ones": (apply(Max, [skew, step]), None),
    "maximum of an antisymmetric one and its square": (apply(Max, [skew, squared(skew)]), None),
    "quadratic form": (mul([of("A", "k", "i"), of("B", "k", "l"), of("A", "l", "j")], dict.fromkeys("kl", N)), 1),
    "bilinear form": (mul([of("A", "k", "i"), of("A", "k", "l"), of("A", "l", "j")], dict.fromkeys("kl", N)), None),
    "antisymmetric form": (
        mul([of("A", "k", "i"), relabel(skew, {"i": "k", "j": "l"}), of("A", "l", "j")], dict.fromkeys("kl", N)),
        -1,
    ),
    "sum over letters that change places": (
        mul([of("T", "i", "k", "l"), of("T", "j", "l", "k")], dict.fromkeys("kl", N)), 1
    ),
    "not those letters": (mul([of("T", "i", "k", "l"), of("T", "j", "k", "k")], dict.fromkeys("kl", N)), None),
    "largest sum": (reduce(LogSumExp, add([(S.One, of("A", "i", "k")), (S.One, of("A", "j", "k"))]), {"k": N}), 1),
    "largest difference": (reduce(LogSumExp, minus(of("A", "i", "k"), of("A", "j", "k")), {"k": N}), None),
    "product over an index": (reduce(Product, mul([of("A", "i", "k"), of("A", "j", "k")]), {"k": N}), 1),
    "product of differences": (reduce(Product, minus(of("A", "i", "k"), of("A", "j", "k")), {"k": N}), None),
    "softmax over both": (axis_map(SOFTMAX, even, {"i": N, "j": N}), 1),
    "softmax over one": (axis_map(SOFTMAX, even, {"j": N}), None),
    "softmax of differences": (axis_map(SOFTMAX, skew, {"i": N, "j": N}), None),
    "running sums over both": (axis_map(SUM_UP_TO, even, {"i": N, "j": N}), None),
    "inverse": (matrix_function(INVERSE, B, "i", "j", N), 1),
    "inverse of any matrix": (matrix_function(INVERSE, A, "i", "j", N), None),
    "inverse of an antisymmetric one": (matrix_function(INVERSE, skew, "i", "j", N), -1),
    "adjugate": (matrix_function(ADJUGATE, B, "i", "j", N), 1),
    "adjugate of an antisymmetric one": (matrix_function(ADJUGATE, skew, "i", "j", N), None),
    "triangular factor": (matrix_function(CHOLESKY, D, "i", "j", N), None),
    "determinants": (matrix_function(DET, add([(S.One, even), (S.One, of("T", "k", "l", "k"))]), "k", "l", N), 1),
    "determinants of antisymmetric ones": (
        matrix_function(DET, mul([skew, add([(S.One, of("A", "k", "l")), (S.One, B)])]), "k", "l", N), None
    ),
    "name": (auxiliary("name", even), 1),
    "antisymmetric name": (auxiliary("name", skew), -1),
    "name of a branch": (auxiliary("name", when(ZERO, step)), -1),
    "entries at subscripts": (gather(of("B", 0, 1), [of("c", "i"), of("c", "j")]), 1),
    "entries of an antisymmetric array": (gather(relabel(skew, {"i": 0, "j": 1}), [of("c", "i"), of("c", "j")]), -1),
    "entries at other subscripts": (gather(of("A", 0, 1), [of("c", "i"), of("c", "j")]), None),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
def test_a_sign_is_known_where_it_follows_and_nowhere_else(name):
    term, expected = CLAIMS[name]
    assert set(term.letters) == {"i", "j"} and term.node.rank == 2
    assert sign_of(term) == expected
    assert symmetric(term.node) == (expected == 1)
    with mpmath.workdps(40):
        assert_true_of_entries(term.node, GraphEvaluator(inputs(0), SIZES))


def test_axes_that_are_not_the_last_change_places():
    term = mul([of("T", "k", "i", "j"), minus(x, turned(x)), of("T", "k", "j", "i")])
    assert sign_of(term) == -1
    node = named("name", Symbol("name"), (N, N, N), relabel(term, {"i": 2, "j": 0, "k": 1}))
    assert {order: sign_under(node, order) for order in ((2, 1, 0), (1, 0, 2), (0, 2, 1))} == {
        (2, 1, 0): -1,
        (1, 0, 2): None,
        (0, 2, 1): None,
    }


def test_axes_of_equal_length_by_chance_do_not_change_places():
    left, right = of("x", "i"), relabel(apply(sin, [of("x", "i")]), {"i": "j"})
    assert sign_of(mul([left, right])) is None
    assert not symmetric(mul([left, Use(ARGUMENTS["y"], ("j",))]).node)


def test_a_deep_term_takes_no_recursion():
    term = even
    for _ in range(3000):
        term = apply(sin, [add([(S.One, term), (S.One, B)])])
    # no node has been asked for the exchange of other axes than the last two before
    lifted = apply(sin, [mul([term, of("x", "k")])])
    assert (
        sign_under(lifted.node, tuple(lifted.letters.index({"i": "j", "j": "i"}.get(x, x)) for x in lifted.letters))
        == 1
    )


def assert_true_of_entries(node, evaluate):
    """Every sign that is claimed of a node's axes, of whatever order, is that of its entries."""
    for order in permutations(range(node.rank)):
        sign = sign_under(node, order)
        if sign is not None:
            whole = evaluate(Use(node, tuple(range(node.rank))), node.rank)
            moved = evaluate(Use(node, order), node.rank)
            for one, other in zip(whole.flat, moved.flat, strict=True):
                same = one == other if isinstance(one, bool) else _near(one, other * sign)
                assert same, f"{node} over {order} has not the sign {sign}: {one} and {other}"


def _near(one, other):
    both_undefined = mpmath.isnan(one) and mpmath.isnan(other)
    return both_undefined or one == other or mpmath.almosteq(one, other, 1e-20, 1e-20)


@many
@given(terms(), st.integers(0, 5))
def test_what_is_claimed_of_random_terms_is_true(use, seed):
    with mpmath.workdps(40):
        evaluate = GraphEvaluator(inputs(seed), SIZES)
        for node in postorder([use.node]):
            assert_true_of_entries(node, evaluate)


OF_EITHER_SPELLING = {
    "sum": lambda u: add([(S.One, u), (S.One, x)]),
    "product": lambda u: mul([u, x], {"j": N}),
    "softmax": lambda u: axis_map(SOFTMAX, u, {"j": N}),
    "softmax over both": lambda u: axis_map(SOFTMAX, u, {"i": N, "j": N}),
    "running sums": lambda u: axis_map(SUM_UP_TO, u, {"i": N}),
    "largest": lambda u: reduce(MaxOver, u, {"j": N}),
    "largest of all": lambda u: reduce(MaxOver, u, {"i": N, "j": N}),
    "sine": lambda u: apply(sin, [u]),
    "larger": lambda u: apply(Max, [u, x]),
    "branch": lambda u: when(u, ZERO, apply(Gt, [x, ZERO])),
    "both branches": lambda u: when(u, turned(u), apply(Gt, [x, turned(y)])),
    "inverse": lambda u: matrix_function(INVERSE, u, "i", "j", N),
    "name": lambda u: auxiliary("name", u),
}


@pytest.mark.parametrize("name", OF_EITHER_SPELLING)
def test_a_symmetric_matrix_and_its_transpose_are_one_operand(name):
    make = OF_EITHER_SPELLING[name]
    for matrix in (B, even, apply(cos, [skew])):
        one, other = make(matrix), make(turned(matrix))
        assert one.node is other.node
        assert one == other or (symmetric(one.node) and transposed(one) == other)
