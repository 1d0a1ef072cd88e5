"""A spec: from TOML to attrs classes, with every problem named at once.

Builds nothing. Start at `spec`, then `find` and `strict`.
"""
