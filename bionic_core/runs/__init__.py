"""A run: trained once, in a folder named by what decides its numbers.

Knows no study. Start at `train`, then `folder` and `identity`.
"""
