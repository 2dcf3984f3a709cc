"""Where long formulas are broken: what may begin a line, and what stays together."""

import re

import pytest
from sympy import Symbol, exp, log, symbols

from symgrad.formula import boxes
from symgrad.formula.boxes import Box, Cases, Fence, Fraction, Row, Script, identifier, name_box, number, operator
from symgrad.formula.breaking import SHORT, Bracket, lines, terms, width
from symgrad.formula.layout import layout
from symgrad.formula.mathml import in_lines

LETTERS = [identifier(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]
LONG = Row(tuple(LETTERS[:20]))


def shown(html: str) -> list[str]:
    """The text of every `math` element."""
    return [re.sub("<[^>]*>|&#x206[12];", "", one) for one in re.findall("<math.*?</math>", html)]


def test_a_short_formula_is_one_element() -> None:
    assert shown(in_lines(name_box("y"), layout(Symbol("a") + 1))) == ["y=a+1"]


def test_a_sum_may_be_broken_before_each_term() -> None:
    a, b, c = symbols("alpha beta gamma")
    html = in_lines(name_box("y"), layout(a * b * exp(c) - 5 * b * log(a + c) + c * a))
    assert "".join(shown(html)).replace(" ", "") == "y=αβeγ+αγ−5βlog(α+γ)"
    assert shown(html)[0] == "y=" and [one[0] for one in shown(html)[2:]] == ["+", "−"]
    assert html.count('class="term"') == 3
    # at the beginning of an element a sign would be that of a number
    assert len(re.findall('<math displaystyle="true"><mrow><mo form="infix">[+−]', html)) == 2


def test_a_minus_at_the_beginning_is_no_sign_between_terms() -> None:
    html = in_lines(None, Row((operator("−"), LONG)), "")
    assert '<mo form="infix">' not in html and shown(html)[0].startswith("−a")


@pytest.mark.parametrize(
    "before",
    [
        boxes.upright("log"),
        Script(boxes.upright("softmax"), sub=identifier("k")),
        Script(operator("∑"), sub=identifier("k"), limits=True),
        Fraction(number("1"), number("2")),
        number("3"),
    ],
)
def test_what_belongs_to_the_next_factor_stays_with_it(before: Box) -> None:
    (term,) = terms(Row((*LETTERS[:16], before, Fence(identifier("z")))))
    assert any(piece[-2:] == (before, Fence(identifier("z"))) for piece in term)


def test_a_fraction_of_letters_is_a_factor_like_any_other() -> None:
    slope = Fraction(Row((operator("∂"), identifier("C"))), Row((operator("∂"), identifier("z"))))
    (term,) = terms(Row((*LETTERS[:16], slope, identifier("z"))))
    assert (identifier("z"),) in term


@pytest.mark.parametrize("body", [LONG, Row((Fraction(*LETTERS[:2]), LONG))])
def test_a_bracket_may_be_closed_in_another_line(body: Box) -> None:
    (term,) = terms(Row((boxes.upright("tanh"), Fence(body))))
    brackets = [part for piece in term for part in piece if isinstance(part, Bracket)]
    assert [(part.text, part.opens) for part in brackets] == [("(", True), (")", False)]
    assert {part.large for part in brackets} == {body is not LONG}
    assert term[0][:2] == (boxes.upright("tanh"), brackets[0])
    html = in_lines(None, Row((boxes.upright("tanh"), Fence(body))), "")
    assert html.count('minsize="2.2em"') == (0 if body is LONG else 2)


def test_cases_and_conditions_are_put_below_each_other() -> None:
    condition = Row((*LETTERS[:20], operator("∧"), *LETTERS[:20]))
    box = Cases(((Row((LONG, operator("+"), LONG)), condition), (number("0"), identifier("x"))))
    assert [len(lines(part)) for part in box.rows[0]] == [2, 2]
    assert lines(condition)[1][0] == operator("∧")
    html = in_lines(name_box("y"), box)
    assert html.count("<mtable") == 3 and '<mrow><mo form="infix">∧</mo>' in html


def test_widths_are_about_those_that_are_drawn() -> None:
    a = identifier("a")
    assert width(Row((a, operator("+"), a))) == 4
    assert width(Fraction(LONG, a)) == width(LONG) == 20 > SHORT
    assert width(Script(a, sub=a)) < width(Row((a, a)))
    assert width(boxes.drawn(layout(Symbol("x") ** 2))) < 2
