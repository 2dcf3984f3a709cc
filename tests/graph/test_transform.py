"""Terms in place of others: whatever letters both are written in, they are found wherever the node is used."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from sympy import S, sin

from symgrad.graph.build import add, apply, mul
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Input, Use, intern, postorder
from symgrad.graph.transform import own, rebuilt, substitute, transform

from .random_terms import ARGUMENTS, SIZES, M, N, inputs, many, terms

A, x, y = (ARGUMENTS[name] for name in ("A", "x", "y"))


def minus(left, right):
    return add([(S.One, left), (S.NegativeOne, right)])


@pytest.mark.parametrize("letters", [("i", "j"), ("j", "i"), (1, 0), (0, 1), ("a", 7)])
def test_a_term_and_its_image_are_in_the_same_letters_whatever_these_are(letters):
    first, second = letters
    # of sin A[i, j], and of sin A[j, i] + x[j], x[i]·y[j] instead of the sine
    sine, image = apply(sin, [Use(A, (first, second))]), mul([Use(x, (first,)), Use(y, (second,))])
    roots = [
        apply(sin, [Use(A, ("i", "j"))]),
        add([(S.One, apply(sin, [Use(A, ("j", "i"))])), (S.One, Use(x, ("j",)))]),
    ]
    expected = [
        mul([Use(x, ("i",)), Use(y, ("j",))]),
        add([(S.One, mul([Use(x, ("j",)), Use(y, ("i",))])), (S.One, Use(x, ("j",)))]),
    ]
    assert substitute(roots, {sine: image}) == expected


def test_an_image_that_is_spelled_in_the_other_order_is_no_transpose():
    """The negative of a difference has its terms, and so its axes, in another order than the difference."""
    difference = minus(Use(y, ("j",)), apply(sin, [Use(A, ("i", "j"))]))
    negative = minus(apply(sin, [Use(A, ("i", "j"))]), Use(y, ("j",)))
    image = Use(intern(Input, (N, N), "B", ARGUMENTS["B"].symbol, False), ("i", "j"))
    (made,) = substitute([mul([negative, Use(x, ("i",))], {"i": N, "j": N})], {negative: image})
    values = inputs(0) | {"B": np.arange(9.0).reshape(3, 3)}
    assert difference.node is not negative.node
    assert GraphEvaluator(values, SIZES)(made) == mpmath.mpf(float(values["x"] @ values["B"].sum(axis=1)))


def test_an_image_is_refused_whose_letters_the_term_lacks():
    with pytest.raises(ValueError, match="has the letters"):
        substitute([Use(x, ("i",))], {Use(x, ("i",)): Use(A, ("i", "j"))})
    with pytest.raises(ValueError, match="has the letters"):
        substitute([Use(x, ("i",))], {Use(x, ("i",)): Use(y, ("j",))})


def test_a_term_with_a_letter_twice_is_refused():
    with pytest.raises(ValueError, match="a letter twice"):
        substitute([own(A)], {Use(A, ("i", "i")): Use(x, ("i",))})


def test_an_image_of_another_length_is_refused():
    longer = intern(Input, (M,), "x", x.symbol, False)
    with pytest.raises(ValueError, match="length M along axis 0"):
        substitute([own(x)], {own(x): own(longer)})
    same = intern(Input, (N + M - M,), "x", x.symbol, False)
    assert substitute([own(x)], {own(x): own(same)}) == [own(same)]


def test_a_visitor_has_to_answer_in_the_letters_of_the_node():
    with pytest.raises(ValueError, match="the letter 2, which is none of its axes"):
        transform([own(A)], lambda node, uses: relabel(own(node), {1: 2}) if node is A else None)
    with pytest.raises(ValueError, match="which is none of its axes"):
        transform([own(x)], lambda node, uses: Use(A, (0, "i")) if node is x else None)


@many
@given(terms())
def test_a_node_says_of_what_it_is_made(use):
    """As the walk over it finds: rules and phases are not tried on terms without what they are about."""
    for node in postorder([use.node]):
        below = list(postorder([node]))
        assert node.contents == {type(part) for part in below} | {part.head for part in below if hasattr(part, "head")}


def test_what_is_rebuilt_over_its_own_operands_is_itself():
    sine = apply(sin, [Use(A, (0, 1))]).node
    assert rebuilt(sine, sine.uses()) == own(sine)
    assert rebuilt(sine, [Use(A, (1, 0))]) == apply(sin, [Use(A, (1, 0))])
