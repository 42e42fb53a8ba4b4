"""Criteria frameworks: the models that check them, where they are found, and what describes their files."""
