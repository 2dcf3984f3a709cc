"""Logarithms of products: log Π f = Σ log f, factor by factor, where the factors are seen to be positive.

A likelihood is a product over the data, which underflows; its logarithm is a sum that does not. A factor whose sign is
not known stays inside: log(x·y) is real where x and y are both negative, log x + log y is not.
"""

from sympy import Abs, Basic, Number, Product, S, Symbol, erfc, exp, log

from symgrad.functions import log_ndtr, ndtr, sigmoid
from symgrad.functions.normal import exp_ndtr
from symgrad.graph.axes import SOFTMAX, reduce
from symgrad.graph.build import ONE, add, apply, const, mul, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Gather, Reduce, Use
from symgrad.graph.positive import Probability, is_complement, is_positive
from symgrad.graph.transform import factors_of, opened, place, see_through
from symgrad.rewrite.record import record


def stand_in(name: str, symbol: Basic, definition: Use) -> Basic:
    """The symbol of a variable in place of a defined quantity, with what is known of the definition's sign."""
    target = see_through(definition)
    if getattr(target.node, "head", None) in (sigmoid, ndtr) or is_complement(target):
        return Probability(name, positive=True)
    return Symbol(name, positive=True) if is_positive(target) else symbol


@record(
    "log Π f = Σ log f for f > 0, log |Π f| = Σ log |f|",
    "a product of many factors underflows",
    "functional equation of the logarithm",
)
def log_of_product(use: Use) -> Use | None:
    """log(f·g) = log f + log g for f > 0, log Π_i f_i = Σ_i log f_i, and log |Π_i f_i| = Σ_i log |f_i|."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    found = _split(inner)
    return None if found is None else add([(S.One, term) for term in found])


def _split(inner: Use) -> list[Use] | None:
    """The terms of the logarithm of a product, or None if there is nothing to split."""
    node = inner.node
    if isinstance(node, Apply) and node.head is Abs:  # the sign does not matter: log |Π f| = Σ log |f|
        product = see_through(place(node.args[0], inner.letters))
        if not (isinstance(product.node, Reduce) and product.node.head is Product):
            return None
        names, bound = opened(product, product.node.bound)
        return [mul([apply(log, [apply(Abs, [relabel(product.node.arg, names)])])], bound)]
    if isinstance(node, Apply) and node.head is exp_ndtr:
        exponent, argument = (place(arg, inner.letters) for arg in node.args)
        return [exponent, apply(log_ndtr, [argument])]
    if isinstance(node, Apply) and node.head.__name__ == "Pow":
        base, exponent = (place(arg, inner.letters) for arg in node.args)
        return [mul([exponent, apply(log, [base])])] if is_positive(base) else None
    if isinstance(node, Reduce) and node.head is Product:
        names, bound = opened(inner, node.bound)
        body = relabel(node.arg, names)
        if is_positive(body):
            return [mul([apply(log, [body])], bound)]
        terms, rest = _positive_factors(body)
        if not terms:
            return None
        return [*(mul([term], bound) for term in terms), apply(log, [reduce(Product, rest, bound)])]
    terms, rest = _positive_factors(inner)
    if not terms:
        return None
    return [*terms, *([] if rest == ONE else [apply(log, [rest])])]


def _positive_factors(product: Use) -> tuple[list[Use], Use]:
    """The logarithms of the positive factors that have a simpler one, and the product of the others."""
    coefficient: Number = S.One
    if isinstance(product.node, Add) and len(product.node.terms) == 1:
        ((coefficient, only),) = product.node.terms
        product = see_through(place(only, product.letters))
    factors = factors_of(product)
    simple = [(factor, e) for factor, e in factors if _has_simple_log(factor)]
    if not simple or (len(factors) == 1 and coefficient == 1 and simple[0][1] == 1):
        return [], product
    rest = [pair for pair in factors if pair not in simple]
    logs = [mul([const(e), apply(log, [factor])]) for factor, e in simple]
    return logs, product_of_powers([(const(coefficient), S.One), *rest])


def _has_simple_log(factor: Use) -> bool:
    target = see_through(factor)
    node = target.node
    if isinstance(node, Gather):
        return _has_simple_log(Use(node.base.node, tuple(range(node.base.node.rank))))
    known = (
        (isinstance(node, Apply) and (node.head in (exp, sigmoid, ndtr, erfc, exp_ndtr) or node.head.__name__ == "Pow"))
        or (isinstance(node, AxisMap) and node.head == SOFTMAX)
        or (isinstance(node, Reduce) and node.head is Product)
        or is_complement(target)
    )
    return known and is_positive(target)
