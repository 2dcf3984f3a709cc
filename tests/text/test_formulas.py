"""Every formula of the records: its gradient as printed, and against differences of an interpreter of the tree."""

import numpy as np
import pytest

from symgrad import Model, parse
from tests.text.evaluation import Interpreter, differences, draw
from tests.text.formula_records import RECORDS

EVERY = 5  # of so many records one is compared with differences when a part of the suite is run


def numerical(number):
    return pytest.param(
        *RECORDS[number][1:3], id=RECORDS[number][0], marks=[pytest.mark.long] if number % EVERY else []
    )


def test_there_are_enough_and_none_twice():
    texts = [(text, by) for _, text, by, _ in RECORDS]
    assert len(texts) >= 200
    repeated = {name for name, text, by, _ in RECORDS if texts.count((text, by)) > 1}
    assert not repeated - {"63", "124"}  # which the book has twice


@pytest.mark.parametrize(("text", "by", "expected"), [record[1:] for record in RECORDS], ids=[r[0] for r in RECORDS])
def test_gradient_as_printed(text, by, expected):
    shown = Model.from_text(text, by).show().rpartition("Gradient\n")[2].strip()
    assert shown.partition(" = ")[2] == expected


@pytest.mark.parametrize(("text", "by"), [numerical(number) for number in range(len(RECORDS))])
def test_gradient_is_that_of_the_text(text, by):
    formula = parse(text)
    names = [size for symbol in formula.reading.symbols for size in symbol.declared.sizes if not size.isdigit()]
    sizes = {name: 6 - n for n, name in enumerate(dict.fromkeys(names))}  # N > M, as XᵀX is to have an inverse
    rng = np.random.default_rng(3)
    values = {symbol.name: draw(symbol, sizes, rng) for symbol in formula.reading.symbols}
    module = {"__name__": "written"}
    exec(compile(Model.from_text(formula, by).source(), "written", "exec"), module)
    given = {f"{name}_" if name == "lambda" else name: _plain(values[name]) for name in values}
    value, gradient = module["value_and_gradient"](**given)
    assert value == pytest.approx(Interpreter(formula.reading, sizes, values).result().item(), rel=1e-10, abs=1e-10)
    expected = differences(formula.reading, sizes, values, by).ravel()
    # differences are right to 1e-9 of the value; a wrong sign or factor is an error of the order of the gradient
    assert np.ravel(gradient[0]) == pytest.approx(expected, rel=1e-6, abs=1e-6 * max(1, abs(value)))


def _plain(array):
    """As users pass it: scalars as numbers, vectors with one axis."""
    return array.item() if array.size == 1 and array.ndim == 2 else array.ravel() if 1 in array.shape[1:] else array
