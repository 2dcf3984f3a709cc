"""The three commands: their output, their files and their exit codes."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from symgrad import Model
from symgrad.cli import main
from symgrad.errors import GradientCheckError, UnsupportedError


class FailedReport:
    """Stands for the report of a check that failed."""

    ok = False

    def __str__(self) -> str:
        return "a: analytic 1.0, numerical 2.0"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", "import sys; from symgrad.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_compile_writes_a_module_that_needs_no_symgrad(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file()
    assert main(["compile", "parabola.py"]) == 0
    assert capsys.readouterr().out.startswith("wrote parabola_gradient.py\n")
    spec = importlib.util.spec_from_file_location("parabola_gradient", "parabola_gradient.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.value(a=2.0, b=3.0) == 25.0
    assert module.gradient(2.0, 3.0).a == 30.0
    assert "symgrad" not in re.findall(r"^(?:import|from) (\w+)", Path("parabola_gradient.py").read_text(), re.M)


def test_compile_with_test_writes_a_test_that_passes_without_symgrad(model_file) -> None:
    folder = model_file().parent
    assert main(["compile", "parabola.py:other", "-o", "cubic.py", "--with-test", "--seed", "3"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["cubic.py", "parabola.py", "test_cubic.py"]
    assert "symgrad" not in re.findall(r"^(?:import|from) (\w+)", Path("test_cubic.py").read_text(), re.M)
    # The plugin is turned off by name, so that the test is seen to need nothing of this package.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:symgrad", "-p", "no:cacheprovider", "test_cubic.py"]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stdout


def test_the_written_test_fails_when_the_gradient_is_wrong(model_file) -> None:
    folder = model_file(
        "from sympy import Symbol\nfrom symgrad import Model\nx = Symbol('x', real=True)\nmodel = Model(x**2, [x])\n"
    ).parent
    assert main(["compile", "parabola.py", "--with-test"]) == 0
    module = folder / "parabola_gradient.py"
    with module.open("a") as file:
        file.write(
            "\n\n_right = gradient\n\n\n"
            "def gradient(*a, **k):\n    return Gradient(*(1.001 * g for g in _right(*a, **k)))\n"
        )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_parabola_gradient.py"]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 1, result.stdout


@pytest.mark.parametrize("existing", [False, True])
def test_a_failed_check_exits_1_and_writes_nothing(
    model_file, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], existing: bool
) -> None:
    folder = model_file().parent
    if existing:
        (folder / "out.py").write_text("precious\n")
    monkeypatch.setattr(Model, "check", lambda self, seed=0, **options: FailedReport())
    assert main(["compile", "parabola.py", "-o", "out.py", "--with-test"]) == 1
    output = capsys.readouterr()
    assert "analytic 1.0, numerical 2.0" in output.out
    assert "out.py is not written" in output.err
    assert {path.name for path in folder.iterdir()} == {"parabola.py"} | ({"out.py"} if existing else set())
    assert not existing or (folder / "out.py").read_text() == "precious\n"


def test_without_the_check_a_wrong_gradient_is_written(model_file, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_file().parent
    monkeypatch.setattr(Model, "check", lambda self, seed=0, **options: FailedReport())
    assert main(["compile", "parabola.py", "--no-check"]) == 0
    assert (folder / "parabola_gradient.py").exists()


def test_check_prints_the_report(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file()
    assert main(["check", "parabola.py", "--seed", "7"]) == 0
    assert capsys.readouterr().out.strip()


def test_check_exits_1_when_the_gradient_is_wrong(
    model_file, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model_file()
    seeds = []
    monkeypatch.setattr(Model, "check", lambda self, seed=0, **options: seeds.append(seed) or FailedReport())
    assert main(["check", "parabola.py", "--seed", "7"]) == 1
    assert "analytic 1.0, numerical 2.0" in capsys.readouterr().out
    assert seeds == [7]


@pytest.mark.parametrize("notation", ["text", "latex"])
def test_show_prints_the_formulas_alone(model_file, capsys: pytest.CaptureFixture[str], notation: str) -> None:
    model_file("print('loading')\n" + model_file().read_text())
    assert main(["show", "parabola.py", "--format", notation]) == 0
    output = capsys.readouterr().out
    assert "loading" not in output
    assert output.strip()


ERRORS = {
    "no model file": (["check", "missing.py"], "missing.py: there is no such file"),
    "a folder": (["check", "."], "is a folder"),
    "no such name": (["check", "parabola.py:nothing"], "parabola.py:model, parabola.py:other"),
    "an unknown option": (["check", "parabola.py", "--fast"], "--fast"),
    "an unknown command": (["differentiate", "parabola.py"], "differentiate"),
    "no argument": (["compile"], "MODEL.py"),
    "a bad seed": (["check", "parabola.py", "--seed", "-1"], "--seed"),
    "a bad format": (["show", "parabola.py", "--format", "pdf"], "pdf"),
    "a bad module name": (["compile", "parabola.py", "-o", "a-b.py"], "Python name"),
    "no folder": (["compile", "parabola.py", "-o", "missing/out.py"], "there is no folder missing"),
    "its own output": (["compile", "parabola.py", "-o", "parabola.py"], "the model file itself"),
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_wrong_call_exits_2_with_one_message(model_file, capsys: pytest.CaptureFixture[str], error: str) -> None:
    path = model_file()
    before = path.read_text()
    arguments, message = ERRORS[error]
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert message in output.err
    assert "Traceback" not in output.err
    assert [entry.name for entry in path.parent.iterdir()] == ["parabola.py"]
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnsupportedError("no rule for besselj(0, x)"), 2, "error: no rule for besselj(0, x)\n"),
        (GradientCheckError("a is wrong", report="the report"), 1, "error: a is wrong\n"),
        (OSError(28, "No space left on device", "out.py"), 2, "error: out.py: No space left on device\n"),
        (RecursionError("too deep"), 2, "error: symgrad cannot handle this model"),
    ],
)
def test_errors_of_the_compiler_become_messages(
    model_file, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error, code: int, message: str
) -> None:
    model_file()

    def fail(self: Model, **options: object) -> str:
        raise error

    monkeypatch.setattr(Model, "source", fail)
    assert main(["compile", "parabola.py"]) == code
    assert capsys.readouterr().err.startswith(message)


def test_a_model_that_is_wrong_exits_2_with_the_place(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file(
        "from sympy import MatrixSymbol, symbols\nfrom symgrad import Model\nN, M, K = symbols('N M K')\n"
        "X, w = MatrixSymbol('X', N, M), MatrixSymbol('w', K, 1)\nmodel = Model((X * w)[0, 0], [w])\n"
    )
    assert main(["check", "parabola.py"]) == 2
    said = capsys.readouterr().err
    assert "parabola.py, line 5" in said and "Traceback" not in said


def test_an_interrupted_command_is_neither_done_nor_failed(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file("raise KeyboardInterrupt\n")
    assert main(["check", "parabola.py"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_pipes_get_no_colours_and_no_progress(model_file, capfd: pytest.CaptureFixture[str]) -> None:
    model_file()
    result = run("check", "parabola.py")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert main(["check", "missing.py"]) == 2
    assert "\x1b" not in capfd.readouterr().err


def test_a_terminal_without_the_letters_gets_escapes(model_file) -> None:
    model_file("raise ValueError('∂')\n")
    result = run("show", "parabola.py", PYTHONIOENCODING="latin-1")
    assert result.returncode == 2
    assert "\\u2202" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_an_error(model_file) -> None:
    model_file()
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", "import sys; from symgrad.cli import main; sys.exit(main())"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        result = subprocess.run(
            [*command, "show", "parabola.py"], stdout=full, stderr=subprocess.PIPE, env=environment, check=False
        )
    assert result.returncode != 0
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["compile", "--help"], ["show", "-h"], ["check", "-h"]])
def test_help_has_examples(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert re.search(r"Examples?:\n +symgrad ", capsys.readouterr().out)


def test_without_a_command_the_help_is_shown_and_the_call_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.match(r"symgrad \S+", capsys.readouterr().out)


def test_a_module_with_a_workspace_is_checked_and_written(model_file) -> None:
    model_file()
    assert main(["compile", "parabola.py", "--workspace"]) == 0
    assert "class Workspace" in Path("parabola_gradient.py").read_text()


def test_a_hessian_is_dense_or_sparse(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file()
    assert main(["compile", "parabola.py", "--sparse-hessian"]) == 0
    written = Path("parabola_gradient.py").read_text(encoding="utf-8")
    assert "def hessian_sparse(" in written and "def hessian_pattern(" in written and "def hessian(" not in written
    assert main(["check", "parabola.py", "--sparse-hessian", "--hessian"]) == 2
    assert "choose one" in capsys.readouterr().err
