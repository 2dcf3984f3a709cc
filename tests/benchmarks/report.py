"""What was measured, as tables on the terminal, as Markdown and as a plot."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text
from timing import Ratio

NONE = "—"


@dataclass
class Row:
    """One case in one floating type.

    Attributes
    ----------
    seconds : the median duration of a call, by contender.
    ratios : symgrad's duration by the contender's.
    compile_seconds : of the first call, less a usual one; symgrad's is from the SymPy model to the imported module.
    peak : bytes held during a call beyond its inputs.
    absent : why a contender has no ratio.
    failure : why symgrad itself has no answer.
    """

    case: str
    dtype: str
    input_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, Ratio] = field(default_factory=dict)
    compile_seconds: dict[str, float] = field(default_factory=dict)
    import_seconds: float | None = None
    peak: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    disagreement: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """All rows, the contenders that symgrad is compared with, those that are not installed or were left out.

    `machine` says what it was measured on, and `clock` how.
    """

    rows: list[Row]
    others: list[str]
    missing: dict[str, str]
    machine: str = ""
    clock: str = ""

    def save(self, path: Path) -> None:
        """Write all of it to a JSON file, in one step."""
        written = path.with_suffix(".part")
        written.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        written.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Run":
        """What `save` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = [Row(**row) for row in found.pop("rows")]
        for row in rows:
            row.ratios = {name: Ratio(**ratio) for name, ratio in row.ratios.items()}  # type: ignore[arg-type]
        return cls(rows, **found)

    @property
    def disagreements(self) -> list[str]:
        return [
            f"{row.case} {row.dtype}: {name} differs by {error:.1e} relative"
            for row in self.rows
            for name, error in row.disagreement.items()
        ]

    def notes(self) -> Iterator[str]:
        for name, why in self.missing.items():
            yield f"{name}: {why}; its column is empty"
        for row in self.rows:
            if row.failure is not None:
                yield f"{row.case} {row.dtype}: {row.failure}"
            for name, why in row.absent.items():
                yield f"{row.case} {row.dtype}: {name}: {why}"
        for line in self.disagreements:
            yield f"WRONG: {line}"


HEADING = (
    "symgrad's time by the other's, median (quartiles) over rounds of bursts: below 1 symgrad is the faster. "
    "The limit is only what no method can avoid."
)


def _ratio(found: Ratio | None) -> str:
    if found is None:
        return NONE
    median, low, high = (f"{x:.2f}" if x >= 0.1 else f"{x:.2g}" for x in (found.median, found.low, found.high))
    return f"{median} ({low}–{high})"


def _milliseconds(seconds: float | None) -> str:
    return NONE if seconds is None else f"{1000 * seconds:.3g}"


