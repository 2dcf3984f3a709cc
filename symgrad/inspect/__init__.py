"""To look at a derivation: its steps, the graph as a picture, and the report, a web page.

Files: the derivation step by step (`steps`, `story`, `narrative`), the graph as a picture (`picture`, `layers`, `svg`),
formulas as HTML (`page`), the report (`report`, `code`, `measure`, `plots`), formats by name (`show`), and what a
notebook shows for a text (`display`). What is common to all that writes terms as formulas is `writing`.
"""
