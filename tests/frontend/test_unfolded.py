"""Cases that SymPy has folded out of a sum: what they are as one expression, and that spellings give the same code."""

import pytest
from sympy import (
    ITE,
    And,
    Contains,
    Eq,
    FiniteSet,
    IndexedBase,
    Ne,
    Or,
    Piecewise,
    Sum,
    Xor,
    exp,
    piecewise_fold,
    symbols,
)

from symgrad import Model, if_else
from symgrad.frontend.unfolded import unfolded

N = symbols("N", integer=True, positive=True)
i, j = symbols("i j", integer=True)
x, y, z = symbols("x y z", real=True)
u, f = (IndexedBase(name, shape=(N,)) for name in "uf")

FIRST, LAST = Piecewise((0, Eq(i, 0)), (x, True)), Piecewise((y, i < N - 1), (0, True))
FOLDED = {
    "the square of a sum": ((FIRST + LAST - z) ** 2, 2),
    "a multiple of a function": (3 * x * exp(FIRST + 2 * LAST + z), 2),
    "either of two": (z + Piecewise((x, i > 0), (y, True)), 2),
    "under two conditions": ((Piecewise((x + y, And(i > 0, i < N - 1)), (0, True)) - z) ** 2, 4),
    "two indices": (FIRST + LAST + Piecewise((x * y, j > 0), (0, True)) + z, 3),
}


@pytest.mark.parametrize("name", FOLDED)
def test_every_case_has_its_value(name):
    stated, conditions = FOLDED[name]
    folded = piecewise_fold(stated)
    found = unfolded(folded, [i, j, N])
    assert isinstance(folded, Piecewise)
    assert found is not None
    assert not found.has(Piecewise)
    assert sum(1 for part in found.atoms(if_else)) <= conditions
    for length in (1, 2, 4):
        for place in range(length):
            for other in (0, 1):
                at = {N: length, i: place, j: other}
                value = found.xreplace(at).replace(if_else, lambda holds, a, b: a if holds else b)
                assert value == folded.subs(at)


OTHERWISE = {
    "data": (Piecewise((x + y, u[i] > 0), (y, True)), "conditions on data"),
    "values": (Piecewise((x**2, i > 0), (exp(y), True)), "values of two kinds"),
    "either": (Piecewise((x + y, Or(Eq(i, 0), Eq(i, N - 1))), (y, True)), "a term under either of two conditions"),
    "nothing": (Piecewise((x + y, i > 0), (y, i < 3)), "no value for some"),
    "many": (Piecewise(*[(x + n * y, Eq(i, n)) for n in range(5)], (x, True)), "many conditions"),
    "one of two": (Piecewise((x + y, Xor(i < 1, i > 2)), (y, True)), "another operation"),
    "one or the other": (Piecewise((x**2, ITE(i < 1, j < 1, j > 2)), (y**2, True)), "the same"),
    "a set": (Piecewise((x**2, And(i < 3, Contains(i, FiniteSet(1, 2)))), (y**2, True)), "a condition of another kind"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_other_cases_stay_cases(name):
    assert unfolded(OTHERWISE[name][0], [i, j, N]) is None


def stencil(left, right):
    text = Model(Sum((left + right - 2 * u[i] - f[i]) ** 2, (i, 0, N - 1)), [u]).source()
    return text[text.index("def value(") :]


def test_all_spellings_of_the_ends_of_a_stencil_are_slices():
    expected = stencil(if_else(i > 0, u[i - 1], 0), if_else(i < N - 1, u[i + 1], 0))
    assert "where" not in expected
    unequal = Piecewise((u[i - 1], Ne(i, 0)), (0, True)), Piecewise((u[i + 1], i <= N - 2), (0, True))
    ends = Piecewise((0, Eq(i, 0)), (u[i - 1], True)), Piecewise((0, Eq(i, N - 1)), (u[i + 1], True))
    assert stencil(*unequal) == stencil(*ends) == expected
