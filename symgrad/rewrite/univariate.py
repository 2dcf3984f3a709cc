"""Functions of one argument that lose digits as they are written, each as one function that keeps them.

exp(u) − 1 − u, log(1 − exp(−u)) or (1 − cos u)/u² is a function of the one argument u, whatever u is; `univariate`
finds out whether plain floating point computes it to all digits, and derives code that does.
"""

from typing import NamedTuple

from sympy import Abs, Expr, Integer, Max, Min, Mul, Number, Pow, S, erfc, exp, log, oo, sign
from sympy import Add as SymAdd
from sympy.codegen.cfunctions import expm1
from sympy.core.relational import StrictLessThan

from symgrad.functions import if_else, ndtr, sigmoid
from symgrad.graph.build import (
    ONE,
    add,
    apply,
    auxiliary,
    const,
    is_zero,
    mul,
    product_of_powers,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.facts import is_nonnegative, is_positive
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import factors_of, opened, place, see_through, terms_of
from symgrad.rewrite.power_means import over_exponent
from symgrad.rewrite.readings import (
    Reader,
    Reading,
    cancels,
    exponent_of,
    is_scalar,
    lift_at,
    near_one,
    primitive_of,
    reading,
    rooted,
)
from symgrad.rewrite.record import HIGHAM, MAECHLER, AxisRule, record
from symgrad.rewrite.spellings import textbook_spelling
from symgrad.univariate import Univariate, X, ends, order_at_zero, plain_error, simplest, stable, written_out
from symgrad.univariate.loss import LOST

DERIVED = "derived from the definition; Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.14"

Factors = list[tuple[Use, Number]]


@record("f(u) as one function of u", "as it is written it cancels or overflows where f(u) has a value", DERIVED)
def one_argument(use: Use) -> Use | None:
    """A sum, product or logarithm that is a function of one argument, and loses digits as it is written."""
    node = use.node
    if not (isinstance(node, Add | Contract) or (isinstance(node, Apply) and (node.head is log))):
        return None
    if isinstance(node, Contract) and node.bound:
        return None
    found = reading(use)
    if found is not None and found.expr.is_algebraic_expr(X) and not cancels(found.expr):
        return None  # squares may overflow, as they do elsewhere
    if found is None:
        return _with_divisors(use) if isinstance(node, Contract) else None
    made = stable(found.expr, is_nonnegative(found.argument))
    if made == found.expr:
        gone = isinstance(node, Apply) and not made.has(log)  # the logarithm has gone already
        power = isinstance(node, Add) and _is_power_near_one(use, made)
        return lift_at(made, found.argument) if gone or power else None
    return lift_at(made, found.argument)


def _with_divisors(use: Use) -> Use | None:
    """A product with divisors that overflow or cancel as functions of their own: 1/(exp(u) − 1), 1/cosh u."""
    factors = factors_of(use)
    for n, (factor, e) in enumerate(factors):
        found = reading(product_of_powers([(factor, e)])) if e.is_Integer and e.is_negative else None
        if found is None:
            continue
        made = stable(found.expr, is_nonnegative(found.argument))
        if made != found.expr:
            return product_of_powers([*factors[:n], (lift_at(made, found.argument), S.One), *factors[n + 1 :]])
    return None


def _is_power_near_one(use: Use, expr: Expr) -> bool:
    """Whether a sum is b^y - 1 for a positive b, or like it: exp(y·log b) - 1 keeps its digits."""
    powers = [see_through(term) for _, term in terms_of(use)]
    bases = [place(p.node.uses()[0], p.letters) for p in powers if isinstance(p.node, Apply) and p.node.head is Pow]
    return bool(bases) and all(map(is_positive, bases)) and (order_at_zero(expr) or 0) > 0


@record("f(a·t)/a = t·(f(u)/u) with u = a·t, where f(0) = 0", "0/0 for a = 0, and derivatives by a cancel", DERIVED)
def quotient(use: Use) -> Use | None:
    """(1 − exp(−a·t))/a, (xᵃ − 1)/a: a function that vanishes with its argument, over a factor of the argument."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    names, bound = opened(use, node.bound)
    factors = [(relabel(factor, names), e) for factor, e in node.factors]
    made = divided(factors)
    return None if made is None else product_of_powers(made, bound)


def divided(factors: Factors) -> Factors | None:
    """The factors with one of them over another, which divides its argument."""
    for n, (divisor, e) in enumerate(factors):
        if not (e.is_Integer and e.is_negative):
            continue
        for m, (factor, power) in enumerate(factors):
            if m == n or not (power.is_Integer and power.is_positive):
                continue
            made = _over(factor, divisor, int(-e // power))
            if made is not None:
                taken, quotient_of = made
                rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                return [*rest, (quotient_of, power), (divisor, e + taken * power)]
    return None


def _over(factor: Use, divisor: Use, most: int) -> tuple[int, Use] | None:
    """How often a function, or functions under a sum, is divided by a factor of its argument, and the quotient."""
    node = factor.node
    if isinstance(node, Contract) and node.bound:
        names, bound = opened(factor, node.bound)
        inner = [(relabel(part, names), e) for part, e in node.factors]
        for n, (part, e) in enumerate(inner):
            made = _over(part, divisor, most) if e == 1 else None
            if made is not None:
                taken, quotient_of = made
                return taken, product_of_powers([*inner[:n], (quotient_of, S.One), *inner[n + 1 :]], bound)
        return None
    made = _over_argument(factor, divisor, most)
    if made is None and most and not _is_single(factor):
        made = None if (over := over_exponent(factor, divisor)) is None else (1, over)
    return made


def _is_single(use: Use) -> bool:
    """Whether a term is a function of one argument."""
    return reading(use) is not None


def _over_argument(factor: Use, divisor: Use, most: int) -> tuple[int, Use] | None:
    """The same of a function of one argument, which the divisor is a factor of."""
    found = reading(factor) or near_one(factor) or _difference_of_exponentials(factor)
    if found is None:
        return None
    (sign, left), (coefficient, argument) = primitive_of(divisor), primitive_of(found.argument)
    powers = dict(factors_of(argument))
    if powers.get(left) != 1:
        return None
    taken = min(most, order_at_zero(found.expr) or 0)
    if taken < 1:
        return None
    inside = lift_at(stable(found.expr / X**taken, is_nonnegative(found.argument)), found.argument)
    rest = product_of_powers([(f, e * taken) for f, e in powers.items() if f != left])
    outside = (coefficient / sign) ** taken
    return taken, scale(outside, product_of_powers([(inside, S.One), (rest, S.One), *_scale_of(found)]))


class _Scaled(NamedTuple):
    """A function of one argument times a term."""

    expr: Expr
    argument: Use
    scale: Use


def _scale_of(found: "Reading | _Scaled") -> Factors:
    return [(found.scale, S.One)] if isinstance(found, _Scaled) else []


def _difference_of_exponentials(use: Use) -> _Scaled | None:
    """exp(a) − exp(b) = exp(b)·(exp(a − b) − 1)."""
    terms = terms_of(use)
    if len(terms) != 2 or terms[0][0] != -terms[1][0]:
        return None
    parts = [see_through(term) for _, term in terms]
    if not all(isinstance(part.node, Apply) and part.node.head is exp for part in parts):
        return None
    first, second = (place(part.node.uses()[0], part.letters) for part in parts)
    return _Scaled(terms[0][0] * (exp(X) - 1), subtract(first, second), parts[1])


@record("f(u) + u·g(u) as one function of u", "terms of one derivative cancel", DERIVED)
def merged_sum(use: Use) -> Use | None:
    """Terms that are functions of one argument times the same, where their sum loses digits."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    joined = [(c, _joined(term) or term) for c, term in terms]
    if joined != terms:
        return add(joined)
    arguments = dict.fromkeys(u for _, term in terms for f, _ in factors_of(term) if (u := _argument(f)) is not None)
    has_sigmoid = any(getattr(see_through(term).node, "head", None) is sigmoid for _, term in terms)
    for argument in arguments:
        groups: dict[Use, list[tuple[int, Expr]]] = {}
        for n, (c, term) in enumerate(terms):
            if has_sigmoid and term == ONE:  # 1 - σ(u) belongs together
                continue
            expr, rest = apart(term, argument, strict=False)
            groups.setdefault(rest, []).append((n, c * expr))
        for rest, parts in groups.items():
            total = sum((expr for _, expr in parts), S.Zero)
            positive = is_nonnegative(argument)
            if len(parts) < 2 or not _has_function(total) or plain_error(total, positive) <= LOST:
                continue
            made = stable(simplest(written_out(total)), positive)
            if plain_error(made, positive) > LOST:
                continue
            left = [pair for n, pair in enumerate(terms) if n not in {n for n, _ in parts}]
            return add([*left, (S.One, product_of_powers([(lift_at(made, argument), S.One), (rest, S.One)]))])
    return None


@record("uᵏ·f(u) as one function of u", "0·∞ where u is 0, or f(u) is", DERIVED)
def merged_product(use: Use) -> Use | None:
    """Factors that are functions of one argument, where their product loses digits."""
    if not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = factors_of(use)
    for n, (factor, e) in enumerate(factors):
        if e == 1 and isinstance(factor.node, Add):
            outside = [pair for m, pair in enumerate(factors) if m != n]
            products = [(c, product_of_powers([*outside, (term, S.One)])) for c, term in terms_of(factor)]
            if any(_joined(product) is not None for _, product in products):
                return add(products)
    return _joined(use)


def _joined(use: Use) -> Use | None:
    """A product with those of its factors as one that are functions of one argument, where this keeps digits."""
    for factor, _ in factors_of(use):
        argument = _argument(factor)
        if argument is None:
            continue
        expr, rest = apart(use, argument, strict=True)
        positive = is_nonnegative(argument)
        if plain_error(expr, positive) > LOST and (made := stable(expr, positive)) != expr:
            return product_of_powers([(lift_at(made, argument), S.One), (rest, S.One)])
    return None


@record("log (p if c else q) = log p if c else log q, also of sums", "each has a stable form", "definition by cases")
def log_of_choice(use: Use) -> Use | None:
    """The logarithm of a choice, or of a sum with one of probabilities or exponentials, by cases; log 0 = −∞."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    terms = terms_of(see_through(place(use.node.args[0], use.letters)))
    for n, (c, term) in enumerate(terms):
        choice = see_through(term)
        if not (isinstance(choice.node, Apply) and choice.node.head is if_else):
            continue
        condition, *branches = (place(arg, choice.letters) for arg in choice.node.args)
        rest = [*terms[:n], *terms[n + 1 :]]
        if rest and not any(_is_stable_under_log(branch) for branch in branches):
            continue
        wholes = [add([*rest, (c, branch)]) for branch in branches]
        logs = [const(-oo) if is_zero(whole) else apply(log, [whole]) for whole in wholes]
        return apply(if_else, [condition, *logs])
    return None


def _is_stable_under_log(use: Use) -> bool:
    node = see_through(split_coefficient(see_through(use))[1]).node
    inner = node.args[1:] if isinstance(node, Apply) and node.head is if_else else ()
    return (isinstance(node, Apply) and node.head in (sigmoid, ndtr, erfc, exp)) or any(
        map(_is_stable_under_log, inner)
    )


# Beyond it a function of exp(v) that vanishes as exp(v) grows has been 0 for long.
_LARGE = Integer(700)


@record("f(exp v) = k·v + g(exp v) for v < 0", "exp v underflows below -745, and overflows beyond 709", DERIVED)
def of_exponential(use: Use) -> Use | None:
    """A function of an exponential or of a power, which has a value where these end."""
    argument = _argument(use)
    inner = None if argument is None else see_through(argument)
    if inner is None or not (isinstance(inner.node, Apply) and inner.node.head in (exp, Pow)):
        return None
    expr = use.node.head.expression  # type: ignore[attr-defined]
    logs, vanishes = ends(expr)
    if logs is None and not (vanishes and inner.node.head is exp):
        return None
    exponent = exponent_of(inner) if inner.node.head is Pow else place(inner.node.args[0], inner.letters)
    if isinstance(exponent.node, Apply) and exponent.node.head is Min:  # this has been done
        return None
    small = apply(exp, [apply(Min, [exponent, const(_LARGE)]) if vanishes else exponent])
    value = apply(use.node.head, [small])  # type: ignore[attr-defined]
    if logs is None:
        return value
    smooth = lift_at(stable(_expanded(expr - logs * log(X))), small)
    below = apply(StrictLessThan, [exponent, const(S.Zero)])
    return apply(if_else, [below, add([(logs, exponent), (S.One, smooth)]), value])


def _expanded(expr: Expr) -> Expr:
    """log(a) − log(X) as log(a/X)."""
    logs = [term for term in SymAdd.make_args(expr) if term.has(log)]
    if all(isinstance(term, log) or isinstance(-term, log) for term in logs):
        inside = Mul(*((term.args[0] if isinstance(term, log) else 1 / (-term).args[0]) for term in logs))
        return log(inside) + SymAdd(*(term for term in SymAdd.make_args(expr) if term not in logs))
    return expr


@record("exp a − exp b = ±exp(max)·(1 − exp(−|a − b|))", "cancels where a and b are near each other", MAECHLER)
def difference_of_exponentials(use: Use) -> Use | None:
    """A difference of exponentials by the larger one."""
    found = _difference_of_exponentials(use) if isinstance(use.node, Add) else None
    if found is None:
        return None
    sign_of, gap = found.expr.coeff(exp(X)), found.argument
    other = place(found.scale.node.uses()[0], found.scale.letters)
    larger = apply(exp, [extremum(Max, add([(S.One, gap), (S.One, other)]), other)])
    small = apply(expm1, [scale(S.NegativeOne, apply(Abs, [gap]))])
    return scale(-sign_of, mul([apply(sign, [gap]), larger, small]))


@record("a − a·t − f(u) = (a − a·t) − f(u)", "what cancels exactly, for t of 1, is taken first", HIGHAM)
def others_first(use: Use) -> Use | None:
    """A sum with functions of one argument, what else there is of both signs before them."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    others = [(c, term) for c, term in terms if all(_argument(factor) is None for factor, _ in factors_of(term))]
    if len(others) == len(terms) or len({bool(c.is_positive) for c, _ in others}) < 2:
        return None
    return add([(S.One, auxiliary("rest", add(others))), *(pair for pair in terms if pair not in others)])


def _has_function(expr: Expr) -> bool:
    return bool(expr.has(Univariate))


def _argument(factor: Use) -> Use | None:
    """The argument of a function of one argument."""
    node = factor.node
    if isinstance(node, Apply) and isinstance(node.head, type) and issubclass(node.head, Univariate):
        return place(node.args[0], factor.letters)
    return None


def apart(term: Use, argument: Use, strict: bool) -> tuple[Expr, Use]:
    """A product as an expression of the argument, and the rest of it.

    If that is `strict`, all factors of the argument have to be there; else the rest has none of the first of them.
    """
    reader = Reader(argument)
    expr: Expr = S.One
    rest: dict[Use, Number] = {}
    for factor, e in factors_of(term):
        known = isinstance(factor.node, Apply) and is_scalar(factor.node.head)
        read = reader.read(factor) if known or rooted(factor, e) is not None else None
        if read is None:
            rest[factor] = e
        else:
            expr *= read**e
    lowered = _lowered(reader.primitive, rest)
    times = reader.power(lowered, strict)
    if times:
        expr *= (X / reader.coefficient) ** times
        rest = {
            f: e - reader.powers.get(f, S.Zero) * times
            for f, e in {**dict.fromkeys(reader.powers, S.Zero), **lowered}.items()
        }
    return expr, product_of_powers([(f, e) for f, e in rest.items() if e])


def _lowered(argument: Use, rest: dict[Use, Number]) -> dict[Use, Number]:
    """The factors with b^(y − 1) as b^y/b where b^y is the argument."""
    node = argument.node
    if not (isinstance(node, Apply) and node.head is Pow):
        return rest
    base, exponent = (place(arg, argument.letters) for arg in node.args)
    made: dict[Use, Number] = {}
    for factor, e in rest.items():
        inner = factor.node
        if isinstance(inner, Apply) and inner.head is Pow:
            other, power = (place(arg, factor.letters) for arg in inner.args)
            if other == base and subtract(exponent, power) == ONE:
                made[argument] = made.get(argument, S.Zero) + e
                made[base] = made.get(base, S.Zero) - e
                continue
        made[factor] = made.get(factor, S.Zero) + e
    return made


OF_MODELS: list[AxisRule] = [textbook_spelling, one_argument, quotient, log_of_choice, merged_sum]
OF_DERIVATIVES: list[AxisRule] = [merged_sum, merged_product]
OF_CODE: list[AxisRule] = [of_exponential, difference_of_exponentials, others_first]
