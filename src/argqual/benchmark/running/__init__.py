"""Doing what a benchmark asks: folds, cells, and the file that keeps what came of them."""
