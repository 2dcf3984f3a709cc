"""An interrupted command leaves the folder as it was and says so by its exit code."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import symgrad

MARK = "running"  # what the model file writes when it runs, so that the signal comes neither too early nor too late

FOREVER = f"""\
import time
from pathlib import Path

Path("{MARK}").touch()
while True:
    time.sleep(0.01)
"""

SLOW_TO_WRITE = f"""\
import time
from pathlib import Path

import symgrad.files as files
from sympy import symbols

from symgrad import Model

a = symbols("a", real=True)
model = Model((a - 1) ** 2, [a])
write_new = files._write_new


def slow(*given, **named):
    write_new(*given, **named)
    Path("{MARK}").touch()
    time.sleep(60)


files._write_new = slow
"""


@pytest.mark.skipif(os.name != "posix", reason="signals between processes are those of POSIX")
@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param(FOREVER, signal.SIGINT, id="while the model file runs"),
        pytest.param(SLOW_TO_WRITE, signal.SIGTERM, id="while files are written"),
        pytest.param(FOREVER, signal.SIGTERM, marks=pytest.mark.long, id="while the model file runs, ended"),
        pytest.param(SLOW_TO_WRITE, signal.SIGINT, marks=pytest.mark.long, id="while files are written, by keyboard"),
    ],
)
def test_an_interrupted_compilation_leaves_nothing_behind(tmp_path: Path, text: str, number: signal.Signals) -> None:
    model, output, mark = tmp_path / "m.py", tmp_path / "out.py", tmp_path / MARK
    model.write_text(text)
    output.write_text("what was there\n")
    program = "import sys; from symgrad.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "compile", "m.py", "-o", "out.py", "--with-test", "--no-check"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(3000):
        if mark.exists() or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in said
    assert output.read_text() == "what was there\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.py", "out.py", MARK]
