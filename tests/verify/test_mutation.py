"""A short run of `mutation.py`: wrong gradients are found, right ones raise no alarm."""

import ast

import pytest

from .mutants import text_mutants
from .mutation import EXAMPLES, ROOT, Trial, alarms, detect, page

NAMES = ("softmax", "dqn", "logistic.py:likelihood")


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return [Trial(name) for name in NAMES]


@pytest.mark.long
def test_every_wrong_gradient_is_found(trials: list[Trial]) -> None:
    detection = detect(trials, 30, seed=1)
    assert detection.missed == []
    total = detection.total
    assert total.made == total.found >= 24 and total.smaller == total.smaller_found
    assert len(detection.counts) >= 10  # kinds
    assert detection.counts["dropped sum"].made > 0


@pytest.mark.long
def test_right_modules_raise_no_alarm(trials: list[Trial]) -> None:
    calm = alarms(trials, 12)
    assert calm.wrong == [] and sum(calm.runs.values()) >= 12
    assert "0 alarms" in page(detect(trials[:1], 1), calm)


def test_all_examples_with_a_model_are_tried() -> None:
    files = {path.stem for path in (ROOT / "examples").glob("*.py") if "\nmodel = " in path.read_text(encoding="utf-8")}
    assert files == {name.partition(".py")[0] for name in EXAMPLES}


def test_every_kind_of_statement_is_mutated() -> None:
    source = """
def value_and_gradient(x):
    a = np.empty(3)
    np.add(x, 1.5, out=a)
    a += x[1:]
    for t in range(1, 3):
        a[t] = a[t - 1] @ x
    a += x.sum(axis=0)
    return 0, a
"""
    changes = [mutant.change for mutant in text_mutants(ast.unparse(ast.parse(source)), None)]
    for wanted in (
        "np.add(x, 1.5, out=a) → np.subtract(x, 1.5, out=a)",
        "np.add(x, 1.5, out=a) → np.positive(x, out=a)",
        "a += x[1:] → a -= x[1:]",
        "a += x[1:] → pass",
        "a[t - 1] → a[t - 1 + 1]",
        "1: → 1 + -1:",
        "a[t] = a[t - 1] @ x → a[t] = 2 * (a[t - 1] @ x)",
        "a[t - 1] @ x → a[t - 1][..., :1] @ x[:1,]",
        "x.sum(axis=0) → x[:1,].sum(axis=0)",
        "x.sum(axis=0) → x.sum(axis=1)",
    ):
        assert wanted in changes, changes
