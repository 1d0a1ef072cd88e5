"""Self-contained pages of a run, an ablation or a factorial.

Start at `write`.
"""
