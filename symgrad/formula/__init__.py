"""Formulas: terms of the graph back as SymPy objects, in matrix or index notation, and their printing.

Files: terms as SymPy objects (`matrix`, with `network` and `slices`, `indexed`; `first_order`, `second_order`), common
factors of matrix products (`collect`), implied conditions dropped (`conditions`), indicators and shifts as people write
them (`tidy`), norms and whole sums transposed (`idiom`), how terms are written (`notation`), the boxes that all formats
share (`boxes`; `layout`, with `heads` for functions and `binding`, makes them of SymPy objects) and their renderers
(`text`, `latex`, `mathml`; `breaking` says where a line may end), a Python file (`spelled`); which formulas a model
shows (`listing`, `sheet`).
"""
