"""Functions of one argument that lose digits as they are written, each as one function that keeps them.

exp(u) − 1 − u, log(1 − exp(−u)) or (1 − cos u)/u² is a function of the one argument u, whatever u is; `univariate`
finds out whether plain floating point computes it to all digits, and derives code that does.
"""

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
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.divided import DERIVED, of_exponentials, quotient
from symgrad.rewrite.readings import (
    Reader,
    cancels,
    exponent_of,
    is_scalar,
    lift_at,
    reading,
    rooted,
)
from symgrad.rewrite.record import HIGHAM, MAECHLER, AxisRule, record
from symgrad.rewrite.spellings import textbook_spelling
from symgrad.univariate import Univariate, X, ends, order_at_zero, plain_error, simplest, stable, written_out
from symgrad.univariate.loss import LOST


@record("f(u) as one function of u", "as it is written it cancels or overflows where f(u) has a value", DERIVED)
def one_argument(use: Use) -> Use | None:
    """A sum, product or logarithm that is a function of one argument, and loses digits as it is written."""
    node = use.node
    if not (isinstance(node, Add | Contract) or (isinstance(node, Apply) and (node.head is log))):
        return None
    if isinstance(node, Contract) and node.bound:
        return None
    found = reading(use)
    if found is not None and _has_roots(found.expr) and not cancels(found.expr):
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


@record("f(u) + u·g(u) as one function of u", "terms of one derivative cancel", DERIVED)
def merged_sum(use: Use) -> Use | None:
    """Terms that are functions of one argument times the same, where their sum loses digits."""
    return _merged(use, False)


@record("√(1 + u) − 1 − u/2 as one function of u", "in code: derivatives of the sum are simpler as it stands", DERIVED)
def merged_roots(use: Use) -> Use | None:
    """The same of functions with roots alone."""
    return _merged(use, True)


def _merged(use: Use, of_roots: bool) -> Use | None:
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
            written = written_out(total)
            made = stable(simplest(written), positive) if _has_roots(written) == of_roots else total
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
    exponent, is_power = (None, False) if argument is None else _exponent(see_through(argument))
    if exponent is None:
        return None
    expr = use.node.head.expression  # type: ignore[attr-defined]
    logs, vanishes = ends(expr)
    if logs is None and (is_power or not vanishes):
        return None
    if isinstance(exponent.node, Apply) and exponent.node.head is Min:  # this has been done
        return None
    small = apply(exp, [apply(Min, [exponent, const(_LARGE)]) if vanishes else exponent])
    value = apply(use.node.head, [small])  # type: ignore[attr-defined]
    if logs is None:
        return value
    smooth = lift_at(stable(_expanded(expr - logs * log(X))), small)
    below = apply(StrictLessThan, [exponent, const(S.Zero)])
    return apply(if_else, [below, add([(logs, exponent), (S.One, smooth)]), value])


def _exponent(use: Use) -> tuple[Use | None, bool]:
    """v of exp(v), of exp(u) times what is positive, and of a power, and whether it is a power."""
    if isinstance(use.node, Apply) and use.node.head is Pow:
        return exponent_of(use), True
    coefficient, product = split_coefficient(use)
    factors = factors_of(product)
    found = [n for n, (factor, e) in enumerate(factors) if e == 1 and getattr(factor.node, "head", None) is exp]
    if len(found) != 1 or not coefficient.is_positive:
        return None, False
    rest = [pair for n, pair in enumerate(factors) if n != found[0]]
    if not all(is_positive(factor) for factor, _ in rest):
        return None, False
    inside = place(factors[found[0]][0].node.uses()[0], factors[found[0]][0].letters)
    logs = [(e, apply(log, [factor])) for factor, e in rest]
    constant = [] if coefficient == 1 else [(S.One, apply(log, [const(coefficient)]))]
    return add([(S.One, inside), *logs, *constant]), False


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
    found = of_exponentials(use) if isinstance(use.node, Add) else None
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


def _has_roots(expr: Expr) -> bool:
    return any(part.base.has(X) and part.exp.is_Rational and not part.exp.is_Integer for part in expr.atoms(Pow))


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
OF_CODE: list[AxisRule] = [merged_roots, of_exponential, difference_of_exponentials, others_first]
