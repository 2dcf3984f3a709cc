"""Under which names files are written."""

import os
from pathlib import Path

import click
import pytest

from symgrad.cli.model_file import ModelReference
from symgrad.cli.output_file import default_output, output_paths


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("examples/logistic.py", "model", "logistic_gradient.py"),
        ("examples/logistic.py", "likelihood", "logistic_likelihood_gradient.py"),
        ("my-model.v2.py", "model", "my_model_v2_gradient.py"),
        ("2nd.py", "model", "_2nd_gradient.py"),
    ],
)
def test_the_default_is_an_importable_module_in_the_current_folder(path: str, name: str, expected: str) -> None:
    assert default_output(ModelReference(Path(path), name)) == Path(expected)


@pytest.mark.parametrize("name", ["x", "x.txt", "a-b.py", "1.py", "class.py", ".py", "a.b.py"])
def test_a_module_has_a_python_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.UsageError, match="must be a Python name"):
        output_paths(tmp_path / name, tmp_path / "model.py", with_test=False)


@pytest.mark.parametrize("name", ["numpy.py", "typing.py", "pytest.py"])
def test_a_module_hides_no_library(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.UsageError, match="would hide"):
        output_paths(tmp_path / name, tmp_path / "model.py", with_test=False)


def test_the_test_lies_beside_the_module(tmp_path: Path) -> None:
    paths = output_paths(tmp_path / "ridge.py", tmp_path / "model.py", with_test=True)
    assert paths == [tmp_path / "ridge.py", tmp_path / "test_ridge.py"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="there is no folder"):
        output_paths(tmp_path / "missing" / "x.py", tmp_path / "model.py", with_test=False)


def test_a_closed_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Asked of os.access, since the permissions themselves do not bind whoever runs as root.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(click.UsageError, match="is not writable"):
        output_paths(tmp_path / "x.py", tmp_path / "model.py", with_test=False)


def test_a_folder_in_the_files_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").mkdir()
    output_paths(tmp_path / "x.py", tmp_path / "model.py", with_test=False)
    with pytest.raises(click.UsageError, match=r"test_x\.py is a folder"):
        output_paths(tmp_path / "x.py", tmp_path / "model.py", with_test=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_an_ordinary_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(click.UsageError, match="not an ordinary file"):
        output_paths(tmp_path / "pipe.py", tmp_path / "model.py", with_test=False)


@pytest.mark.parametrize(("model", "output"), [("ridge.py", "ridge.py"), ("test_ridge.py", "ridge.py")])
def test_the_model_file_is_never_overwritten(tmp_path: Path, model: str, output: str) -> None:
    (tmp_path / model).write_text("model\n")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(click.UsageError, match="is the model file itself"):
        output_paths(tmp_path / "link" / output, tmp_path / model, with_test=True)
