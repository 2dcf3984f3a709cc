"""Logarithms of products: log Π f = Σ log f, factor by factor, where the factors are seen to be positive.

A likelihood is a product over the data, which underflows; its logarithm is a sum that does not. A factor whose sign is
not known stays inside: log(x·y) is real where x and y are both negative, log x + log y is not.
"""

from sympy import Abs, Basic, IndexedBase, Number, Product, S, Symbol, cosh, exp, log

from symgrad.functions import if_else, sigmoid, softplus
from symgrad.graph.axes import SOFTMAX, reduce
from symgrad.graph.build import ONE, add, apply, const, mul, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Const, Contract, Gather, Input, Named, Reduce, Size, Use
from symgrad.graph.transform import factors_of, opened, place
from symgrad.rewrite.match import see_through


class Probability(Symbol):  # type: ignore[misc]
    """Stands for a quantity that is known to lie between 0 and 1."""


def stand_in(name: str, symbol: Basic, definition: Use) -> Basic:
    """The symbol of a variable in place of a defined quantity, with what is known of the definition's sign."""
    target = see_through(definition)
    if getattr(target.node, "head", None) is sigmoid or _is_complement(target):
        return Probability(name, positive=True)
    return Symbol(name, positive=True) if is_positive(target) else symbol


# How deep the search for a sign goes; beyond it a sign counts as unknown.
_DEEPEST = 12


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
        (isinstance(node, Apply) and (node.head in (exp, sigmoid) or node.head.__name__ == "Pow"))
        or (isinstance(node, AxisMap) and node.head == SOFTMAX)
        or (isinstance(node, Reduce) and node.head is Product)
        or _is_complement(target)
    )
    return known and is_positive(target)


def is_positive(use: Use, depth: int = 0) -> bool:
    """Whether a term is positive for all data, as far as its form and the symbols' assumptions show."""
    node = use.node
    if depth > _DEEPEST:
        return False
    match node:
        case Const(value=value) | Size(value=value):
            return bool(value.is_positive)
        case Input(symbol=symbol):
            return bool((symbol.label if isinstance(symbol, IndexedBase) else symbol).is_positive)
        case Apply(head=head, args=args):
            if head in (exp, sigmoid, softplus, cosh):
                return True
            if head is if_else:
                return all(is_positive(arg, depth + 1) for arg in args[1:])
            return head.__name__ == "Pow" and is_positive(args[0], depth + 1)
        case AxisMap(head=head):
            return bool(head == SOFTMAX)
        case Contract(factors=factors):
            return all(is_positive(factor, depth + 1) for factor, _ in factors)
        case Add(terms=terms):
            inside = all(c.is_positive and is_positive(term, depth + 1) for c, term in terms)
            return bool(terms) and (inside or _is_complement(use))
        case Reduce(arg=arg):
            return node.head.__name__ in ("Product", "MaxOver", "MinOver") and is_positive(arg, depth + 1)
        case Named(arg=arg):
            return is_positive(arg, depth + 1)
        case Gather(base=base):
            return is_positive(base, depth + 1)
    return False


def _is_complement(use: Use) -> bool:
    """1 - p for a probability p."""
    if not isinstance(use.node, Add) or len(use.node.terms) != 2:
        return False
    terms = {see_through(place(term, use.letters)): c for c, term in use.node.terms}
    others = [term for term in terms if term.node is not ONE.node]
    if terms.get(ONE) != 1 or len(others) != 1 or terms[others[0]] != -1:
        return False
    node = others[0].node
    return getattr(node, "head", None) is sigmoid or isinstance(getattr(node, "symbol", None), Probability)
