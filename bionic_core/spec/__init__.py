"""A spec: from TOML to attrs classes, with every problem named at once.

Builds nothing and reads no data. Start at `spec`, then `find`, `tables` and `sources`.
"""
