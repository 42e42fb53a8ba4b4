"""The report of a benchmark: its answer, tables and charts, in each format."""
