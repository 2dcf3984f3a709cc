"""Every generated function as one kind of record: value, gradient, second derivatives, and what the check asks for."""
