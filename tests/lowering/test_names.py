"""What is named is decided by what there is to read and how often it is, not by how long names are."""

import re

import pytest
from sympy import IndexedBase, MatrixSymbol, Sum, atan, symbols, tanh

from symgrad import Model, total
from symgrad.statements.operations import weight
from tests.statements.written import M, N, Writing, arrays

K = symbols("K", integer=True, positive=True)
n, k = symbols("n k", integer=True)


def lines(model: Model) -> list[str]:
    """The statements of the gradient, without its arguments."""
    text = model.source().split("def gradient(")[1].split("\n\n\n")[0]
    return [line.strip() for line in text.splitlines() if re.match(r"    \w+ = ", line)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", 4),  # operators count nothing
        ("exp(a) * 2", 5),
        ("A.T", 5),
        ("A[:, None]", 4),
        ("A[:2]", 4),
        ("summed(A, axis=0)", 6),
    ],
)
def test_how_much_there_is_to_read(expression: str, expected: int) -> None:
    written = Writing({**arrays("a b", N), **arrays("A", N, M)})
    (result,) = written.body("", expression).results
    assert weight(result) == expected


@pytest.mark.parametrize("length", [1, 40])
def test_long_names_do_not_split_an_expression(length: int) -> None:
    x, y = (IndexedBase(letter * length, shape=(N,)) for letter in "xy")
    model = Model(Sum(atan(x[n]) * y[n] ** 2, (n, 0, N - 1)), [x])
    made = [line.replace("x" * length, "x").replace("y" * length, "y") for line in lines(model)]
    assert made == ["grad_x = y ** 2 / (x ** 2 + 1)"]


def test_rows_picked_by_data_are_picked_once_and_a_slice_is_written_where_it_is_read() -> None:
    x, label = IndexedBase("x", shape=(K,)), IndexedBase("label", shape=(N,), integer=True)
    picked = lines(Model(Sum(tanh(x[label[n]]) * x[label[n]], (n, 0, N - 1)), [x]))
    assert "gather_x = x[label]" in picked and "".join(picked).count("x[label]") == 1
    sliced = lines(Model(Sum(tanh(x[k + 1]) * x[k + 1], (k, 0, K - 2)), [x]))
    assert sum(line.count("x[1:]") for line in sliced) > 1 and not any(line.startswith("gather") for line in sliced)


def test_a_result_with_much_to_read_has_the_name_of_the_result() -> None:
    A = MatrixSymbol("A", N, N)
    made = lines(Model(total(A * A * A * A), [A]))
    assert made[-1].startswith("grad_A = ") and "grad_A_2" not in "".join(made)
