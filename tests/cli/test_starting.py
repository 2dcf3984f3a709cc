"""`symgrad new`, `examples`, `completion`, `report`, and what `show` writes to files."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from symgrad import Model
from symgrad.cli import main
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.cli.starting import starts
from tests.families import one_in


@pytest.mark.parametrize("name", one_in(3, starts()))
def test_a_new_model_file_has_comments_compiles_and_is_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", name]) == 0
    assert capsys.readouterr().out.startswith(
        f"wrote {name}.py\nnext:\n  symgrad show {name}.py\n  symgrad check {name}.py\n"
    )
    source = Path(f"{name}.py").read_text(encoding="utf-8")
    assert source.count("#") >= 2 and source.startswith('"""')
    model = load_model(ModelReference(Path(f"{name}.py")))
    assert model.name != "model" and model.check().ok


def test_printed_commands_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "ridge", "-o", "a line.py"]) == 0
    shown, checked, _ = capsys.readouterr().out.splitlines()[2:]
    assert main(["examples"]) == 0
    for line in (shown, checked, capsys.readouterr().out.splitlines()[-1]):
        command, *words = shlex.split(line)
        assert command == "symgrad" and main(words) == 0
    # those of the help begin with the file that the first of them writes
    assert main(["--help"]) == 0
    words = [shlex.split(line) for line in capsys.readouterr().out.splitlines() if line.startswith("    symgrad ")]
    assert words[0] == ["symgrad", "new", "logistic"] and all(line[2].startswith("logistic") for line in words)
    assert main(words[0][1:]) == 0 and main(words[1][1:]) == 0


def test_a_file_that_exists_is_kept(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    path = model_file(name="ridge.py")
    before = path.read_text()
    assert main(["new", "ridge"]) == 2
    assert "ridge.py exists; name another file with -o" in capsys.readouterr().err
    assert path.read_text() == before
    assert main(["new", "ridge", "-o", "line.py"]) == 0


def test_an_unknown_start_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "logit"]) == 2
    errors = capsys.readouterr().err
    assert all(name in errors for name in starts())


def test_the_examples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in (*starts(), "multilayer.py", "Ridge regression"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_part(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_SYMGRAD_COMPLETE" in capsys.readouterr().out


def test_completion_completes_commands_options_and_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def complete(words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit, match="0"):
            main([])
        return capsys.readouterr().out.split()

    monkeypatch.setenv("_SYMGRAD_COMPLETE", "bash_complete")

    assert complete("symgrad re") == ["plain,report"]
    assert "plain,--steps" in complete("symgrad show --s")
    assert complete("symgrad show mod") == ["file,mod"]


def test_a_mistyped_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chek", "model.py"]) == 2
    assert "there is no command 'chek'; did you mean check?" in capsys.readouterr().err


def test_the_report_is_written(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file()
    assert main(["report", "parabola.py"]) == 0
    assert capsys.readouterr().out.startswith("wrote parabola_report.html\nPASSED: ")
    assert Path("parabola_report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_report_of_a_wrong_gradient_is_written_and_the_exit_code_says_so(
    model_file, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model_file(
        "from sympy import Symbol\nfrom symgrad import Model\nx = Symbol('x', real=True)\nmodel = Model(x**3, [x])\n"
    )
    right = Model._source
    wrong = ("3 * x ** 2", "3.01 * x ** 2")
    monkeypatch.setattr(Model, "_source", lambda self, *rest: right(self, *rest).replace(*wrong))
    assert main(["report", "parabola.py", "-o", "wrong.html"]) == 1
    assert "FAILED" in capsys.readouterr().out and Path("wrong.html").exists()


@pytest.mark.parametrize(
    ("options", "start"),
    [
        (["--format", "svg"], "<svg"),
        (["--format", "latex", "--standalone"], r"\documentclass"),
        (["--format", "html", "--standalone", "--steps"], "<!DOCTYPE html>"),
        (["--format", "sympy"], "#"),
        (["--steps"], "Loss"),
    ],
)
def test_show_writes_to_a_file(model_file, capsys: pytest.CaptureFixture[str], options: list[str], start: str) -> None:
    model_file()
    assert main(["show", "parabola.py", "-o", "out.txt", *options]) == 0
    assert capsys.readouterr().out == "wrote out.txt\n"
    assert Path("out.txt").read_text(encoding="utf-8").startswith(start)


def test_show_does_not_replace_the_model(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    path = model_file()
    before = path.read_text()
    assert main(["show", "parabola.py", "-o", "parabola.py"]) == 2
    assert "the model file itself" in capsys.readouterr().err and path.read_text() == before


def test_a_form_that_a_format_has_not_is_an_error(model_file, capsys: pytest.CaptureFixture[str]) -> None:
    model_file()
    assert main(["show", "parabola.py", "--format", "svg", "--steps"]) == 2
    assert "no steps form" in capsys.readouterr().err


@pytest.mark.parametrize("colours", [False, True])
def test_colours_are_for_terminals_that_want_them(model_file, monkeypatch: pytest.MonkeyPatch, colours: bool) -> None:
    pty = pytest.importorskip("pty")
    path = model_file()
    run = [sys.executable, "-c", "import sys; from symgrad.cli import main; sys.exit(main())", "check", str(path)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", "PATH": "", "PYTHONUTF8": "1"}
    environment |= {} if colours else {"NO_COLOR": "1"}
    leader, follower = pty.openpty()
    with subprocess.Popen(run, stdout=follower, stderr=subprocess.PIPE, env=environment) as process:
        process.wait()
        os.close(follower)
        output = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            output += part
    assert b"PASSED" in output
    assert (b"32mPASSED" in output) == colours
