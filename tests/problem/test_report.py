"""The report of a problem: whole, readable, with the patterns that the module has."""

import re

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Le, Sum, symbols

from symgrad import Problem
from symgrad.inspect.sparsity import WIDTH, sparsity
from tests.inspect.test_report import assert_whole

N = symbols("N", integer=True, positive=True)
n = symbols("n", integer=True)


@pytest.fixture(scope="module")
def text() -> str:
    u, s = IndexedBase("u", (N,)), symbols("s", real=True)
    problem = Problem(
        s + Sum(u[n] ** 2, (n, 0, N - 1)),
        [u, s],
        subject_to={"step": Eq(u[n + 1], u[n] ** 2), "top": Le(u[0], s)},
        name="chain <&>",
    )
    done: list[str] = []
    report = problem.report(seed=2, progress=done.append)
    assert report.check.ok and report.check.seed == 2
    assert done == ["deriving the derivatives", "checking them", "drawing"]
    return report.html


def test_the_page_is_whole_and_needs_nothing_else(text: str) -> None:
    assert_whole(text)
    assert "<title>chain &lt;&amp;&gt;: the problem and its check</title>" in text
    assert text.count("<svg") == 3 and "derivatives checked" in text


def test_the_pictures_have_the_entries(text: str) -> None:
    assert "N = 12" in text
    squares = [path.count("M") for path in re.findall(r'class="entry" d="([^"]*)"', text)]
    assert squares == [2 * 11 + 2, 12]  # of eleven steps two each and the first entry with its bound; a diagonal
    assert "12 × 13, 24 entries" in text and "13 × 13, 12 entries" in text


def test_squares_stand_at_their_places_and_large_matrices_share_them() -> None:
    picture = sparsity("m", "M", ([("a", 2)], [("b", 1), ("c", 3)]), np.array([0, 1]), np.array([0, 3]))
    (path,) = re.findall(r'class="entry" d="([^"]*)"', picture)
    places = [tuple(map(float, place)) for place in re.findall(r"M([\d.]+) ([\d.]+)", path)]
    wide = (WIDTH - 84 - 8) / 4
    assert places == [(84, 34), (84 + 3 * wide, 34 + wide)]
    assert picture.count('class="border"') == 1 and re.findall(r">(\w)</text>", picture) == ["a", "b", "c"]
    side = np.arange(9000)
    large = sparsity("m", "M", ([("a", 9000)], [("a", 9000)]), side, side)
    assert large.count("h1.23") == 300 and "9000 rows, 9000 columns, 9000 entries" in large
