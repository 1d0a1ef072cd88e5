"""The mechanisms, data sources and connectome sources that come with bionic, one a file.

Each is announced by an entry point in ``pyproject.toml``, as anybody else's is.
"""
