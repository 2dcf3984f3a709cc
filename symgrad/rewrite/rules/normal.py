"""The distribution function of the normal distribution and its logarithm, however they are spelled."""

from symgrad.rewrite.rules.rule import Rule

NORMAL: tuple[Rule, ...] = ()
