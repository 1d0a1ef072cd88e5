"""What people see of results: sections, tables and figures, for terminal, page and file.

Computes no result and trains nothing. Start at `pages`, then `sections`.
"""
