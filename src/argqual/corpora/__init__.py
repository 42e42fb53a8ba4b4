"""Corpora of human judgements: cards, fetching, reading, agreement, leaks."""
