"""A PyTorch module is checked like a NumPy module: with numerical gradients, before it is handed over."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Symbol, exp

from symgrad import Model
from symgrad.cli import main
from symgrad.errors import GradientCheckError

torch = pytest.importorskip("torch")

a, x = Symbol("a", real=True), Symbol("x", real=True)
MODEL = Model(a * exp(x) * x, [x], name="product")


def test_the_check_of_a_right_module_passes_with_every_stage_compared():
    report = MODEL.check(target="torch", hessian=True, hvp=True)
    assert report.ok, str(report)
    assert {"float64 code", "float32 code"} <= {link.name for run in report.runs for link in run.links}


def test_a_wrong_module_is_not_handed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    right = Model._source

    def wrong(self: Model, *rest: Any) -> str:
        text = right(self, *rest)
        assert "torch.exp(x)" in text
        return text.replace("grad_x = ", "grad_x = 1.001 * ")

    monkeypatch.setattr(Model, "_source", wrong)
    path = tmp_path / "module.py"
    with pytest.raises(GradientCheckError):
        MODEL.compile(target="torch", path=path)
    assert not path.exists()


def test_the_compiled_module_is_one_of_torch():
    module = MODEL.compile(target="torch")
    assert isinstance(module.value(1.0, 2.0), torch.Tensor)
    np.testing.assert_allclose(module.value(x=1.0, a=2.0), 2 * np.e, rtol=1e-6)


def test_the_command_line_writes_a_module_for_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source = (
        "from sympy import Symbol\nfrom symgrad import Model\nx = Symbol('x', real=True)\nmodel = Model(x**4, [x])\n"
    )
    (tmp_path / "model.py").write_text(source, encoding="utf-8")
    out = tmp_path / "quartic.py"
    assert main(["compile", str(tmp_path / "model.py"), "-o", str(out), "--target", "torch"]) == 0
    assert "import torch" in out.read_text(encoding="utf-8")
    assert "PASSED" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "model.py"), "--target", "torch"]) == 0
    assert main(["compile", str(tmp_path / "model.py"), "-o", str(out), "--target", "torch", "--with-test"]) == 2
    assert "--with-test" in capsys.readouterr().err
