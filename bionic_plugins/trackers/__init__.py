"""Trackers: what shows runs in other tools.

They see the protocol and `studies.journal`. Start at `tensorboard_tracker`.
"""
