"""What the operating system refuses while a command works, and file names that only just are some."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import symgrad
from symgrad.cli import main
from tests.families import one_in

COMMANDS = {
    "compile": ["compile", "m.py", "--no-check", "-o", "out/result.py"],
    "compile with its test": ["compile", "m.py", "--no-check", "--with-test", "-o", "out/result.py"],
    "show": ["show", "m.py", "-o", "out/result.py"],
    "show steps": ["show", "m.py", "--steps", "-o", "out/result.py"],
    "report": ["report", "m.py", "-o", "out/result.py"],
}

MODEL = """\
from sympy import symbols

from symgrad import Model

a = symbols("a", real=True)
model = Model((a - 1) ** 2, [a])
"""

# No file may become longer than this: as a full disk does, the system refuses in the middle of a file.
FULL_DISK = f"""\
import resource
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
{MODEL}"""

VANISHING = f"""\
import shutil

shutil.rmtree("out")
{MODEL}"""


# Each command in a folder of its own, one after the other: what they say, as JSON.
ALL = """\
import contextlib, io, json, os, sys
from symgrad.cli import main

home, found = os.getcwd(), {}
for folder, arguments in json.loads(sys.argv[1]).items():
    os.chdir(os.path.join(home, folder))
    with contextlib.redirect_stderr(io.StringIO()) as said:
        found[folder] = [main(arguments), said.getvalue()]
print("\\n" + json.dumps(found))
"""


def run(folder: Path, text: str) -> dict[str, tuple[int, str]]:
    """The exit code of every command, and what it says, with a model file of this text."""
    for name in COMMANDS:
        output = folder / name / "out" / "result.py"
        output.parent.mkdir(parents=True)
        output.write_text("what was there\n")
        (folder / name / "m.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", ALL, json.dumps(COMMANDS)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(os.name != "posix", reason="the limit on the length of files is one of POSIX")
def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    for command, (code, said) in run(tmp_path, FULL_DISK).items():
        assert code == 2
        assert "File too large" in said and "result.py" in said and "Traceback" not in said
        output = tmp_path / command / "out" / "result.py"
        assert output.read_text() == "what was there\n"
        assert [path.name for path in output.parent.iterdir()] == ["result.py"]


def test_a_folder_that_vanishes_meanwhile_is_named(tmp_path: Path) -> None:
    for command, (code, said) in run(tmp_path, VANISHING).items():
        assert code == 2
        assert "out" in said and "No such file" in said and "Traceback" not in said
        assert [path.name for path in (tmp_path / command).iterdir()] == ["m.py"]


MODEL_NAMES = [
    "two words.py", "x); import os.py", "'quoted'.py", '"""doc.py', "back\\slash.py", "{{ jinja }}.py", "%s %d.py",
    "line\nbreak.py", "#comment.py", "class.py", "$(date).py", "模型.py", "e\u0301.py", "*.py", "-o.py", "~.py",
    "x" * 200 + ".py",
]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="other systems have fewer names for files")
@pytest.mark.parametrize("name", one_in(6, MODEL_NAMES))
def test_a_model_file_of_any_name_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(MODEL)
    assert main(["compile", "--with-test", "--", name]) == 0, capsys.readouterr().err
    module, test = sorted((path for path in tmp_path.iterdir() if path.name != name), key=lambda path: len(path.name))
    assert module.stem.isidentifier() and test.name == f"test_{module.name}"
    done = subprocess.run(
        [sys.executable, "-c", f"import {module.stem} as made; print(made.value_and_gradient(a=3.0)[0])"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "4.0\n", done.stderr
    compile(test.read_text(), test.name, "exec")
    assert main(["show", "--", name]) == 0
    assert main(["report", "--", name]) == 0, capsys.readouterr().err
    (page,) = tmp_path.glob("*.html")
    assert page.read_text().count("<html") == 1


OUTPUT_NAMES = ["out put.py", "x);import os.py", "line\nbreak.py", "__init__.py", "1.py", "None.py", "match.py", "π.py"]


@pytest.mark.parametrize("name", OUTPUT_NAMES)
def test_an_output_of_any_name_is_a_module_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)
    code = main(["compile", "m.py", "--no-check", "-o", name])
    made = {path.name for path in tmp_path.iterdir()} - {"m.py", "__pycache__"}
    if code == 0:
        assert made == {name} and Path(name).stem.isidentifier()
    else:
        assert code == 2 and made == set() and "Python name" in capsys.readouterr().err
