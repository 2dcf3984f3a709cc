"""Formulas: terms of the graph back as SymPy objects, in matrix or index notation, and their printing.

Files: terms as SymPy objects (`matrix`, with `network` and `slices`, `indexed`; `first_order`, `second_order`), sums,
products and transposes of matrices (`algebra`), common factors of matrix products (`collect`), roots that have a name
(`roots`), implied conditions dropped (`conditions`), sums and indicators as people write them (`sums`, `tidy`), norms
and whole sums transposed (`idiom`), how terms are set (`notation`), the boxes that all formats share (`boxes`;
`layout`, with `heads` for functions and `binding`, makes them of SymPy objects) and their renderers (`text`, `latex`,
`mathml`; `breaking` says where a line may end), a Python file (`spelled`); which formulas a model shows (`listing`,
`sheet`).
"""
