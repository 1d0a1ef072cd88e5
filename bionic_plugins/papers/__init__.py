"""Papers whose numbers `bionic reproduce` sets beside ours.

A TOML file each, and the class that names it.
"""
