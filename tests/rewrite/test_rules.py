"""Every rewrite rule, from its record: both sides agree at high precision, and the rule fires on the graph."""

import mpmath
import pytest
from sympy import Float, Symbol

from symgrad.graph.build import number
from symgrad.graph.nodes import Input, Use, intern
from symgrad.graph.scalar import lift
from symgrad.rewrite.engine import Trace, rewrite
from symgrad.rewrite.rules import RULES, x, y

NAMES = [rule.name for rule in RULES]


def _variable(name):
    return Use(intern(Input, (), name, Symbol(name, real=True), False), ())


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_both_sides_agree_at_50_digits(rule):
    for sample in rule.samples:
        at = {x: Float(str(sample), 60), y: Float(str(0.5 - 0.75 * sample), 60)}
        left, right = (side.subs(at).evalf(50) for side in (rule.pattern, rule.replacement))
        with mpmath.workdps(50):
            assert mpmath.almosteq(left._to_mpmath(170), right._to_mpmath(170), rel_eps=mpmath.mpf(10) ** -35)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_no_new_names_appear(rule):
    assert rule.replacement.free_symbols <= rule.pattern.free_symbols


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_the_rule_fires_and_gives_its_replacement(rule):
    at = {x: _variable("u"), y: _variable("v")}
    trace = Trace()
    (made,) = rewrite([lift(rule.pattern, at)], [rule], [], trace)
    assert made == lift(rule.replacement, at)
    assert [name for name, *_ in trace.steps][:1] == [rule.name]


def test_names_are_unique_and_records_are_complete():
    assert len(set(NAMES)) == len(NAMES)
    assert all(rule.reason and rule.source and rule.samples for rule in RULES)


def test_a_pattern_that_almost_matches_is_left_alone():
    from sympy import exp, log

    term = Use(intern(Input, (), "u", Symbol("u", real=True), False), ())
    for expr in (log(2 + exp(x)), log(1 + exp(x) + x), 1 / (2 + exp(x))):
        (made,) = rewrite([lift(expr, {x: term})], [r for r in RULES if r.phase == "recognise"], [], Trace())
        assert made == lift(expr, {x: term})
        assert number(made) is None