def ratio_table(run: Run, dtype: str) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of the table of ratios, with the geometric means at its end."""
    body = []
    rows = [row for row in run.rows if row.dtype == dtype]
    for row in rows:
        if row.failure is not None:
            body.append([row.case, NONE, *[NONE] * len(run.others)])
            continue
        cells = []
        for name in run.others:
            wrong = name in row.disagreement or "symgrad" in row.disagreement
            cells.append("WRONG" if wrong else _ratio(row.ratios.get(name)))
        body.append([row.case, _milliseconds(row.seconds.get("symgrad")), *cells])
    means = []
    for name in run.others:
        known = [row.ratios[name].median for row in rows if name in row.ratios]
        means.append(f"{np.exp(np.mean(np.log(known))):.2f} of {len(known)}" if known else NONE)
    body.append(["geometric mean", "", *means])
    return [f"case, {dtype}", "symgrad ms", *run.others], body


def time_table(run: Run, dtype: str) -> tuple[list[str], list[list[str]]]:
    """Medians in milliseconds."""
    names = ["symgrad", *run.others]
    rows = [row for row in run.rows if row.dtype == dtype and row.failure is None]
    return [f"ms, {dtype}", *names], [[r.case, *(_milliseconds(r.seconds.get(name)) for name in names)] for r in rows]


def once_table(run: Run) -> tuple[list[str], list[list[str]]]:
    """What is paid once: compiling, importing; and the peak of memory beyond the inputs, in per cent of these.

    A row a case, in the first of its types.
    """
    rows = list({row.case: row for row in reversed(run.rows) if row.failure is None}.values())[::-1]
    compilers = ["symgrad", *(name for name in run.others if any(name in row.compile_seconds for row in rows))]
    holders = [name for name in ["symgrad", *run.others] if any(name in row.peak for row in rows)]
    head = ["case", *(f"compile s: {name}" for name in compilers), "import ms"]
    head += [f"peak memory %: {name}" for name in holders]
    body = []
    for row in rows:
        compiling = [f"{row.compile_seconds[name]:.2f}" if name in row.compile_seconds else NONE for name in compilers]
        peaks = [f"{100 * row.peak[name] / row.input_bytes:.0f}" if name in row.peak else NONE for name in holders]
        body.append([f"{row.case} {row.dtype}", *compiling, _milliseconds(row.import_seconds), *peaks])
    return head, body


def print_run(run: Run, console: Console) -> None:
    for dtype in dict.fromkeys(row.dtype for row in run.rows):
        table = _rich(*ratio_table(run, dtype), title=HEADING)
        if console.measure(table, options=console.options.update(max_width=1000)).maximum > console.width:
            table = _rich(*ratio_table(run, dtype), title=HEADING, quartiles=False)
        console.print(table)
    console.print(_rich(*once_table(run), title="Once a model"))
    for note in run.notes():
        console.print(note, style="red" if note.startswith("WRONG") else "dim", markup=False, highlight=False)


def _rich(head: list[str], body: list[list[str]], title: str, quartiles: bool = True) -> Table:
    table = Table(title=title, title_justify="left", title_style="", header_style="bold", pad_edge=False, box=SIMPLE)
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number == 0)
    for cells in body:
        table.add_row(*(Text(cell if quartiles else cell.partition(" (")[0], style=_style(cell)) for cell in cells))
    return table


def _style(cell: str) -> str:
    if cell == "WRONG":
        return "bold red"
    if "(" not in cell:
        return ""
    return "green" if float(cell.split()[0]) <= 1 else "red" if float(cell.split()[0]) > 1.05 else ""


def markdown(run: Run, level: str = "#") -> str:
    """The tables, under a heading of the level."""
    parts = [f"{level} Benchmarks, {run.clock}", run.machine, HEADING]
    for dtype in dict.fromkeys(row.dtype for row in run.rows):
        parts += [_markdown_table(*ratio_table(run, dtype)), _markdown_table(*time_table(run, dtype))]
    parts += ["Once a model; memory is what a call holds beyond its inputs, in per cent of these:"]
    parts += [_markdown_table(*once_table(run)), "\n".join(f"* {note}" for note in run.notes())]
    return "\n\n".join(parts).rstrip() + "\n"


def _markdown_table(head: list[str], body: list[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), "|---|" + "---:|" * (len(head) - 1), *map(line, body)])


def plot(run: Run, path: Path) -> None:
    """The ratios by case on a logarithmic axis, a panel a floating type, with quartiles as bars."""
    import matplotlib

    matplotlib.use("Agg")  # a picture in a file needs no screen
    import matplotlib.pyplot as plt

    dtypes = list(dict.fromkeys(row.dtype for row in run.rows))
    names = list(dict.fromkeys(row.case for row in run.rows if row.ratios))
    figure, panels = plt.subplots(
        1, len(dtypes), figsize=(7 * len(dtypes) + 2, 1.5 + 0.32 * len(names)), sharey=True, squeeze=False
    )
    for panel, dtype in zip(panels[0], dtypes, strict=True):
        rows = {row.case: row for row in run.rows if row.dtype == dtype}
        for number, other in enumerate(run.others):
            offset = 0.5 * ((number + 0.5) / len(run.others) - 0.5)
            found = [(place + offset, rows[case].ratios[other]) for place, case in enumerate(names)
                     if case in rows and other in rows[case].ratios]  # fmt: skip
            if found:
                medians = np.array([ratio.median for _, ratio in found])
                spread = [medians - [r.low for _, r in found], [r.high for _, r in found] - medians]
                panel.errorbar(medians, [y for y, _ in found], xerr=spread, fmt=f"C{number}o", ms=4, lw=1, label=other)
        panel.axvline(1, color="black", lw=1)
        panel.set_xscale("log")
        panel.set_title(dtype)
        panel.set_xlabel("symgrad's time by the other's; left of 1 symgrad is the faster")
        panel.grid(axis="x", which="both", alpha=0.25)
        panel.set_yticks(range(len(names)), names)
    panels[0][0].invert_yaxis()
    known = {label: mark for panel in panels[0] for mark, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    panels[0][-1].legend(known.values(), known.keys(), loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
