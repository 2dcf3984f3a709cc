"""What the guide shows as printed is printed by the example before it, and every example passes its gradient check."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

GUIDE = Path(__file__).parents[2] / "examples" / "GUIDE.md"
_BLOCK = re.compile(r"^(?:<!-- printed: (\w+) -->\n)?```(\w+)\n(.*?)^```$", re.M | re.S)


class Example(NamedTuple):
    code: str
    shown: list[tuple[str, str]]  # formulas or code, and the text


def _examples() -> dict[str, Example]:
    """The models of the guide with what follows them, by section and number."""
    found: dict[str, Example] = {}
    for section in re.split(r"^## ", GUIDE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        here: list[Example] = []
        for what, language, text in _BLOCK.findall(section):
            if what and here:
                here[-1].shown.append((what, text))
            elif language == "python" and re.search(r"^model = Model\(", text, re.M):
                here.append(Example(text, []))
        found |= {f"{section.splitlines()[0]} {n}": example for n, example in enumerate(here, 1)}
    return found


def _model(code: str) -> Any:
    scope: dict[str, Any] = {}
    exec(re.sub(r"^print\(.*\)$", "", code, flags=re.M), scope)
    return scope["model"]


def _in_order(lines: list[str], text: str) -> str | None:
    """The first of the lines that does not follow those before it in a text, whose spacing is its own matter.

    `...` stands for any lines.
    """
    rest = ["".join(line.split()) for line in text.splitlines()]
    for line in lines:
        bare = "".join(line.split())
        if bare in ("", "..."):
            continue
        if bare not in rest:
            return line
        rest = rest[rest.index(bare) + 1 :]
    return None


@pytest.mark.parametrize("name", _examples())
def test_an_example_prints_what_the_guide_says_and_is_right(name: str) -> None:
    example = _examples()[name]
    model = _model(example.code)
    said = {"formulas": model.show(), "code": model.source().split("def value_and_gradient(")[1]}
    for what, text in example.shown:
        assert _in_order(text.splitlines(), said[what]) is None, said[what]
    assert model.check(chain=False).ok


def test_there_are_examples_of_every_section_on_models() -> None:
    sections = {name.rsplit(" ", 1)[0] for name in _examples()}
    assert {"Linear algebra", "Recurrences", "Subscripts", "Reductions", "Gather", "Masks"} <= sections


def test_lines_are_found_in_their_order_only() -> None:
    assert _in_order(["a", "...", "c"], "a\n  b\n  c") is None
    assert _in_order(["c", "a"], "a\nb\nc") == "a"
