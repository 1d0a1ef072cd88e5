"""Mechanisms, one file each.

Each imports the facade `bionic_core` only. Start at `noise`, the shortest with a hook in the pass.
"""
