"""The command line: one file a command group. Heavy imports wait until a command needs them."""
