"""What the README shows is what is printed. `python tests/examples/test_readme.py` writes it anew."""

import ast
import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from symgrad.cli import main
from symgrad.cli.model_file import ModelReference, load_model

README = Path(__file__).parents[2] / "README.md"


def _blocks() -> dict[str, str]:
    """The fenced blocks that follow a comment such as `<!-- printed: show -->`, by what the comment says."""
    found = re.findall(r"^<!-- (\w+: \w+) -->\n```\w*\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    return dict(found)


def _example() -> dict[str, object]:
    code = re.search(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    assert code is not None
    scope: dict[str, object] = {"lines": len(code[1].splitlines())}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code[1], scope)
    return {**scope, "output": output.getvalue()}


def _printed() -> dict[str, str]:
    """What the example really prints: the formulas, and of the module the functions that compute it all."""
    model = _example()["model"]
    source = model.source()
    hearts = (
        ast.get_source_segment(source, part)
        for part in ast.parse(source).body
        if isinstance(part, ast.FunctionDef) and part.name.removeprefix("_").startswith("value_and_gradient")
    )
    return {
        "printed: show": model.show().rstrip() + "\n",
        "printed: latex": model.show("latex") + "\n",
        "printed: source": "\n\n\n".join(map(str, hearts)) + "\n",
        "printed: derive": _derived(),
    }


def _derived() -> str:
    """The first command of the README, as it stands there, with what it prints."""
    line = _blocks()["printed: derive"].splitlines()[0]
    prompt, program, *arguments = shlex.split(line)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert (prompt, program, main(arguments)) == ("$", "symgrad", 0)
    return f"{line}\n{output.getvalue()}"


@pytest.mark.parametrize("block", ["printed: derive", "printed: show", "printed: latex", "printed: source"])
def test_the_output_shown_is_the_output(block: str) -> None:
    assert _blocks()[block] == _printed()[block], "python tests/examples/test_readme.py writes it anew"


def test_the_example_is_short_and_prints_formulas_and_module() -> None:
    example = _example()
    assert example["lines"] <= 15
    assert all(_printed()[f"printed: {what}"] in example["output"] for what in ("show", "source"))


def test_the_generated_module_is_used_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logistic_gradient.py").write_text(_example()["model"].source(), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    rng = np.random.default_rng(0)
    # labels that no straight line divides, so that the loss has a minimum
    scope = {"np": np, "X": rng.normal(size=(40, 3)), "t": rng.integers(0, 2, 40).astype(float), "w": np.zeros(3)}
    uses = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    for use in uses:
        if "logistic_gradient" in use:
            exec(use, scope)
    assert scope["best"].success
    # BFGS stops at 1e-5 by default
    assert np.abs(scope["logistic_gradient"].gradient(scope["w"], X=scope["X"], t=scope["t"]).w).max() < 1e-4


def test_the_first_screen_has_a_command_to_install_and_the_published_numbers() -> None:
    above = README.read_text(encoding="utf-8").partition("## ")[0]
    assert "pip install" in above and "It is for people who" in above
    results = (README.parent / "tests" / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    means = re.search(r"^\| geometric mean \|.*$", results, re.M)
    assert means is not None
    _, expert, jax, *_ = re.findall(r"([\d.]+) of (\d+)", means[0])
    assert [f"over {jax[1]}" in above, f"{jax[0]} of the time" in above, f"and {expert[0]}" in above] == [True] * 3


def test_the_two_commands_are_marked_for_the_checks_and_are_one_line_each() -> None:
    blocks = _blocks()
    for name in ("command: compile", "command: test"):
        assert len(blocks[name].splitlines()) == 1
        assert blocks[name].startswith("python3 -m venv .venv && ")


def test_the_synopsis_names_the_commands_and_options_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text(encoding="utf-8")
    for command in ("derive", "compile", "show", "check", "report"):
        synopsis = re.search(rf"^symgrad {command} .*$", text, re.M)
        assert synopsis is not None
        assert main([command, "--help"]) == 0
        usage = capsys.readouterr().out
        assert set(re.findall(r"--[a-z-]+", synopsis[0])) <= set(re.findall(r"--[a-z-]+", usage))
        assert set(re.findall(r"--[a-z-]+", usage)) - {"--help", "--output"} <= set(
            re.findall(r"--[a-z-]+", synopsis[0])
        )


def test_the_picture_of_the_graph_is_the_one_drawn() -> None:
    model = load_model(ModelReference(README.parent / "examples" / "blocks.py"))
    drawn = (README.parent / "examples" / "pictures" / "graph.svg").read_text(encoding="utf-8")
    assert drawn == model.show("svg"), "python examples/pictures/make.py draws it anew"


def _write() -> None:
    text = README.read_text(encoding="utf-8")
    for name, content in _printed().items():
        # A function, since backslashes in a replacement text would be read as escapes.
        text = re.sub(
            rf"^(<!-- {name} -->\n```\w*\n).*?^```$",
            lambda match, content=content: f"{match[1]}{content}```",
            text,
            flags=re.M | re.S,
        )
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write()
