"""A framework compiled to a DSPy program, a model, and a read-out: a judge."""
