"""The frontend: reads a SymPy model (index, matrix and scalar notation, freely mixed) into the tensor graph.

Files: refuses what `Model` cannot use (`given`), reads index notation (`reader`, `subscripts`), what is written out
entry by entry (`tables`, `components`), matrices (`matrix`), inverses, determinants and blocks (`linear_algebra`),
declarations and names (`program`, `signature`, `labels`, `names`), facts (`facts`, `properties`), what limits may
depend on and indices that are bound twice (`binders`) or stand for two (`merged_indices`), ranges and subscripts
(`scope`, `bounds`, `conditions`, `positions`), cases that SymPy has folded (`unfolded`), left sides and recurrences
(`left_sides`, `base_cases`, `first_steps`, `references`, `recurrence`), names that equations define (`solutions`).
"""
