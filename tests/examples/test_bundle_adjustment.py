"""Bundle adjustment: the model against rotation formulas of its own, its sparse Jacobian, and the script."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def module() -> ModuleType:
    """The example, whose model is derived once for all tests."""
    path = EXAMPLES / "bundle_adjustment.py"
    spec = spec_from_file_location("bundle_adjustment", path)
    assert spec is not None and spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_model_sees_what_the_pictures_show(module: ModuleType) -> None:
    truth, data = module.scene(3, 5, np.random.default_rng(0))
    data["seen"] = module.pictures(*truth, data["camera"], data["point"])
    compiled = module.model.compile(check=False)
    np.testing.assert_allclose(compiled.value(*truth, **data), 0, atol=1e-20)


def test_the_jacobian_is_sparse_and_right(module: ModuleType) -> None:
    compiled = module.model.compile(jacobian=["r"])
    (cam, pt), data = module.scene(3, 5, np.random.default_rng(1))
    given = (data["camera"], data["eps"], data["point"])
    blocks = compiled.jacobian_r(cam, pt, *given)
    count = len(data["camera"])
    assert blocks.cam.values.shape == (count * 2 * 8,)
    assert blocks.pt.values.shape == (count * 2 * 3,)
    direction = np.random.default_rng(2).normal(size=cam.shape)
    step = 1e-6 * direction
    above, below = (module.pictures(cam + s * step, pt, data["camera"], data["point"]) for s in (1, -1))
    product = blocks.cam.to_scipy() @ direction.ravel()
    np.testing.assert_allclose(product, (above - below).ravel() / 2e-6, rtol=1e-5, atol=1e-5)


def test_the_residuals_are_the_pictures_less_what_was_seen(module: ModuleType) -> None:
    compiled = module.model.compile(check=False, quantities=["r"], jacobian=["r"])
    (cam, pt), data = module.scene(3, 5, np.random.default_rng(1))
    data["seen"] = np.random.default_rng(3).normal(size=(len(data["camera"]), 2))
    expected = module.pictures(cam, pt, data["camera"], data["point"]) - data["seen"]
    np.testing.assert_allclose(compiled.r(cam, pt, **data), expected, rtol=1e-12)
    bound = compiled.bind(**data, C=3, P=5)
    np.testing.assert_allclose(bound.flat_r(compiled.pack(cam, pt)), expected.ravel(), rtol=1e-12)
    matrix = bound.flat_jacobian_r(compiled.pack(cam, pt))
    assert matrix.format == "csr"
    assert matrix.shape == (expected.size, cam.size + pt.size)


@pytest.mark.long
def test_the_script_finds_the_scene(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bundle_adjustment.py", "--cameras", "4", "--points", "40"])
    module.main()
    lines = capsys.readouterr().out.splitlines()
    errors = [float(line.split("error ")[1].split(" ")[0]) for line in lines[1:]]
    assert len(errors) == 2
    assert all(0.2 < error < 0.55 for error in errors)  # half a pixel of noise, less what the unknowns take up
