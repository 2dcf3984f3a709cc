"""A module of tensors is checked like a NumPy module: with numerical gradients, before it is handed over."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Sum, Symbol, exp, symbols

from symgrad import Model
from symgrad.cli import main
from symgrad.errors import GradientCheckError

a, x = Symbol("a", real=True), Symbol("x", real=True)
MODEL = Model(a * exp(x) * x, [x], name="product")
N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
c = IndexedBase("c", shape=(N,))
ARRAYS = Model(Sum(exp(a * c[n]), (n, 0, N - 1)), [a], name="sum")
# of each library: how it is imported, what it calls exp, and the type of its arrays
LIBRARIES = {
    "jax": ("import jax.numpy as jnp", "jnp.exp(x)", "Array"),
    "torch": ("import torch", "torch.exp(x)", "Tensor"),
}


@pytest.fixture(params=LIBRARIES)
def target(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


def test_the_check_of_a_right_module_passes_with_every_stage_compared(target: str):
    report = MODEL.check(target=target, hessian=True, hvp=True)
    assert report.ok, str(report)
    assert {"float64 code", "float32 code"} <= {link.name for run in report.runs for link in run.links}


def test_the_check_gives_a_module_arrays_in_other_orders_of_memory(target: str):
    """Arrays that step backwards through memory, too, which PyTorch itself refuses."""
    report = ARRAYS.check(target=target)
    assert report.ok, str(report)
    module = ARRAYS.compile(target=target, check=False)
    back = np.arange(6.0)[::-2]
    np.testing.assert_allclose(module.value(0.5, back), module.value(0.5, back.copy()))


def test_a_wrong_module_is_not_handed_over(target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    right = Model._source

    def wrong(self: Model, *rest: Any) -> str:
        text = right(self, *rest)
        assert LIBRARIES[target][1] in text
        return text.replace("grad_x = ", "grad_x = 1.001 * ")

    monkeypatch.setattr(Model, "_source", wrong)
    path = tmp_path / "module.py"
    with pytest.raises(GradientCheckError):
        MODEL.compile(target=target, path=path)
    assert not path.exists()


def test_the_compiled_module_is_one_of_the_library(target: str):
    module = MODEL.compile(target=target)
    assert isinstance(module.value(1.0, 2.0), getattr(import_module(target), LIBRARIES[target][2]))
    np.testing.assert_allclose(module.value(x=1.0, a=2.0), 2 * np.e, rtol=1e-6)


def test_the_command_line_writes_a_module_for_the_library(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source = (
        "from sympy import Symbol\nfrom symgrad import Model\nx = Symbol('x', real=True)\nmodel = Model(x**4, [x])\n"
    )
    (tmp_path / "model.py").write_text(source, encoding="utf-8")
    out = tmp_path / "quartic.py"
    assert main(["compile", str(tmp_path / "model.py"), "-o", str(out), "--target", target]) == 0
    assert LIBRARIES[target][0] in out.read_text(encoding="utf-8")
    assert "PASSED" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "model.py"), "--target", target]) == 0
    assert main(["compile", str(tmp_path / "model.py"), "-o", str(out), "--target", target, "--with-test"]) == 2
    assert "--with-test" in capsys.readouterr().err
