"""The example models in PyTorch are those in NumPy; the module of one reads as an expert would write it."""

from pathlib import Path

import pytest

from tests.families import one_in

torch = pytest.importorskip("torch")

from .comparison import SINGLE, compare, example  # noqa: E402

# `comparison.py` compares all.
QUICK = (
    "factorisation.py",
    "graph.py",
    "logistic.py",
    "logistic.py:likelihood",
    "logistic.py:log_likelihood",
    "ridge.py",
    "sigmoid_derivative.py",
    "poisson.py",
    "attention.py",
    "gru.py",
    "mixture.py",
)
GOLDEN = Path(__file__).with_name("logistic.txt")


@pytest.mark.parametrize("reference", one_in(4, QUICK))
def test_an_example_in_torch_is_that_in_numpy(reference: str) -> None:
    compare(reference, SINGLE)


def test_the_module_of_logistic_regression_is_the_golden_one() -> None:
    """Made by `Model.source(target="torch", hvp=True)`; read it before it is replaced."""
    source = example("logistic.py").source(target="torch", hvp=True)
    assert source == GOLDEN.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 375
