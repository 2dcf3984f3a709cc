"""What a comparison says of another one, against all orders that two numbers can have."""

import operator
from itertools import product

import pytest
from sympy import Eq, Ge, Gt, Le, Lt, Ne, Symbol

from symgrad.formula.conditions import implied
from symgrad.functions import if_else
from symgrad.graph.build import apply
from symgrad.graph.comparisons import says
from symgrad.graph.nodes import Input, Use, intern
from symgrad.schedule.conditions import Guard, implies

HEADS = {Eq: operator.eq, Ne: operator.ne, Lt: operator.lt, Le: operator.le, Gt: operator.gt, Ge: operator.ge}
PAIRS = list(product((0.0, 1.0, float("nan")), repeat=2))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("other", HEADS)
@pytest.mark.parametrize("one", HEADS)
def test_one_says_another_where_it_holds_for_the_same_numbers(one, other, swapped):
    for holds, wanted in product((True, False), repeat=2):
        where = [(a, b) for a, b in PAIRS if HEADS[one](a, b) == holds]
        follows = all(HEADS[other](*((b, a) if swapped else (a, b))) == wanted for a, b in where)
        assert says(one, other, holds=holds, wanted=wanted, swapped=swapped) == follows


@pytest.mark.parametrize("other", HEADS)
@pytest.mark.parametrize("one", HEADS)
def test_guards_and_formulas_know_the_same(one, other):
    a, b = (Use(intern(Input, (), name, Symbol(name), False), ()) for name in "ab")
    x, y, z = (Symbol(name, real=True) for name in "xyz")
    for holds in (True, False):
        for first, second in ((a, b), (b, a)):
            seen = implies(Guard(apply(one, [a, b]), holds), Guard(apply(other, [first, second]), True))
            sides = (x, y) if first is a else (y, x)
            condition = one(x, y) if holds else ~one(x, y)
            formula = implied(if_else(condition, if_else(other(*sides), z, 2), 3), frozenset())
            # of real numbers more is known: of what is not below the other is at least as large
            assert seen <= (not formula.has(2)), (one, holds, other, first is a)
    assert implies(Guard(apply(Lt, [a, b]), True), Guard(apply(Ne, [b, a]), True))
    assert not implies(Guard(apply(Lt, [a, b]), False), Guard(apply(Ge, [a, b]), True))  # one may be no number


@pytest.mark.parametrize(("known", "asked"), [(Lt, Ne), (Lt, Le), (Eq, Ge), (Gt, Ne)])
def test_a_formula_does_not_ask_again(known, asked):
    x, y, z = (Symbol(name, real=True) for name in "xyz")
    assert implied(if_else(known(x, y), if_else(asked(y, x) if asked is Ne else asked(x, y), z, 2), 3)) == if_else(
        known(x, y), z, 3
    )
