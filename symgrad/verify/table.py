"""What a gradient check found, parameter by parameter, and as a table of HTML that begins with the verdict."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

_WORST = ("pass", "inconclusive", "fail")
_COLOURS = {"pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a6700"}  # that can be read on light and on dark
_LEFT, _RIGHT = ' style="text-align: left"', ' style="text-align: right"'
COLUMNS = ("parameter", "pass", "fail", "unclear", "worst", "analytic", "numeric", "error", "ratio")


@dataclass(frozen=True)
class Row:
    """How many derivatives by a parameter got which verdict, and the worst of them, an `Entry`."""

    name: str
    passed: int
    failed: int
    unclear: int
    worst: Any

    def cells(self, number: str) -> tuple[str, ...]:
        """What a table says of it, in the order of `COLUMNS` without the first; derivatives in a format."""
        worst, counts = self.worst, map(str, (self.passed, self.failed, self.unclear))
        ratio = f"{worst.ratio:.2g}" if worst.ratio < 1e4 else f"{worst.ratio:.0e}"
        analytic, numeric = format(worst.analytic, number), format(worst.numeric, number)
        return (*counts, worst.label, analytic, numeric, f"{worst.error:.1e}", ratio)

    @property
    def difference(self) -> float:
        """Between the worst derivative and its numerical value."""
        return abs(float(self.worst.analytic - self.worst.numeric))


def by_parameter(entries: Iterable[Any]) -> Iterator[Row]:
    """The entries of a report, in the order of their parameters."""
    found: dict[str, list[Any]] = {}
    for entry in entries:
        found.setdefault(entry.parameter, []).append(entry)
    for name, own in found.items():
        verdicts = [entry.verdict for entry in own]
        worst = max(own, key=lambda entry: (_WORST.index(entry.verdict), entry.ratio))
        yield Row(name, verdicts.count("pass"), verdicts.count("fail"), verdicts.count("inconclusive"), worst)


def check_table(report: Any) -> str:
    """A `CheckReport` as HTML: its verdict, a row for each parameter, and the whole report to be unfolded."""
    first, *rest = report.conclusion.splitlines()
    parts = [f'<p><strong style="color: {_COLOURS[report.verdict]}">{escape(first)}</strong></p>']
    parts += [f"<pre>{escape(chr(10).join(rest))}</pre>"] if rest else []
    rows = [_row(row) for row in by_parameter(report.entries)]
    if rows:
        head = "".join(f'<th scope="col"{_LEFT}>{name}</th>' for name in COLUMNS)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")
    parts.append(f"<details><summary>The whole report</summary><pre>{escape(str(report))}</pre></details>")
    return "\n".join(parts)


def _row(row: Row) -> str:
    sides = [_RIGHT, _RIGHT, _RIGHT, _LEFT, _RIGHT, _RIGHT, _RIGHT, _RIGHT]
    inside = "".join(f"<td{side}>{escape(value)}</td>" for side, value in zip(sides, row.cells(".6g"), strict=True))
    return f'<tr><th scope="row"{_LEFT}>{escape(row.name)}</th>{inside}</tr>'
