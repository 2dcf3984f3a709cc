"""Every rewrite rule, from its record: both sides agree at high precision, and the rule fires on the graph."""

from dataclasses import replace

import mpmath
import pytest
from sympy import Symbol

from symgrad.graph.build import number
from symgrad.graph.nodes import Input, Use, intern
from symgrad.graph.scalar import lift
from symgrad.rewrite.engine import Trace, rewrite
from symgrad.rewrite.rules import RULES, x, y

from .accuracy import GOOD, errors, exact_value

NAMES = [rule.name for rule in RULES]


def _variable(name):
    return Use(intern(Input, (), name, Symbol(name, real=True), False), ())


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_both_sides_agree_at_50_digits(rule):
    wide = [-700.0, -5.0, -1.25, -1e-9, 1e-9, 0.7, 1.0, 5.0, 700.0]
    compared = 0
    for sample in [*rule.samples, *wide]:
        at = {x: sample, y: 0.5 - 0.75 * sample}
        left, right = (exact_value(side, at) for side in (rule.pattern, rule.replacement))
        if left is not None:
            assert abs(left - right) <= mpmath.mpf(10) ** -50 * abs(left)
            compared += 1
    assert compared >= len(rule.samples)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_the_replacement_is_never_worse_than_a_good_plain_form(rule):
    found = errors(rule)
    assert len(found.points) > 50
    assert [(found.points[n], found.plain[n], found.replaced[n]) for n in found.worse] == []
    assert found.worst_where_good <= GOOD


def test_what_loses_digits_is_found():
    rule = next(rule for rule in RULES if rule.name == "complement of sigmoid")
    assert errors(rule).cured > 10
    assert errors(replace(rule, pattern=rule.replacement, replacement=rule.pattern)).worse


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
