"""The plugins that come with bionic, in rooms by what they are for.

Each is announced by entry points in ``pyproject.toml``, as anybody else's is, and what it does not
need to be named is imported when it acts. Start at `mechanisms`.
"""
