"""Getting files that others publish: located, fetched with resume, verified, laid in place."""
