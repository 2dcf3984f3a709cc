"""The errors of the compiler: one small family, so that a caller can catch them all as `SymgradError`.

A generated module does not import this package and raises plain `ValueError`, `TypeError` and `IndexError`.
"""


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
