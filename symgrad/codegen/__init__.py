"""What all targets share.

Files: recurrences as loops (`slices`), which nodes are integers (`integers`), sizes as text (`sizes`), the Jinja
environment (`environment`); for targets whose arrays have NumPy's operators and are never changed, terms as text
(`expressions`, `arithmetic`, `contraction`, `subscripts`, `positions`, `operands`, `values`), steps of recurrences
(`loops`), what functions take (`signature`, `arguments`).
"""
