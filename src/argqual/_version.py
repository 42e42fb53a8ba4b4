"""The version of argqual, without the cost of asking the package metadata."""

__version__ = "0.1.0"
