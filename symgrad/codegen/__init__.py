"""What all targets share.

Files: what functions take (`signature`, `arguments`), recurrences as loops (`slices`), which nodes are integers
(`integers`), sizes as text (`sizes`), what variables are called (`names`), the Jinja environment (`environment`); for
targets whose arrays have NumPy's operators and are never changed, terms as text (`expressions`, `arithmetic`,
`contraction`, `subscripts`, `positions`, `operands`, `values`), steps of recurrences (`loops`), functions (`printed`).
"""
