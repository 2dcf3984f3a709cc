"""The table of `examples/README.md` has every model. `python tests/examples/test_page.py` writes it anew."""

import ast
import re
import time
from pathlib import Path

import pytest

from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = EXAMPLES / "README.md"
START, END = "<!-- models -->\n", "<!-- end of models -->\n"
LONGEST = 150  # of a formula in the table; of a longer one the loss alone is shown
SLOWEST = 5.0  # seconds, of one processor, to derive a model and write its module


def _models() -> list[str]:
    """The files that define `model`."""
    return sorted(path.stem for path in EXAMPLES.glob("*.py") if re.search(r"^model = ", path.read_text("utf-8"), re.M))


def _docstring(name: str) -> str:
    text = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8")))
    assert text is not None
    return text


def _formula(name: str) -> str:
    """The formulas that the docstring opens with, in one line; of long ones that of the loss."""
    paragraph = re.sub(r"\s+", " ", _docstring(name).split("\n\n")[1]) if "\n\n" in _docstring(name) else ""
    if len(paragraph) > LONGEST:
        found = re.search(r"(?:^|\s{2,})(C = .*?)(?:\s{4}|$)", _docstring(name), re.M)
        paragraph = found[1] if found else paragraph
    return paragraph.rstrip(",").replace("|", "\\|")


def _row(name: str, seconds: str) -> str:
    title = _docstring(name).splitlines()[0].rstrip(".:")
    return f"| [`{name}.py`]({name}.py) | {title} | {_formula(name)} | {seconds} |"


def _seconds(name: str) -> float:
    """How long it takes to read and derive a model and to write its module, unchecked."""
    began = time.process_time()
    load_model(ModelReference(EXAMPLES / f"{name}.py")).source()
    return time.process_time() - began


def _rows() -> list[str]:
    table = PAGE.read_text("utf-8").partition(START)[2].partition(END)[0]
    return [line for line in table.splitlines() if line.startswith("| [")]


def test_every_model_is_in_the_table_with_its_formula() -> None:
    shown = [re.sub(r"[\d.]+ s \|$", "s |", row) for row in _rows()]
    assert shown == [_row(name, "s") for name in _models()], "python tests/examples/test_page.py writes it anew"


def test_the_times_in_the_table_are_short() -> None:
    for row in _rows():
        assert float(row.split("|")[-2].removesuffix("s ")) < SLOWEST, row


@pytest.mark.parametrize("name", one_in(12, _models()))
def test_a_model_compiles_in_seconds(name: str) -> None:
    assert _seconds(name) < SLOWEST


def _write() -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    after = rest.partition(END)[2]
    head = "| file | model | formula | compiled in |\n|---|---|---|---|\n"
    rows = "".join(f"{_row(name, f'{_seconds(name):.1f} s')}\n" for name in _models())
    PAGE.write_text(f"{before}{START}\n{head}{rows}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    _write()
