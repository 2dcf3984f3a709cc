"""The guide's table of stumbles: what is written first is refused as it says, and what to write is a model."""

import re
from pathlib import Path
from typing import Any

import pytest

from symgrad import Model

_SECTION = (Path(__file__).parents[2] / "examples" / "GUIDE.md").read_text(encoding="utf-8").split("## Stumbles\n")[1]
_SECTION = _SECTION.split("\n## ")[0]
_SETUP, _DEFINED = re.findall(r"^```python\n(.*?)^```$", _SECTION, re.M | re.S)
_ROWS = re.findall(r"^\| `(.*)` \| `(.*)` \| `(.*)` \|$", _SECTION, re.M)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(_SETUP, scope)
    return scope


def _model(text: str, names: dict[str, Any]) -> Model:
    loss = eval(text, names)
    return Model(loss, ["x" if "x" in map(str, loss.free_symbols) else "w"])


def test_there_are_stumbles() -> None:
    assert len(_ROWS) >= 36


@pytest.mark.parametrize(("first", "message"), [row[:2] for row in _ROWS], ids=[row[0] for row in _ROWS])
def test_what_is_written_first_is_refused_with_this_message(first: str, message: str, names: dict[str, Any]) -> None:
    with pytest.raises(Exception) as caught:
        _model(first, names)
    assert message in f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize("cure", [row[2] for row in _ROWS])
def test_what_to_write_is_a_model(cure: str, names: dict[str, Any]) -> None:
    assert _model(cure, names).gradient(next(iter(_model(cure, names).parameters))) is not None


def test_the_defined_quantity(names: dict[str, Any]) -> None:
    *before, last = _DEFINED.strip().splitlines()
    scope = dict(names)
    exec("\n".join(before), scope)
    code, shown = last.split("  # ")
    assert str(eval(code, scope)) == shown
