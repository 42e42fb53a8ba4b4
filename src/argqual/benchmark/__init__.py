"""The transfer benchmark: which way of judging arguments carries over to kinds of argument it has never seen."""
