"""Functions of one argument whose code is derived: every derivative is such a function again, and keeps its digits."""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import Any, ClassVar, TypeVar

import mpmath
from sympy import Expr, Rational, S, cancel, cos, cosh, count_ops, exp, log, sin, sinh, srepr, tanh, together

from symgrad.functions import log_sigmoid, sigmoid, softplus
from symgrad.functions.elementwise import Elementwise
from symgrad.functions.spelled import Spelled
from symgrad.univariate.column import CALLED, Column
from symgrad.univariate.exact import exact_value
from symgrad.univariate.far import OF_EXP, Ratio, far
from symgrad.univariate.loss import LOST, error, opened, plain_error
from symgrad.univariate.pieces import Pieces, candidates
from symgrad.univariate.series import NoSeries, X, expansion
from symgrad.univariate.source import source


class Univariate(Elementwise, Spelled):
    """A function of one argument, `expression` of X, that plain floating point does not compute to all digits."""

    expression: ClassVar[Expr]
    name: ClassVar[str]

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        if x is S.NaN:
            return x
        if x is S.Zero:
            found = _limit(cls.expression)
            return found if found is not None and found.is_Rational else None
        if x.could_extract_minus_sign():
            parity = _parity(cls.expression)
            return None if parity is None else parity * cls(-x)
        return None

    def fdiff(self, argindex: int = 1) -> Expr:
        return derivative(type(self).expression).xreplace({X: self.args[0]})

    @classmethod
    def spelled(cls, x: Expr) -> Expr:
        """The expression of x."""
        return cls.expression.xreplace({X: x})

    @classmethod
    def _value(cls, x: Any) -> Any:
        value = exact_value(cls.expression, x)
        return mpmath.nan if value is None else value

    def _eval_rewrite_as_exp(self, x: Expr, **_: Any) -> Expr:
        return type(self).expression.xreplace({X: x})

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    @property
    def computed(self) -> Callable[[Column], Any]:
        """What code computes."""
        found: Callable[[Column], Any] = _compiled(type(self).expression)
        return found


@cache
def _names() -> dict[Expr, str]:
    """What functions are called in code; SymPy takes time to make these, and few models have one."""
    return {
        sin(X) / X: "sinc",
        (1 - cos(X)) / X**2: "cosc",
        (exp(X) - 1) / X: "exprel",
        (1 - exp(-X)) / X: "exprel_of_negative",
        1 / (exp(X) - 1): "bose",
        X / (exp(X) - 1): "bernoulli",
        log(exp(X) - 1): "log_expm1",
        log(1 + X) - X / (1 + X): "log1p_excess",
        X - log(1 + X): "x_minus_log1p",
        log(cosh(X)): "log_cosh",
        log(sinh(X)): "log_sinh",
        tanh(X) / X: "tanhc",
        X / sinh(X): "x_over_sinh",
        1 - tanh(X) ** 2: "square_of_sech",
    }


_classes: dict[Expr, type[Univariate]] = {}


def univariate(expr: Expr) -> type[Univariate]:
    """The function of one argument that is an expression of X."""
    found = _classes.get(expr)
    if found is None:
        digest = blake2b(srepr(expr).encode(), digest_size=4).hexdigest()
        name = _names().get(expr, f"function_{digest}")
        fields = {"expression": expr, "name": name, "__module__": __name__, "__qualname__": f"{name}_{digest}"}
        found = _classes[expr] = type(name, (Univariate,), fields)
    return found


_Named = TypeVar("_Named", bound=type[Univariate])


def named(function: _Named) -> _Named:
    """Make a class the function of its expression, for those that have a name of their own."""
    _classes[function.expression] = function
    return function


def with_name(name: str) -> type[Univariate] | None:
    """The function that code calls `_name`; None if there is none."""
    return next((function for function in _classes.values() if function.name == name), None)


def order_at_zero(expr: Expr) -> int | None:
    """The power of X that an expression is near 0, times a number; None where it is no such power."""
    try:
        found = expansion(opened(expr))
    except NoSeries:
        return None
    return None if found.logs or (found.constant != 0 and found.series.low > 0) else found.series.low


@cache
def ends(expr: Expr) -> tuple[Rational | None, bool]:
    """k if the function is k·log X + c near 0, or None; whether it vanishes as X grows."""
    above = far(expr, 1)
    vanishes = above is not None and above.constant == 0 and (above.rest is None or above.rest.decay > 0)
    vanishes = vanishes and all(_is_one(part.lead) for part in above.logarithms) if above else False
    try:
        near = expansion(expr)
    except NoSeries:
        return None, vanishes
    if near.logs == 0 or near.sign != 1 or near.series.low < 0:
        return None, vanishes
    return Rational(near.logs.numerator, near.logs.denominator), vanishes


