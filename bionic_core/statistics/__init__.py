"""Designs, effects and their certainty, for any table of factors and responses.

Knows no network and no run. Start at `analysis`, then `effects` and `linear`.
"""
