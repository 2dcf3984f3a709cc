"""The frontend: reads a SymPy model (index, matrix and scalar notation, freely mixed) into the tensor graph."""
