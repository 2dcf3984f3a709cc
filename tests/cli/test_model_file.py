"""`MODEL.py[:name]`: how it is read, how the file is run, and what is said when it is not a model file."""

import os
import sys
from pathlib import Path

import pytest

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.errors import ModelError, SymgradError

READINGS = {
    "model.py": ("model.py", "model"),
    "model.py:loss": ("model.py", "loss"),
    "folder/model.py:loss": ("folder/model.py", "loss"),
    "C:\\models\\ridge.py": ("C:\\models\\ridge.py", "model"),
    "C:\\models\\ridge.py:loss": ("C:\\models\\ridge.py", "loss"),
    "C:ridge.py": ("C:ridge.py", "model"),
    "run:3/model.py": ("run:3/model.py", "model"),
    "run:3/model.py:loss": ("run:3/model.py", "loss"),
    ":loss": (":loss", "model"),
    "": ("", "model"),
}


@pytest.mark.parametrize("text", READINGS)
def test_a_reference_is_divided_at_the_last_colon_before_a_name(text: str) -> None:
    path, name = READINGS[text]
    assert ModelReference.parse(text) == ModelReference(Path(path), name)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no colons in file names")
def test_a_file_with_a_colon_in_its_name_is_a_file(model_file) -> None:
    path = model_file(name="parabola.py:other")
    assert ModelReference.parse(str(path)) == ModelReference(path)
    assert ModelReference.parse(f"{path}:other") == ModelReference(path, "other")


@pytest.mark.parametrize("name", ["", "two words", "1st", "a-b"])
def test_what_follows_the_colon_must_be_a_name(model_file, name: str) -> None:
    path = model_file()
    with pytest.raises(ModelError, match="is no name"):
        ModelReference.parse(f"{path}:{name}")


def test_a_reference_of_any_length_is_read() -> None:
    assert ModelReference.parse("x" * 10_000 + ":y").name == "y"
    assert ModelReference.parse("a\0b").path == Path("a\0b")


def test_the_model_of_the_name_is_loaded(model_file) -> None:
    path = model_file()
    model, other = load_model(ModelReference(path)), load_model(ModelReference(path, "other"))
    assert isinstance(model, Model) and isinstance(other, Model)
    assert len(model.parameters) == 1
    assert len(other.parameters) == 2


def test_a_model_file_imports_its_neighbours_and_leaves_the_path_as_it_was(model_file) -> None:
    model_file("DEGREE = 5\n", name="folder/constants_beside_the_model.py")
    path = model_file(
        "import sys\nfrom constants_beside_the_model import DEGREE\n"
        "from sympy import Symbol\nfrom symgrad import Model\n"
        "sys.path.append('left behind')\nx = Symbol('x', real=True)\nmodel = Model(x**DEGREE, [x])\n",
        name="folder/power.py",
    )
    before = list(sys.path)
    assert load_model(ModelReference(path)).loss.has(5)
    assert sys.path == before


def test_a_model_file_is_a_module_of_its_own_name(model_file) -> None:
    path = model_file(
        "from dataclasses import dataclass\nfrom sympy import Symbol\nfrom symgrad import Model\n"
        "@dataclass\nclass Setting:\n    power: 'int' = 3\n"
        "x = Symbol('x', real=True)\nmodel = Model(x**Setting().power, [x])\n"
        "if __name__ == '__main__':\n    raise SystemExit('ran as a script')\n",
        name="json.py",
    )
    load_model(ModelReference(path))
    load_model(ModelReference(path))
    assert "JSONDecoder" in vars(sys.modules.get("json") or __import__("json"))
    assert not list(path.parent.glob("**/__pycache__"))


def test_what_a_model_file_prints_goes_to_the_error_stream(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    path = model_file(
        "print('loading')\nfrom symgrad import Model\nfrom sympy import Symbol\nx = Symbol('x', real=True)\n"
        "model = Model(x**2, [x])\n"
    )
    load_model(ModelReference(path))
    assert capsys.readouterr() == ("", "loading\n")


FAULTS = {
    "syntax": ("x = 1\ny = (\n", r"line 2: SyntaxError: '\(' was never closed"),
    "indentation": ("if True:\nx = 1\n", "line 2: IndentationError"),
    "division": ("x = 1\n\n1 / 0\n", "line 3: ZeroDivisionError: division by zero"),
    "in a function": ("def f():\n    raise KeyError('k')\nf()\n", "line 2: KeyError: 'k'"),
    "in a library": ("import json\njson.loads('{')\n", "line 2: JSONDecodeError"),
    "import": ("import a_package_that_is_not_there\n", "line 1: ModuleNotFoundError: No module named"),
    "no text": ("raise ValueError\n", "line 1: ValueError$"),
    "not an Exception": ("class Skip(BaseException): pass\nraise Skip('me')\n", "line 2: Skip: me"),
    "exit": ("import sys\nsys.exit(3)\n", r"line 2: the file exits \(SystemExit: 3\).*__main__"),
    "recursion": ("def f():\n    f()\nf()\n", "line 2: RecursionError"),
    "nothing": ("x = 1\n", "does not define `model`, nor any other model"),
    "empty": ("", "does not define `model`"),
    "a list": ("model = []\n", "`model` in .* is a list, not a symgrad.Model"),
    "an int": ("model = 1\n", "is an int, not"),
    "a function": ("def model():\n    pass\n", "is a function.*if it builds one, call it"),
    "the class": ("from symgrad import Model as model\n", "is a type, not a symgrad.Model"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_defines_no_model_is_an_error_that_says_why(model_file, fault: str) -> None:
    text, message = FAULTS[fault]
    path = model_file(text)
    modules = set(sys.modules)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(ModelReference(path))
    assert str(path) in str(caught.value)
    assert not [name for name in set(sys.modules) - modules if "parabola" in name]


def test_the_models_that_a_file_does_define_are_offered(model_file) -> None:
    path = model_file()
    with pytest.raises(ModelError) as caught:
        load_model(ModelReference(path, "mode"))
    assert f"{path}:model, {path}:other" in str(caught.value)


@pytest.mark.parametrize("content", [b"\x00\x01", b"\x89PNG\r\n\x1a\n", b"x = '\xff'\n"])
def test_a_file_that_is_not_python_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.py"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"picture\.py"):
        load_model(ModelReference(path))


def test_missing_files_and_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        load_model(ModelReference(tmp_path / "missing.py"))
    with pytest.raises(ModelError, match="is a folder"):
        load_model(ModelReference(tmp_path))
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(ModelReference(Path("a\0b")))


def test_an_error_of_the_compiler_keeps_its_type_and_gets_a_place(model_file) -> None:
    path = model_file(
        "from sympy import symbols\nfrom symgrad import Model\na, b = symbols('a b', real=True)\n\n"
        "model = Model(a**2, [b])\n"
    )
    with pytest.raises(SymgradError) as caught:
        load_model(ModelReference(path)).source()
    assert "b" in str(caught.value)


def test_an_interruption_passes(model_file) -> None:
    path = model_file("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_model(ModelReference(path))
