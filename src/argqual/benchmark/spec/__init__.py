"""What a benchmark asks: its file, checked."""
