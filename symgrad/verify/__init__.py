"""Verification: numerical gradients, the inputs to take them at, verdicts, and the report."""
