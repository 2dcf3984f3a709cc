"""The errors of the compiler: one small family, so that a caller can catch them all as `SymgradError`.

A generated module does not import this package and raises plain `ValueError`, `TypeError` and `IndexError`.
"""

from typing import Any


class SymgradError(Exception):
    """Base of every error that symgrad raises on purpose.

    Examples
    --------
    >>> issubclass(ModelError, SymgradError)
    True
    """


class ModelError(SymgradError):
    """The model is not well formed: a shape, a name, an index or a statement is wrong.

    Examples
    --------
    >>> from sympy import symbols
    >>> from symgrad import Model
    >>> x, y = symbols("x y", real=True)
    >>> try:
    ...     Model(x**2, [y])
    ... except ModelError as error:
    ...     print(error)
    the parameter y does not occur in the loss
    """


class UnsupportedError(SymgradError):
    """The model is legal mathematics that symgrad does not know; the message names the sub-expression.

    Examples
    --------
    >>> from sympy import Function, Symbol
    >>> from symgrad import Model
    >>> x = Symbol("x", real=True)
    >>> try:
    ...     Model(Function("f")(x), [x]).gradient(x)
    ... except UnsupportedError as error:
    ...     print("f" in str(error))
    True
    """


class FormulaError(ModelError):
    """A formula that is given as text is wrong at some place of it; the message shows the line and underlines it.

    Attributes
    ----------
    message : what is wrong, in one line.
    source : the whole text.
    start, end : the place in it, from the character `start` up to, but without, `end`.
    operator : the place of the operator in question within that, or None.
    choices : where the text can be read in several ways, these, as data (`symgrad.text.shapes.Reading`); else empty.

    Examples
    --------
    >>> print(FormulaError("y is not closed", "x + (y", (4, 6), (4, 5)))
    y is not closed
      x + (y
          ^~
    """

    def __init__(
        self,
        message: str,
        source: str,
        place: tuple[int, int],
        operator: tuple[int, int] | None = None,
        choices: tuple[object, ...] = (),
    ) -> None:
        self.message, self.source, self.operator, self.choices = message, source, operator, choices
        self.start, self.end = place
        super().__init__(f"{message}\n{self._marked()}")

    def _marked(self) -> str:
        """The line of the place, with a mark below it; of a place over several lines that of the operator."""
        shown = self.operator or (self.start, self.end)
        begin = self.source.rfind("\n", 0, shown[0]) + 1
        stop = self.source.find("\n", shown[0])
        stop = len(self.source) if stop < 0 else stop
        number = self.source.count("\n", 0, begin)
        line = self.source[begin:stop]
        first, last = max(self.start, begin), min(max(self.end, self.start + 1), max(stop, begin + 1))
        marks = [" " if at < first else "~" for at in range(begin, last)]
        strong = self.operator or (first, first + 1 if self.operator else last)
        for at in range(max(strong[0], begin), max(min(strong[1], last), strong[0] + 1)):
            marks[at - begin : at - begin + 1] = "^"
        blanks = "".join("\t" if character == "\t" else " " for character in line)
        marked = "".join(blanks[n] if mark == " " and n < len(blanks) else mark for n, mark in enumerate(marks))
        where = f"line {number + 1}:\n" if "\n" in self.source.strip("\n") else ""
        return f"{where}  {line}\n  {marked}"


class GradientCheckError(SymgradError):
    """The generated gradient disagrees with the numerical one.

    Attributes
    ----------
    report : the evidence, a `CheckReport`, where there is one.

    Examples
    --------
    >>> GradientCheckError("the gradient check failed").report is None
    True
    """

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report

    @classmethod
    def unless_ok(cls, report: Any, what: str) -> None:
        """Raise the error with a `CheckReport` that failed or is inconclusive, of `what` was checked."""
        if not report.ok:
            outcome = "failed" if report.verdict == "fail" else "was inconclusive"
            raise cls(f"{what} {outcome}\n{report}", report)