@cache
def safe_argument(expr: Expr) -> Expr:
    """A number at which the function has a value: 1, -1 where only negative numbers have one."""
    with mpmath.workprec(80):
        return S.One if exact_value(expr, mpmath.mpf(1)) is not None else S.NegativeOne


def _is_one(ratio: Ratio) -> bool:
    return ratio.number == 1 and not ratio.power and not ratio.decay and not ratio.factors


@named
class log1mexp(Univariate):
    r"""The logarithm log(1 − e⁻ˣ) for x > 0, of a real number or entry by entry of a matrix.

    Its derivative is 1/(eˣ − 1); its values are negative, and all digits of them are right for small and large x.

    Parameters
    ----------
    x : a positive real expression, or a matrix (then the result has its shape). Elsewhere the result is not a number.

    References
    ----------
    M. Mächler, Accurately computing log(1 − exp(−|a|)), assessed by the Rmpfr package (2012), section 2.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", positive=True)
    >>> log1mexp(x)
    log1mexp(x)
    >>> log1mexp(50).evalf()
    -1.92874984796392e-22
    """

    expression = log(1 - exp(-X))
    name = "log1mexp"


# What code has stable forms of, in every derivative.
_WITH_OWN_RULES = (sigmoid, softplus, log_sigmoid, tanh)


@cache
def stable(expr: Expr, positive: bool = False) -> Expr:
    """The expression of X itself where plain floating point keeps its digits and those of its derivative.

    Else the function that it is, of X. What negative X do does not matter where X is known to be `positive`.
    """
    return _chosen(expr, not expr.has(*_WITH_OWN_RULES), positive)


@cache
def derivative(expr: Expr) -> Expr:
    """The derivative of a function of X."""
    return _chosen(simplest(expr.diff(X)), True)


def _chosen(expr: Expr, lookahead: bool, positive: bool = False) -> Expr:
    plain = plain_error(expr, positive)
    if plain <= LOST and lookahead and expr.has(X):
        plain = plain_error(opened(expr).diff(X), positive)
    if plain <= LOST:
        return expr
    whole = opened(expr)
    return univariate(whole)(X) if _best(whole)[1] < min(plain, 1e-10) else expr


def simplest(expr: Expr) -> Expr:
    """The shortest of a few spellings."""
    by_exp = expr.rewrite(OF_EXP, exp) if expr.has(exp) else expr
    forms = [expr, together(expr), cancel(together(expr)), cancel(expr.subs(sinh(X), tanh(X) * cosh(X)))]
    grown = exp(X)
    if not by_exp.has(log):
        whole = cancel(together(by_exp.replace(exp, lambda u: grown ** (u / X) if (u / X).is_Integer else exp(u))))
        forms.append(whole)
    return min(forms, key=count_ops)


@cache
def _best(expr: Expr) -> tuple[Pieces, float]:
    """The way to compute a function that errs least, or the first that errs by a few roundings."""
    found = []
    for pieces in candidates(expr):
        wrong = error(expr, _run(pieces))
        if wrong < LOST / 20:
            return pieces, wrong
        found.append((pieces, wrong))
    return min(found, key=lambda pair: pair[1])


@cache
def code(expr: Expr) -> str:
    """The NumPy function that computes an expression of X."""
    return source(_best(expr)[0], f"_{univariate(expr).name}")


@cache
def _compiled(expr: Expr) -> Callable[[Column], Any]:
    return _run(_best(expr)[0])


def _run(pieces: Pieces) -> Callable[[Column], Any]:
    names: dict[str, Any] = dict(CALLED)
    exec(source(pieces, "_function"), names)
    function: Callable[[Column], Any] = names["_function"]
    return function


def _limit(expr: Expr) -> Expr | None:
    try:
        found = expansion(expr)
    except NoSeries:
        return None
    if found.series.low < 0 or found.logs:
        return None
    first = found.series.coefficients[0] if found.series.low == 0 else 0
    return (Rational(first.numerator, first.denominator) if first else S.Zero) + found.constant


@cache
def _parity(expr: Expr) -> Expr | None:
    """1 for an even function, -1 for an odd one."""
    points = [mpmath.mpf(p) / 16 for p in (5, 27, 81)]
    with mpmath.workprec(200):
        pairs = [(exact_value(expr, p), exact_value(expr, -p)) for p in points]
        if any(part is None for pair in pairs for part in pair):
            return None
        for sign in (S.One, S.NegativeOne):
            if all(abs(right - int(sign) * left) <= abs(left) * mpmath.ldexp(1, -180) for left, right in pairs):
                return sign
    return None
