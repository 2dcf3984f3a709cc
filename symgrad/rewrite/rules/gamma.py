"""Logarithms of gamma, beta, factorial and binomial functions, and of Bessel functions."""

from symgrad.rewrite.rules.rule import Rule

GAMMA: tuple[Rule, ...] = ()
