"""Tables of arguments in, scored tables out."""
