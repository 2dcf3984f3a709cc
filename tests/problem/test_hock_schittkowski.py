"""The published minima of smooth problems, reached by all solvers."""

import pytest

from tests.problem.hock_schittkowski import STATEMENTS

METHODS = ("trust-constr", "SLSQP", "ipopt")
FEW = (1, 6, 10, 19, 24, 35, 43, 65, 71, 77)  # with bounds, equations, inequalities, and all of these


def _reached(number: int, method: str) -> None:
    statement = STATEMENTS[number]
    if method == "ipopt":
        pytest.importorskip("cyipopt")
    if method in statement.fails:
        pytest.skip("the solver does not converge from this start")
    found = statement.problem(f"problem {number}").solve(statement.start, method=method, check=False, progress=False)
    off = min(abs(found.objective - value) / max(1.0, abs(value)) for value in (statement.minimum, *statement.others))
    assert off < 2e-6, found  # as many digits as are published
    assert found.kkt_residual < 2e-4, found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", FEW)
def test_some_minima_are_those_published(number: int, method: str) -> None:
    _reached(number, method)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [number for number in STATEMENTS if number not in FEW])
def test_minima_are_those_published(number: int, method: str) -> None:
    _reached(number, method)


@pytest.mark.long
@pytest.mark.parametrize("number", [15, 43, 62, 74, 83])
def test_their_derivatives_pass_the_check(number: int) -> None:
    report = STATEMENTS[number].problem().check()
    assert report.ok, report


def test_there_are_at_least_sixty() -> None:
    assert len(STATEMENTS) >= 60
