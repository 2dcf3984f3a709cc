"""Where modules differ between libraries the guide says so: what it says of each is so."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol, besselj, symbols

from symgrad import Model
from symgrad.errors import UnsupportedError
from tests.targets.agreement import example, modules
from tests.targets.models import MODELS, a, b

GUIDE = (Path(__file__).parents[2] / "examples" / "GUIDE.md").read_text(encoding="utf-8")
SAID = re.findall(r"^\| ([\w`][^|]*?) \|", GUIDE.split("## Other libraries")[1].split("\n## ")[0], re.M)

Row = Callable[[str], None]


def _logistic(name: str) -> Any:
    return modules(example("logistic.py"), name, hvp=True)[1]


def _index(name: str) -> None:
    model, inputs = MODELS["subscripts by data, each several times"]
    with pytest.raises(IndexError, match=r"expected 0 \.\.\. 3"):
        modules(model, name)[1].value(**inputs | {"L": np.array([2, 0, 4, 3])})


def _definite(name: str) -> None:
    model, inputs = MODELS["one factorisation for determinants and solves"]
    with pytest.raises((ValueError, RuntimeError), match="S is not positive definite") as caught:
        modules(model, name)[1].value(**inputs | {"S": -inputs["S"]})
    assert caught.type.__name__ == {"jax": "ValueError"}.get(name, "_LinAlgError" if name == "torch" else "LinAlgError")


def _singular(name: str) -> None:
    D = symbols("D", integer=True, positive=True)
    A, u = MatrixSymbol("A", D, D), MatrixSymbol("u", D, 1)
    once, often = Model((u.T * A.I * u)[0, 0], [u]), Model((u.T * A.I * A.I * u)[0, 0], [A])
    for model in (once, often):
        module = modules(model, name)[1]
        wrong = {"A": np.array([[1.0, 2], [2, 4]]), "u": np.ones((2, 1))}
        with pytest.raises((ValueError, RuntimeError), match=r"[Ss]ingular") as caught:
            module.value_and_gradient(**wrong)
        assert caught.type.__name__ == ("_LinAlgError" if name == "torch" else "LinAlgError")
        assert np.isfinite(np.asarray(module.value(**wrong | {"A": np.eye(2)})))
        if name == "jax":
            assert np.isnan(import_module("jax").jit(module.value)(**wrong))


def _wide(name: str) -> None:
    """What does not fit 32 bits is no number of fewer bits, where JAX does not compute in double precision."""
    if name == "jax":
        with import_module("jax").enable_x64(False):
            _refused_if_wide(name)
    else:
        _refused_if_wide(name)


def _refused_if_wide(name: str) -> None:
    model, inputs = MODELS["subscripts by data, each several times"]
    module = modules(model, name)[1]
    for type_ in (np.int64, np.uint64):
        with pytest.raises(OverflowError if name == "jax" else IndexError, match="32 bits" if name == "jax" else "L"):
            module.value(**inputs | {"L": np.array([2**32, 0, 1, 2], dtype=type_)})
    weights = modules(Model(a * b**2, [b]), name)[1]
    for wide in (2**40, -(2**40), np.int64(2**40), np.array(2**40)):
        np.testing.assert_allclose(np.asarray(weights.value(b=3, a=wide)), 9.0 * wide, rtol=1e-6)


def _numbers(name: str) -> None:
    made = modules(Model(a**2 * b, [b]), name)[1].value(2, 3)
    own = {"numpy": lambda: np.zeros(()), "jax": lambda: import_module("jax.numpy").zeros(())}
    own["torch"] = lambda: import_module("torch").zeros(())
    assert made.dtype == own[name]().dtype


def _types(name: str) -> None:
    rows = np.ones((3, 2), dtype=np.float32)
    if name == "jax":
        import jax

        with jax.enable_x64(True):
            made = _logistic(name).value(np.ones(2), rows, np.ones(3))
    else:
        made = _logistic(name).value(np.ones(2), rows, np.ones(3))
    assert str(made.dtype).endswith("float64")


def _missing(name: str) -> None:
    there = {"bind", "pack", "flat_value_and_gradient"} & set(vars(_logistic(name)))
    assert len(there) == (3 if name in ("numpy", "numba") else 0)


def _bessel(name: str) -> None:
    model = Model(besselj(a, b), [b])
    if name in ("numpy", "numba"):
        assert "scipy" in model.source(target=name)
    else:
        with pytest.raises(UnsupportedError, match=f"the target {name} has no spelling of the function besselj"):
            model.source(target=name)


ROWS: dict[str, Row | str] = {
    "an index that is on no axis": _index,
    "a matrix that is not positive definite": _definite,
    "a matrix without an inverse": _singular,
    "integers of more than 32 bits": _wide,
    "numbers and integers alone": _numbers,
    "arrays of two floating types": _types,
    "sparse data, `bind`, `pack`, `flat_…`, `hessian_compact`, `workspace`": _missing,
    "`over_chunks`": "test_chunks.py",
    "Bessel functions": _bessel,
    "data on another device": "torch/test_models.py",
    "arguments that require a gradient": "torch/test_autograd.py",
    "a derivative by data": "torch/test_autograd.py and jax/test_autograd.py",
    "a third derivative": "torch/test_autograd.py",
    "subscripts that a step of a recurrence computes": "lowering/validity.py has the error",
    "a recurrence": "torch/test_models.py and jax/test_models.py",
}


def test_every_row_of_the_guide_is_tested() -> None:
    assert sorted(SAID) == sorted(ROWS)


@pytest.mark.parametrize("name", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("row", [row for row, test in ROWS.items() if callable(test)])
def test_it_is_as_the_guide_says(row: str, name: str) -> None:
    if name != "numpy":
        pytest.importorskip(name)
    test = ROWS[row]
    assert callable(test)
    test(name)
