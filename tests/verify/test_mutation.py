"""A short run of `mutation.py`: wrong gradients are found, right ones raise no alarm."""

import pytest

from .mutation import Trial, alarms, detection

NAMES = ("softmax", "factorisation", "logistic.py:likelihood")


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return [Trial(name) for name in NAMES]


def test_every_wrong_gradient_is_found(trials: list[Trial]) -> None:
    made, found, missed = detection(trials, 24, seed=1)
    assert missed == []
    assert made == found and made.total() == 24
    assert len(made) >= 8  # kinds


def test_right_modules_raise_no_alarm(trials: list[Trial]) -> None:
    assert alarms(trials, 12) == []
