"""`python -m argqual`."""

from argqual.cli.main import main

main()
