"""The calculus: local derivatives and reverse-mode differentiation of the tensor graph."""
