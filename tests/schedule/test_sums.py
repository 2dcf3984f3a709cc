"""Sums that are part of longer ones: which are found, and how often each is added up."""

from sympy import Eq, IndexedBase, Mod, Rational, Sum, Symbol, symbols

from symgrad import Model
from symgrad.graph.build import add
from symgrad.graph.nodes import Add, Input, Named, Use, intern, postorder
from symgrad.schedule.sums import share_sums

N, M = symbols("N M", integer=True, positive=True)
i, j = symbols("i j", integer=True)


def matrix(name, *shape):
    return intern(Input, shape, name, Symbol(name), False)


A, B, C, D = (matrix(name, N, M) for name in "ABCD")
T = matrix("T", M, N)


def over(*letters):
    return lambda node: Use(node, letters)


def sums(roots):
    return [node for node in postorder([root.node for root in roots]) if isinstance(node, Add)]


def test_a_multiple_of_a_sum_is_one_term():
    at = over("n", "m")
    short = add([(1, at(A)), (-1, at(B)), (2, Use(T, ("m", "n")))])
    long = add([(3, at(A)), (-3, at(B)), (6, Use(T, ("m", "n"))), (1, at(D))])
    first, second = share_sums([short, long])
    assert isinstance(first.node, Named)
    assert {use.node: c for c, use in second.node.terms} == {first.node: 3, D: 1}
    assert len(sums([first, second])) == 2


def test_letters_have_to_fit():
    square = [matrix(name, N, N) for name in "EFGH"]
    straight = [(1, Use(node, ("n", "m"))) for node in square[:3]]
    turned = [(1, Use(node, ("m", "n"))) for node in square[:3]]
    mixed = [*straight[:2], turned[2]]
    last = (Rational(1, 2), Use(square[3], ("n", "m")))
    _, second = share_sums([add(straight), add([*turned, last])])
    assert len(second.node.terms) == 2
    assert {use.letters for _, use in second.node.terms} == {(0, 1), (1, 0)}
    roots = [add(straight), add([*mixed, last])]
    assert share_sums(roots) == roots


def test_a_sum_and_its_multiple_are_one():
    at = over("n", "m")
    twice, once = add([(4, at(A)), (-2, at(B))]), add([(-2, at(A)), (1, at(B))])
    first, second = share_sums([twice, once])
    assert isinstance(second.node, Named) and first == add([(-2, second)])
    assert share_sums([once, add([(1, at(A)), (1, at(B))])])[0] == once


def test_other_multiples_and_two_terms_stay():
    at = over("n", "m")
    short, wrong = [(1, at(A)), (1, at(B)), (1, at(C))], [(2, at(A)), (2, at(B)), (3, at(C)), (1, at(D))]
    for roots in ([add(short), add(wrong)], [add(short[:2]), add([*short, (1, at(D))])]):
        assert share_sums(roots) == roots


def test_a_name_of_the_model_is_the_sum_that_it_stands_for():
    x, r, f = (IndexedBase(name, shape=(N,)) for name in "xrf")
    residual = x[Mod(i + 1, N)] - 2 * x[i] + x[Mod(i - 1, N)] - f[i]
    text = Model(Sum(r[i] ** 2 + residual * f[i], (i, 0, N - 1)), [x], where=[Eq(r[i], residual)]).source()
    text = text.split("def value(")[1].split("\ndef ")[0]
    assert text.count("+= x[1:]") == 1 and "% N" not in text
