"""From scheduled terms to statements, for targets whose arrays have operators, subscripts and axes as NumPy's have.

`Equations` makes the statements of a function, for traced libraries `Validity`; a target is a subclass that says what
it does in another way.

Files: a node at a time, and which of them have a name (`terms`, `names`), the values so far as operands of the next
(`operands`, `values`), sums and products (`arithmetic`, `contraction`), in which order scalars are multiplied
(`monomials`), functions (`application`, by the table of `functions`), what goes along axes (`reductions`), matrices and
reshapes (`linear_algebra`), blocks (`blocks`), subscripts and scatters (`subscripts`), how windows lie in memory
(`windows`), integers (`whole`, `positions`), entries around a ring (`rolled`), rows of data (`rounds`), recurrences
(`slices`, `recurrences`), solutions of equations (`solutions`).
"""
