"""The tensor graph: nodes, the constructors that normalise them, and a reference evaluation."""
