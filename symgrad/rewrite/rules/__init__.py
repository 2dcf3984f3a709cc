"""The scalar rewrite rules, as data: a pattern and its replacement in SymPy, the reason, the source, sample points.

A symbol of a pattern matches any term. Rules of phase `recognise` give plain spellings their proper name, so that what
follows sees one function however it was written; rules of phase `stabilise` run last, on the code only, and replace
what loses digits by what does not.
"""

from symgrad.rewrite.rules.exponential import EXPONENTIAL
from symgrad.rewrite.rules.kinks import KINKS
from symgrad.rewrite.rules.logistic import LOGISTIC_FUNCTION
from symgrad.rewrite.rules.rule import Rule, x, y
from symgrad.rewrite.rules.trigonometric import TRIGONOMETRIC

__all__ = ["RULES", "Rule", "x", "y"]

RULES = (*LOGISTIC_FUNCTION, *KINKS, *TRIGONOMETRIC, *EXPONENTIAL)
