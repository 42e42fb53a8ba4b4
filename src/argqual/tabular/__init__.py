"""Tables of arguments: read row by row, and written with their scores."""
