"""The numbers of terms, by the definitions of the kinds: what no other test of the graph asks of them."""

import pytest
from mpmath import mpf
from sympy import IndexedBase, S, Symbol

from symgrad.errors import UnsupportedError
from symgrad.functions import if_else
from symgrad.graph.build import boolean, previous
from symgrad.graph.evaluation import GraphEvaluator, position, reals
from symgrad.graph.node import Use, intern, own
from symgrad.graph.nodes import Apply, State

T = Symbol("T", integer=True, positive=True)


@pytest.mark.parametrize("condition", [True, False])
def test_a_constant_condition_chooses(condition: bool) -> None:
    yes, no = Use(intern(Apply, (), if_else, (boolean(True), boolean(True), boolean(False))), ()), boolean(False)
    chosen = Use(intern(Apply, (), if_else, (boolean(condition), yes, no)), ())
    assert GraphEvaluator({}, {})(chosen).item() is condition


def test_a_step_of_a_recurrence_has_no_value_outside_of_it() -> None:
    placeholder = previous("a recurrence", State("h", IndexedBase("h"), (T,), 0, 1), T, 1)
    with pytest.raises(UnsupportedError, match=r"Previous .* evaluation outside of its recurrence"):
        GraphEvaluator({}, {T: 3})(own(placeholder), 1)


def test_a_subscript_is_a_position_none_or_an_error() -> None:
    assert position([mpf(1), mpf(2)], (2, 3)) == (1, 2)
    assert position([mpf(1), mpf("nan")], (2, 3)) is None
    with pytest.raises(IndexError, match="out of range"):
        position([mpf(-1)], (2,))


def test_numbers_are_taken_exactly() -> None:
    assert reals([0.1, 3]).tolist() == [mpf(0.1), mpf(3)] and reals(S(2).p).item() == 2
