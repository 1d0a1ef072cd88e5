"""The laws that plugins keep, and judging one by them; public in :mod:`bionic_core.testing`.

Names no plugin and draws no page. Start at `judge`, then `laws` and `bed`.
"""
