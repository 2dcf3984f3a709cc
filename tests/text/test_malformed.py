"""Formulas that were mistyped: an error with a place within the text, never another one, and soon."""

import random
import time

import pytest

from symgrad import FormulaError, parse
from symgrad.text.reading import LONGEST
from tests.text.formula_records import RECORDS
from tests.text.test_entries import VALUES

WRONG = 400  # texts that are expected to be wrong
STRANGE = "()[]{}'^.*/+-=,;:<>|!@$\"\\ \n\tx9Σλ∑√²\u200b\x00"


def mistyped(text, rng):
    """A text with one or two characters left out, put in, doubled, exchanged, or cut off."""
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(text))
        text = rng.choice(
            [
                text[:at] + text[at + 1 :],
                text[:at] + rng.choice(STRANGE) + text[at:],
                text[:at] + text[at] + text[at:],
                text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
                text[:at] or "x",
                text[:at] + text[rng.randrange(len(text)) :],
            ]
        )
    return text


def test_mistyped_formulas():
    rng = random.Random(5)
    wrong = set()
    while len(wrong) < WRONG:
        text = mistyped(rng.choice(RECORDS)[1], rng)
        begun = time.process_time()
        try:
            assert parse(text).result is not None
        except FormulaError as error:
            wrong.add(text)
            assert 0 <= error.start <= error.end <= len(text)
            assert error.message
            assert set(str(error)) & set("~^")
        assert time.process_time() - begun < 1, text


COUNTED = [record[0] for record in VALUES]
LATEX = [
    "% subscripts from 0\nC &= \\sum_k (h_{T,k} - Y_k)^2 \\\\ h_{0,k} &= 0 \\\\ h_{t,k} &= \\tanh(h_{t-1,k})",
    r"\sum_i \begin{cases} x_i & \text{if}\;(x_i > 0) \wedge (x_i \neq 2) \\ 0 & \text{otherwise}\end{cases}",
    r"{W_q}_{m,d} = \sum_n A_{nm} B_{nd} \\ \sum_{m,d} {W_q}_{m,d}",
    r"\sum_{i,j} x_i {\operatorname{inverse}_{i,j}(S_{ij})}_{i,j} x_j + |a|",
    r"\max_{0\leq q\leq 1, 0\leq p\leq 1}\,{Z_{1}}_{p,q} + \delta_{pq}",
]


@pytest.mark.parametrize(("texts", "notation"), [(COUNTED, "text"), (LATEX, "latex")])
def test_mistyped_subscripts(texts, notation):
    rng = random.Random(3)
    for _ in range(200):
        text = mistyped(rng.choice(texts), rng)
        begun = time.process_time()
        try:
            assert parse(text, notation=notation).elaborated is not None
        except FormulaError as error:
            assert 0 <= error.start <= error.end <= len(text)
        assert time.process_time() - begun < 1, text


@pytest.mark.parametrize("text", [r"\sum_i {", r"x + {", r"{x_{1}}_{", r"\max_{0\leq", "%", r"\delta_{"])
def test_latex_that_ends_early(text):
    with pytest.raises(FormulaError):
        parse(text, notation="latex")


@pytest.mark.parametrize(
    "text",
    [
        "x" * LONGEST,
        "+".join("x" * 400),
        "+" * 5000 + "x",
        "x" + "'" * 5000,
        "-" * 3000,
        "(" * 9000,
        "x^" * 3000 + "x",
        "1e999999999*x",
        "9" * 15000,
        "0." + "0" * 15000 + "1",
        "x: matrix(99999999999999999999, N)\nx'*x",
        "+".join(f"{letter}{n}*y{n}" for n in range(60) for letter in "xyzw"),
        "*".join(f"X{n}" for n in range(200)),
        "\x00",
        "🙂 + x",
        "sum[i] " * 400 + "x[i]",
        "exp(" * 300 + "x" + ")" * 300,
    ],
    ids=lambda text: text[:20],
)
def test_hostile_formulas(text):
    begun = time.process_time()
    try:
        assert parse(text).result is not None
    except FormulaError as error:
        assert 0 <= error.start <= error.end <= max(len(text), 1)
    assert time.process_time() - begun < 2  # a second, and as much for a slow machine


def test_what_is_no_text():
    with pytest.raises(FormulaError, match="a formula is a text, but was given int"):
        parse(3)
