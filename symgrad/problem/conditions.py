"""A problem and the conditions of its minima as formulas: Lagrangian, stationarity, feasibility, complementarity."""

from typing import Any, NamedTuple

import numpy as np
from sympy import Add, Basic, IndexedBase, Lambda, MatrixSymbol, Sum, Symbol, sympify

from symgrad.calls import checked
from symgrad.errors import ModelError
from symgrad.formula.boxes import Box, derivative_box, name_box, operator, row
from symgrad.formula.latex import latex
from symgrad.formula.layout import layout
from symgrad.formula.listing import body_of
from symgrad.formula.text import line
from symgrad.frontend.names import label_of, name_of
from symgrad.functions.norms import dot
from symgrad.inspect.display import LATEX, Display, in_display_style
from symgrad.model import Model
from symgrad.problem.bounds import Bounds, data_of
from symgrad.problem.compiled import CompiledProblem
from symgrad.problem.constraints import Constraint

FORMATS = ("text", "latex")
SUBJECT_TO = "subject to"


class Row(NamedTuple):
    """A formula, and what is said after it."""

    formula: Box
    said: str = ""


Sections = list[tuple[str, list[Row]]]


class ShownProblem(CompiledProblem):
    """A problem's formulas; see `Problem`."""

    @checked('show("latex")')
    def show(self, format: str = "text") -> Display:
        """The problem, its Lagrangian, and the conditions that a minimum fulfils (of Karush, Kuhn and Tucker).

        Parameters
        ----------
        format : "text" (Unicode) or "latex".

        Raises
        ------
        ModelError : there is no such format.

        Examples
        --------
        >>> from sympy import Le, symbols
        >>> from symgrad import Problem
        >>> x, y = symbols("x y", real=True)
        >>> print(Problem(x**2 + y**2, [x, y], subject_to=[Le(1, x)]).show())
        Minimise
            f = x² + y²
        <BLANKLINE>
        subject to
            1 ≤ x  (c0)
        <BLANKLINE>
        Lagrangian
            L = x² + y² + λ_c0·(1 − x)
        <BLANKLINE>
        Stationary
            ∂L/∂x = 2·x − λ_c0 = 0
            ∂L/∂y = 2·y = 0
        <BLANKLINE>
        Multipliers
            λ_c0 ≥ 0  and 0 where c0 is not at its border
        """
        if format not in FORMATS:
            raise ModelError(f"format {format!r} is not known; choose {', '.join(FORMATS)}")
        sections: Sections = self.model._run(lambda: [*self._stated(), *self._conditions()])
        shown = (_text if format == "text" else _latex)(sections)
        return Display(shown, {LATEX: lambda: in_display_style(_latex(sections))})

    def conditions(self) -> Sections:
        """Constraints by name, the Lagrangian and the conditions of a minimum, each with its title."""
        return self.model._run(lambda: [*(one for one in self._stated() if one[0] == SUBJECT_TO), *self._conditions()])

    def written_conditions(self, format: str = "text") -> str:
        """The same as text or LaTeX."""
        return (_text if format == "text" else _latex)(self.conditions())

    def _summary(self) -> list[str]:
        return _text(self._stated()).splitlines()

    def _stated(self) -> Sections:
        """The problem."""
        sections: Sections = [("Minimise", [Row(_equal(name_box("f"), layout(self.objective)))])]
        if self.constraints:
            sections.append(
                (SUBJECT_TO, [Row(layout(one.relation), f"  ({_called(one)})") for one in self.constraints])
            )
        bounded = [_bound(variable, self.bounds[name_of(variable)]) for variable in self.variables]
        if any(bounded):
            sections.append(("within", [row for row in bounded if row is not None]))
        if self.where:
            named = [Row(_equal(layout(one.lhs), layout(one.rhs))) for one in self.where if hasattr(one, "lhs")]
            sections.append(("where", named))
        return sections

    def _conditions(self) -> Sections:
        """The Lagrangian and the conditions of a minimum."""
        function = Add(self.objective, *map(_weighted, self.constraints))
        variables = list(self.variables)
        model = Model(function, variables, where=self.where, facts=self.model.facts)
        sections: Sections = [("Lagrangian", [Row(_equal(name_box("L"), layout(function)))])]
        stationary = []
        for variable in variables:
            slope = model.gradient(variable)
            left = derivative_box(name_box("L"), name_box(_entry(label_of(variable), slope)))
            bound = self.bounds[name_of(variable)]
            slope_is_zero = row(left, operator("="), layout(body_of(slope)), operator("="), layout(sympify(0)))
            stationary.append(Row(slope_is_zero, _at_ends(bound)))
        sections.append(("Stationary", stationary))
        signed = [one for one in self.constraints if one.kind != "="]
        if signed:
            sections.append(("Multipliers", list(map(_sign, signed))))
        return sections


