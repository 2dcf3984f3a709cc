"""What is known of the entries of a term: as far as its form, its symbols' assumptions and facts show.

What a kind of node makes of its operands is in its own file (`graph.kinds`); here every node is asked once, operands
first. What is not known is False.
"""

from collections.abc import Callable
from typing import Any

from sympy import Symbol

from symgrad.graph.node import Known, Node, Use

NAMES = ("nonnegative", "positive", "never_zero", "sum_of_squares", "probability", "integral", "infinite")


class Probability(Symbol):  # type: ignore[misc]
    """Stands for a quantity that is known to lie between 0 and 1."""


def told(name: Any, node: Node, rule: Callable[[Node, Known], bool]) -> bool:
    """What a rule says of a node, given what it says of the operands; each node is asked once, and keeps the answer.

    Parameters
    ----------
    name : what the answers are kept as.
    node : what is asked.
    rule : of a node and a function that has the answers of its operands.
    """
    if name not in node.found:
        stack = [node]
        while stack:
            part = stack[-1]
            unknown = [use.node for use in part.uses() if name not in use.node.found]
            if unknown:
                stack += unknown
                continue
            stack.pop()
            if name not in part.found:
                part.found[name] = bool(rule(part, lambda operand: bool(operand.found[name])))
    return bool(node.found[name])


def _is(name: str, node: Node) -> bool:
    return told(name, node, lambda part, known: bool(getattr(part, name)(known)))


def is_nonnegative(use: Use) -> bool:
    """Whether the term is known to be at least zero wherever its data are legal."""
    return _is("nonnegative", use.node)


def is_positive(use: Use) -> bool:
    """Whether the term is known to be positive for all data."""
    return _is("positive", use.node)


def is_never_zero(use: Use) -> bool:
    """Whether the term is seen to be positive; an exponential is 0 at −∞."""
    return _is("never_zero", use.node)


def is_sum_of_squares(use: Use) -> bool:
    """Whether the term is a sum of even powers, with positive weights: it is 0 only where all of them are."""
    return _is("sum_of_squares", use.node)


def is_probability(use: Use) -> bool:
    """Whether the term lies between 0 and 1."""
    return _is("probability", use.node)


def is_integral(use: Use) -> bool:
    """Whether the term is a whole number, as far as its form shows: made of integer data, indices and sizes."""
    return _is("integral", use.node)


def may_be_infinite(use: Use) -> bool:
    """Whether the term may be −∞, or ∞ and subtracted from something, not counting masks that are the term itself.

    A log-probability is −∞ where data or parameters say so (a forbidden move, a tag that does not exist), or where it
    is the logarithm of what may be 0; sums, choices and maxima of such terms hand it on. A product of matrices does
    not: beside a zero an infinity in it is not a number, so it is no legal input there. Neither do squares and what is
    bounded.
    """
    return _is("infinite", use.node)
