"""Formulas as text: `norm2(X*w - y)^2 + lambda*w'*w`.

Three stages, each of use without the next: text becomes a syntax `tree` with places (`reading`, by the grammar of
`formula.lark`; a subset of LaTeX in `latex`, of what `latex_tokens` finds); sizes are unified and the shapes of symbols
found, with reasons (`names`, `declared`, `sizes`, `shapes`, `readings`); the tree becomes SymPy objects
(`elaboration`). `functions` lists the functions of the grammar, `formula` has `parse`, all of it in one call. The
first two stages need neither SymPy nor NumPy.
"""
