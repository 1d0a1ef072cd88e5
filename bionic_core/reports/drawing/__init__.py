"""Figures: one function for each.

Reads no file. Start at `run` and `effects`.
"""
