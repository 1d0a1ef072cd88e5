"""Wiring: roles of those who draw or download it, tables into connectomes, summaries.

Knows no model. Start at `roles`, then `importing`.
"""
