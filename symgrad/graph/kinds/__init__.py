"""The kinds of nodes: each with its fields, constructor, normal form, numbers, and what passes ask of it.

Files: arguments and constants (`leaves`), linear combinations and numbers (`sums`), scalar functions (`functions`),
products and contractions (`products`), reductions and functions of axes (`axes`), entries at subscripts and values
added at them (`subscripts`), quantities with a name (`names`), functions of matrices (`matrices`), two axes as one and
back (`reshapes`), recurrences (`scans`) and these as code has them (`loops`), arrays as code writes them (`pieces`).
"""
