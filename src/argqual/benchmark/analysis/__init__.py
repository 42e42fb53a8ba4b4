"""What came of a run: pure functions from predictions to findings."""
