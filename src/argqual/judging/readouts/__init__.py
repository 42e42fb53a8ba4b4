"""How a rating is got out of a model, one way a file."""
