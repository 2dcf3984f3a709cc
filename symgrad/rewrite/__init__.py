"""Rewriting: recognise plain spellings, use facts and names, simplify formulas, make code stable."""
