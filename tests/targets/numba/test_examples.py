"""The example models compiled by Numba are those in NumPy; the kernel of one reads as somebody would write it."""

from pathlib import Path

import numpy as np
import pytest

from symgrad.targets import target

numba = pytest.importorskip("numba")

from .comparison import agree, benchmarks, compare, corpus, example, examples, modules  # noqa: E402

GOLDEN = Path(__file__).with_name("logistic.txt")


def test_the_kernel_of_the_logistic_regression_reads_each_row_once():
    """python -c "from tests.targets.numba.test_examples import kernel; print(kernel(), end='')" writes the file."""
    assert kernel() == GOLDEN.read_text(encoding="utf-8")


def kernel() -> str:
    text = example("logistic.py").source(target="numba")
    first = text.index("def _value_and_gradient_kernel")
    return text[first : text.index("\n\n", first) + 1]


def test_the_logistic_regression_is_that_in_numpy():
    model = example("logistic.py")
    of_numpy, of_numba = modules(model)
    rng = np.random.default_rng(1)
    rows = 1000  # more than the blocks of the kernel's loop, and a part of one
    inputs = {"w": rng.normal(size=5), "X": rng.normal(size=(rows, 5)), "t": rng.integers(2, size=rows).astype(float)}
    agree(of_numpy, of_numba, inputs, functions=("value_and_gradient",), single=False)
    inputs["X"][3, 2], inputs["X"][7, 1] = np.nan, np.inf
    agree(of_numpy, of_numba, inputs, functions=("value_and_gradient",), single=False)


def test_what_is_wrong_with_arguments_is_said_as_in_numpy():
    of_numpy, of_numba = modules(example("logistic.py"))
    for given in ({"w": np.ones(3), "X": np.ones((4, 2)), "t": np.ones(4)}, {"w": 1, "X": "no", "t": 2}):
        said = []
        for module in (of_numpy, of_numba):
            with pytest.raises((ValueError, TypeError)) as found:
                module.value(**given)
            said.append((found.type, str(found.value)))
        assert said[0] == said[1]


@pytest.mark.long
@pytest.mark.parametrize(("name", "build", "inputs"), [*examples(), *benchmarks(), *corpus()])
def test_every_model_is_that_in_numpy(name: str, build, inputs):
    if "100000" in name or "60000" in name:
        pytest.skip("`comparison.py` compares these")
    compare(build, inputs, functions=("value_and_gradient",), single=False)


def test_a_workspace_is_refused():
    from symgrad.errors import UnsupportedError

    with pytest.raises(UnsupportedError, match="the target numba has no workspace"):
        example("logistic.py").source(target="numba", workspace=True)
    assert target("numba").name == "numba"
