"""The tutorial runs from its first cell to its last, and shows formulas, the table of the check and the page."""

from pathlib import Path
from typing import Any

import pytest

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"


def _outputs(book: Any) -> list[tuple[str, dict[str, Any]]]:
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    return [(cell.source, output.data) for cell in cells for output in cell.outputs if "data" in output]


@pytest.mark.long
def test_the_tutorial_runs_and_shows_what_it_speaks_of() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(TUTORIAL, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "outputs are made by running it, and not kept"
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()  # an assertion that fails is raised
    shown = dict(_outputs(book))
    assert all("error" not in [output.output_type for output in cell.get("outputs", ())] for cell in book.cells)
    last = {source.splitlines()[-1]: data for source, data in shown.items()}
    assert r"X^{\top}(y-t)" in last["logistic.show()"]["text/latex"]
    assert "<details" in last["logistic.show(steps=True)"]["text/html"]
    assert "PASSED" in last["check"]["text/html"].partition("<table>")[0]
    assert last['blocks.show("svg")']["image/svg+xml"].startswith("<svg")
    assert r"\frac{\partial C}{\partial Z}" in last['typeset(blocks.block("W1"))']["text/latex"]
    assert last["logistic.report()"]["text/html"].startswith("<iframe")
