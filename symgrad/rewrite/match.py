"""Matches a rule's SymPy pattern against a term of the graph, looking through the names of `where`."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from sympy import Add, Expr, Max, Min, Mul, Number, Pow, S, Symbol

from symgrad.graph.build import ONE, add, number, scale
from symgrad.graph.nodes import Add as AddNode
from symgrad.graph.nodes import Apply, Use
from symgrad.graph.transform import factors_of, place, see_through

Binding = dict[Symbol, Use]


def match(pattern: Expr, use: Use, binding: Binding) -> Iterator[Binding]:
    """Every binding of the pattern's symbols that makes it the term, extending `binding`."""
    if isinstance(pattern, Symbol):
        if pattern not in binding:
            yield {**binding, pattern: use}
        elif binding[pattern] == use:
            yield binding
        return
    if isinstance(pattern, Number):
        if number(use) == pattern:
            yield binding
        return
    target = see_through(use)
    if isinstance(pattern, Add):
        yield from _match_sum(pattern, target, binding)
    elif isinstance(pattern, Mul | Pow):
        coefficient, rest = pattern.as_coeff_Mul()
        if coefficient != 1:
            if (
                isinstance(target.node, AddNode)
                and len(target.node.terms) == 1
                and target.node.terms[0][0] == coefficient
            ):
                yield from match(rest, place(target.node.terms[0][1], target.letters), binding)
            elif rest.is_Symbol:  # x := u / c always matches c·x = u
                yield from match(rest, scale(1 / coefficient, use), binding)
        else:
            for found, left_over in match_factors(pattern, target, binding):
                if not left_over:
                    yield found
    elif isinstance(target.node, Apply) and target.node.head is type(pattern):
        args = [place(arg, target.letters) for arg in target.node.args]
        for order in permutations(args) if isinstance(pattern, Max | Min) else [args]:
            yield from _match_all(list(zip(pattern.args, order, strict=True)), binding)


def _match_all(pairs: Sequence[tuple[Any, Use]], binding: Binding) -> Iterator[Binding]:
    if not pairs:
        yield binding
        return
    for found in match(pairs[0][0], pairs[0][1], binding):
        yield from _match_all(pairs[1:], found)


def _match_sum(pattern: Add, target: Use, binding: Binding) -> Iterator[Binding]:
    if not isinstance(target.node, AddNode):
        return
    terms = [(c, place(term, target.letters)) for c, term in target.node.terms]
    wanted = [(c, ONE) if rest is S.One else (c, rest) for c, rest in (part.as_coeff_Mul() for part in pattern.args)]
    symbols = [rest for c, rest in wanted if c == 1 and isinstance(rest, Symbol)]
    if len(symbols) == 1 and symbols[0] not in binding:  # x of 1 + x is whatever stands beside the 1
        wanted = [pair for pair in wanted if pair != (S.One, symbols[0])]
    if len(terms) < len(wanted) or (not symbols and len(terms) != len(wanted)):
        return
    for order in permutations(terms, len(wanted)):
        if all(c == wanted_c for (c, _), (wanted_c, _) in zip(order, wanted, strict=True)):
            pairs = [(p, term) for (_, p), (_, term) in zip(wanted, order, strict=True) if p is not ONE]
            if all((term.node is ONE.node) == (p is ONE) for (_, p), (_, term) in zip(wanted, order, strict=True)):
                for found in _match_all(pairs, binding):
                    if len(wanted) == len(pattern.args):
                        yield found
                    else:
                        yield {**found, symbols[0]: add([term for term in terms if term not in order])}


Factors = list[tuple[Use, Number]]


def match_factors(pattern: Expr, target: Use, binding: Binding) -> Iterator[tuple[Binding, Factors]]:
    """Bindings under which the pattern is part of a product, with the factors that are left over.

    Of a higher power, (1 + exp(x))⁻² for (1 + exp(x))⁻¹, what the pattern does not take is left over.
    """
    wanted = [(part.base, part.exp) if isinstance(part, Pow) else (part, S.One) for part in Mul.make_args(pattern)]
    factors = factors_of(target)
    if len(factors) < len(wanted) or len(factors) > 8:
        return
    for chosen in permutations(range(len(factors)), len(wanted)):
        bindings = [binding]
        for place_, (base, exponent) in zip(chosen, wanted, strict=True):
            factor, e = factors[place_]
            if e != exponent and not _is_higher(e, exponent):
                break
            bindings = [found for known in bindings for found in match(base, factor, known)]
        else:
            rest = [factors[n] for n in range(len(factors)) if n not in chosen]
            rest += [
                (factors[n][0], factors[n][1] - exponent)
                for n, (_, exponent) in zip(chosen, wanted, strict=True)
                if factors[n][1] != exponent
            ]
            for found in bindings:
                yield found, rest


def _is_higher(exponent: Number, taken: Number) -> bool:
    """Whether a whole power is left when another is taken from it."""
    left = exponent - taken
    return bool(left.is_integer and left * taken > 0)
