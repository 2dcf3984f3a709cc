"""Formulas: terms of the graph back as SymPy objects, in matrix or index notation, and their printing."""
