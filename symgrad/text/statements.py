"""The statements of a text, sorted by what they are: a `tree.Program`."""

from dataclasses import dataclass
from typing import Any

from symgrad.errors import FormulaError
from symgrad.text import tree
from symgrad.text.tree import Span


@dataclass(frozen=True)
class Objective:
    """minimise value."""

    value: Any


@dataclass(frozen=True)
class Equation:
    """target = value: a definition, or what a problem is subject to."""

    target: Any
    value: Any
    at: Span


@dataclass(frozen=True)
class Between:
    """low ≤ middle ≤ high, as two comparisons."""

    first: tree.Comparison
    second: tree.Comparison
    at: Span


@dataclass(frozen=True)
class Constraints:
    """A line with `subject to` or `assume`: the statement before it, and the comparisons after it."""

    statement: Any
    conditions: tuple[Any, ...]
    assumed: bool = False


@dataclass(frozen=True)
class Origin:
    """subscripts from 0, or from 1."""

    first: int
    at: Span


class Sorted:
    """The statements of a text by what they are."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.declarations: list[tree.Declaration] = []
        self.definitions: list[tree.Definition] = []
        self.results: list[tree.Expression] = []
        self.constraints: list[tree.Constraint] = []
        self.assumptions: list[tree.Constraint] = []
        self.origin: int | None = None
        self.sizes: set[str] = set()
        self.minimised = self.subject = False

    def program(self, statements: list[Any]) -> tree.Program:
        for statement in statements:
            if isinstance(statement, tree.Declaration):
                self.sizes |= {
                    node.text for size in statement.sizes for node in tree.walk(size) if isinstance(node, tree.Name)
                }
        for statement in statements:
            self._take(statement)
        if not self.results and self.definitions and not self.subject:
            last = self.definitions[-1]  # of r = X*w - y alone the result is r
            self.results.append(tree.Name(last.name, Span(last.at.start, last.at.start + len(last.name))))
        if not self.results:
            raise FormulaError("there is no formula to differentiate", self.source, (0, len(self.source)))
        (result,) = self.results
        return tree.Program(
            self.source,
            tuple(self.declarations),
            tuple(self.definitions),
            result,
            self.minimised,
            tuple(self.constraints),
            self.origin,
            tuple(self.assumptions),
        )

    def _take(self, statement: Any) -> None:
        if isinstance(statement, Origin):
            if self.origin not in (None, statement.first):
                raise self._fail("subscripts count from one number only", statement.at)
            self.origin = statement.first
        elif isinstance(statement, Constraints) and statement.assumed:
            for condition in statement.conditions:
                self._assume(condition)
        elif isinstance(statement, Constraints):
            if statement.statement is not None:
                self._take(statement.statement)
            self.subject = True
            for condition in statement.conditions:
                self._take(condition)
        elif isinstance(statement, Objective):
            self._result(statement.value)
            self.minimised = True
        elif isinstance(statement, tree.Declaration):
            self.declarations.append(statement)
        elif isinstance(statement, Equation) and not self.subject:
            self.definitions.append(self._definition(statement))
        elif isinstance(statement, Equation):
            self._constrain(tree.Comparison("==", statement.target, statement.value, statement.at))
        elif isinstance(statement, tree.Comparison):
            self._constrain(statement)
        elif isinstance(statement, tree.Logical):
            raise self._fail("a comparison is no value; constraints stand one by one, behind commas", statement.at)
        elif isinstance(statement, Between):
            self._constrain(statement.first)
            self._constrain(statement.second)
        elif self.subject:
            raise self._fail("what follows `subject to` are comparisons, such as x >= 0", statement.at)
        else:
            self._result(statement)

    def _result(self, value: tree.Expression) -> None:
        if self.results:
            raise self._fail("there is a result already; intermediate quantities have names: r = X*w - y", value.at)
        self.results.append(value)

    def _definition(self, equation: Equation) -> tree.Definition:
        target = equation.target
        parts: tuple[Any, ...] = (target,)
        if isinstance(target, tree.Subscripted):
            parts = (target.base, *target.subscripts)
        name, *subscripts = parts
        if not isinstance(name, tree.Name):
            raise self._fail("before = stands a name, or a name with indices: r = X*w - y, r[i] = x[i]^2", target.at)
        indices = tree.open_indices([target], self.sizes)
        return tree.Definition(name.text, tuple(subscripts), equation.value, equation.at, indices)

    def _constrain(self, comparison: tree.Comparison) -> None:
        """A comparison as a constraint; the indices that it leaves open are those for all of which it holds."""
        if not self.subject:
            raise self._fail("a comparison is no value; constraints follow `subject to`", comparison.at)
        if comparison.operator in ("<", ">"):
            message = "a strict inequality has no points on its border, where minima lie; write {}="
            raise self._fail(message.format(comparison.operator), comparison.at)
        if comparison.operator == "!=":
            raise self._fail("a constraint is an equation or an inequality, such as x >= 0", comparison.at)
        self.constraints.append(self._for_all(comparison))

    def _assume(self, statement: Any) -> None:
        if isinstance(statement, Between):
            self.assumptions += map(self._for_all, (statement.first, statement.second))
            return
        if isinstance(statement, Equation):
            statement = tree.Comparison("==", statement.target, statement.value, statement.at)
        if not isinstance(statement, tree.Comparison):
            raise self._fail("what is assumed are comparisons, such as x >= 0", statement.at)
        self.assumptions.append(self._for_all(statement))

    def _for_all(self, comparison: tree.Comparison) -> tree.Constraint:
        return tree.Constraint(comparison, tree.open_indices([comparison], self.sizes))

    def _fail(self, message: str, at: Span) -> FormulaError:
        return FormulaError(message, self.source, (at.start, at.end))
