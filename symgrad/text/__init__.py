"""Formulas as text: `norm2(X*w - y)^2 + lambda*w'*w`.

Three stages, each of use without the next: text becomes a syntax `tree` with places (`reading`, by the grammar of
`formula.lark`, its `statements` sorted, `mistakes` said in words; a subset of LaTeX in `latex`, with
`latex_expressions`, `latex_cases` and `latex_names`, of what `latex_tokens` finds); sizes are unified and the shapes of
symbols found, with reasons (`names`, `declared`, `lengths`, `sizes`; `unified`, `entries` and `shapes` for one
supposition, `readings` for all); the tree becomes SymPy objects (`elaboration`, with `operations`). `functions` lists
the functions of the grammar, `formula` has `parse`, all of it in one call. `writing`, with `written`, goes the other
way. The first two stages need neither SymPy nor NumPy.
"""
