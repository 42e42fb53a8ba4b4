"""Readers: the files of a release become a `Corpus`. One module for tables, one for each release that is none."""
