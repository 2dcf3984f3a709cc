"""Formulas that were mistyped: an error with a place within the text, never another one, and soon."""

import random
import time

import pytest

from symgrad import FormulaError, parse
from symgrad.text.reading import LONGEST
from tests.text.formula_records import RECORDS

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