def _weighted(constraint: Constraint) -> Any:
    """Multipliers times gaps, over the range of the indices."""
    name = f"λ_{constraint.name}"
    if isinstance(constraint.symbol, MatrixSymbol):
        return dot(MatrixSymbol(name, *constraint.symbol.shape), constraint.gap)
    if not constraint.ranges:
        return Symbol(name, real=True) * constraint.gap
    array = IndexedBase(name, shape=tuple(one.high + 1 for one in constraint.ranges))
    return Sum(array[tuple(one.index for one in constraint.ranges)] * constraint.gap, *constraint.ranges)


def _called(constraint: Constraint) -> str:
    """The constraint's name, with its indices and their ranges."""
    if not constraint.ranges:
        return constraint.name
    names = ", ".join(str(one.index) for one in constraint.ranges)
    ends = ", ".join(f"{one.index} = {line(layout(one.low))} … {line(layout(one.high))}" for one in constraint.ranges)
    return f"{constraint.name}[{names}], {ends}"


def _bound(variable: Any, bound: Bounds) -> Row | None:
    """The bounds of a variable, if it has some."""
    parts: list[Box] = [name_box(label_of(variable))]
    if _is_bound(bound.low):
        parts = [_end(bound.low, f"low_{name_of(variable)}"), operator("≤"), *parts]
    if _is_bound(bound.high):
        parts += [operator("≤"), _end(bound.high, f"high_{name_of(variable)}")]
    return Row(row(*parts)) if len(parts) > 1 else None


def _at_ends(bound: Bounds) -> str:
    """What the derivative by a variable may be where this is at an end of its range."""
    ends = ["≥ 0 at the lower bound"] if _is_bound(bound.low) else []
    ends += ["≤ 0 at the upper bound"] if _is_bound(bound.high) else []
    return f", or {', '.join(ends)}" if ends else ""


def _is_bound(end: Any) -> bool:
    return bool(data_of(end) or np.any(np.isfinite(end)))


def _end(end: Any, name: str) -> Box:
    if isinstance(end, str):
        return name_box(end)
    if isinstance(end, Basic):
        return layout(end.xreplace({array: Symbol(name_of(array)) for array in end.atoms(IndexedBase)}))
    return name_box(name) if np.ndim(end) else layout(sympify(int(end) if float(end).is_integer() else float(end)))


def _sign(constraint: Constraint) -> Row:
    multiplier = name_box(f"λ_{constraint.name}")
    sign = "≥" if constraint.kind == "≤" else "≤"
    said = f"  and 0 where {constraint.name} is not at its border"
    return Row(row(multiplier, operator(sign), layout(sympify(0))), said)


def _entry(label: str, slope: Any) -> str:
    return f"{label}[{', '.join(map(str, slope.variables))}]" if isinstance(slope, Lambda) else label


def _equal(left: Box, right: Box) -> Box:
    return row(left, operator("="), right)


def _text(sections: Sections) -> str:
    parts = [[title, *(f"    {line(one.formula)}{one.said}" for one in rows)] for title, rows in sections]
    return "\n\n".join("\n".join(part) for part in parts)


def _latex(sections: Sections) -> str:
    lines = []
    for title, rows in sections:
        lines.append(rf"  &\text{{{title}}}")
        for one in rows:
            said = (
                one.said.strip()
                .replace("≥", r"$\ge$")
                .replace("≤", r"$\le$")
                .replace("_", r"\_")
                .replace("…", r"\dots")
            )
            lines.append(rf"  &\quad {latex(one.formula)}" + (rf"\quad\text{{{said}}}" if said else ""))
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
