"""Garbage is collected seldom inside, and afterwards as often as before."""

import gc
from collections.abc import Iterator

import pytest
from sympy import Symbol

from symgrad import Model
from symgrad.collector import seldom


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 11, 12)
    yield
    gc.set_threshold(*before)


def test_inside_of_itself_it_changes_nothing() -> None:
    with seldom():
        raised = gc.get_threshold()
        with seldom():
            assert gc.get_threshold() == raised
        assert gc.get_threshold() == raised
        assert raised[0] > 700
        assert raised[1:] == (11, 12)
    assert gc.get_threshold() == (700, 11, 12)


def test_after_an_error_it_is_as_before() -> None:
    with pytest.raises(ZeroDivisionError), seldom():
        1 / 0  # noqa: B018
    assert gc.get_threshold() == (700, 11, 12)


@pytest.mark.parametrize("threshold", [0, 10**6])
def test_who_collects_never_or_more_seldom_goes_on_so(threshold: int) -> None:
    gc.set_threshold(threshold)
    with seldom():
        assert gc.get_threshold()[0] == threshold
    assert gc.get_threshold()[0] == threshold


def test_what_is_set_meanwhile_stays() -> None:
    with seldom():
        gc.set_threshold(500)
    assert gc.get_threshold()[0] == 500


def test_a_collector_that_is_off_stays_off() -> None:
    was = gc.isenabled()
    gc.disable()
    with seldom():
        assert not gc.isenabled()
    assert not gc.isenabled()
    if was:
        gc.enable()


def test_models_collect_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Symbol("x", real=True)
    found = []
    monkeypatch.setattr("symgrad.model.stated.derive", lambda program: found.append(gc.get_threshold()[0]))
    Model(x**2, [x]).derivation  # noqa: B018
    assert found[0] > 700
    assert gc.get_threshold() == (700, 11, 12)
