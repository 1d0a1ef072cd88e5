"""A spec becomes a network by asking each hook, site by site.

Trains nothing and names no mechanism. Start at `assembly`, then `network` and `projection`;
storages of wired pairs and gates are imported by what uses them.
"""
