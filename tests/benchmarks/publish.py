"""Makes the published page of finished runs: `RESULTS.md` and its plots, and the picture of the README.

    python tests/benchmarks/publish.py ONE_CORE.json [OTHERS.json ...]
    python tests/benchmarks/publish.py --add RUN.json [OTHERS.json ...]

The files are those that `run.py --results` keeps; the section on problems is that of `sparse.py --publish`, that on
rows on disk of `rows.py`. The plots show the first. Cases that no file has are named. With `--add` the page keeps what
it has, plots among them, and gets a section for each run, or a new one in place of that with the same heading.
"""

import sys
from pathlib import Path

import report
from run import CASES
from sparse import BEGIN

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parents[1] / "examples" / "pictures" / "benchmark.png"

HEAD = """# Benchmarks

Value and gradient (or second derivatives) of the same model on the same arrays, in one process. `python
tests/benchmarks/run.py --help` says how to repeat it; `expert NumPy` is whole-array code by hand, `limit` what no
method can avoid (the matrix products alone, or reading the data once).

![Ratios by case, on one core](RESULTS.png)
"""


def main(files: list[Path]) -> None:
    """Write the page and the pictures."""
    runs = [report.Run.load(file) for file in files]
    measured = {row.case for run in runs for row in run.rows}
    absent = [case.name for case in CASES if case.name not in measured]
    note = [f"Not measured in these runs: {', '.join(absent)}.\n"] if absent else []
    page = "\n".join([HEAD, *note, *(report.markdown(run, "##") for run in runs)])
    old = (HERE / "RESULTS.md").read_text(encoding="utf-8")
    if BEGIN in old:  # what `sparse.py --publish` has written stays, and what is behind it, of `rows.py`
        page = f"{page.rstrip()}\n\n{BEGIN}{old.partition(BEGIN)[2]}"
    (HERE / "RESULTS.md").write_text(page, encoding="utf-8")
    report.plot(runs[0], HERE / "RESULTS.png")
    first = [row for row in runs[0].rows if row.dtype == "float64"]
    report.plot(report.Run(first, runs[0].others, runs[0].missing), PICTURE)


def add(files: list[Path]) -> None:
    """Put a section for each run on the page."""
    page = HERE / "RESULTS.md"
    text = page.read_text(encoding="utf-8")
    for run in map(report.Run.load, files):
        run.others = [name for name in run.others if any(name in row.ratios for row in run.rows)]
        run.missing = {}
        section = report.markdown(run, "##")
        heading = section[: section.index("\n") + 1]
        before, found, rest = text.partition(heading)
        if not found:
            before, found, rest = text.partition(BEGIN)
            rest = found + rest
        elif "\n## " in rest:
            rest = rest[rest.index("\n## ") + 1 :]
        text = f"{before.rstrip()}\n\n{section}\n{rest}"
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--add"]:
        add([Path(name) for name in sys.argv[2:]])
    else:
        main([Path(name) for name in sys.argv[1:]])
