"""To look at a derivation: its steps, the graph as a picture, and the report, a web page.

Files: the derivation step by step (`steps`, `narrative`), the graph as a picture (`picture`, `layers`, `svg`), the
report (`page`, `code`, `measure`, `plots`), formats by name (`show`), what a notebook shows for a text (`display`), and
the pytest file that goes with a module (`written_test`).
"""
