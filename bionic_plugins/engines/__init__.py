"""Engines: where the runs of a study are trained.

They see `runs` and what is below it, and decide no number. Start at `local`.
"""
