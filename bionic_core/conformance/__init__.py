"""The laws that plugins keep, and judging one by them: public in :mod:`bionic_core.testing`.

Draws no report and knows no mechanism. Start at `judge`, then `laws`.
"""
