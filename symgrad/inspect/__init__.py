"""To look at a derivation: its steps, the graph as a picture, and the report, a web page."""
