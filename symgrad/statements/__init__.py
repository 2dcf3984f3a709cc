"""Between the schedule and the text: typed statements over buffers, and the passes that read and rewrite them.

Nothing here knows how a target spells anything. `spec` says what a legal function is.

Files: expressions (`expressions`, `arithmetic`), statements (`statements`), functions with rows in parts (`seam`), the
table of what operations make, of which shape, and whether it is new memory (`operations`), that of the loops that each
is (`spaces`), the axes of a function's variables and statements (`axes`), what is legal (`spec`); passes: definitions
that nothing reads (`needed`), results in arrays that are free (`reuse`, `writing`, in loops `steps`), arrays let go of
(`release`) or kept between calls (`workspace`), each by what leaves the rest as it is (`changing`).

What is lowered are statements, not text: a function is a list of definitions, stores, loops and blocks of rows over
buffers, whose expressions are trees. A buffer knows its shape, what its entries are and whose memory it is; what an
operation makes of its operands is declared by its head, once, in `statements/operations.py`. Passes read and rewrite
statements (`needed`, `reuse`, `release`, or `workspace` in place of the last two); text is made at the very end, in one
place that knows precedence (`codegen/speller.py`), and nothing reads it again. `statements/spec.py` says what is
legal. It is checked after every pass where the environment has `SYMGRAD_VALIDATE=1`, which the tests set.
"""
