"""The errors of the compiler: one small family, so that a caller can catch them all as `SymgradError`.

A generated module does not import this package and raises plain `ValueError`, `TypeError` and `IndexError`.
"""


class SymgradError(Exception):
    """Base of every error that symgrad raises on purpose."""


class ModelError(SymgradError):
    """The model is not well formed: a shape, a name, an index or a statement is wrong."""


class UnsupportedError(SymgradError):
    """The model is legal mathematics that symgrad does not know; the message names the sub-expression."""


class GradientCheckError(SymgradError):
    """The generated gradient disagrees with the numerical one; `report` holds the evidence."""

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report
