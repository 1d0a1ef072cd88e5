"""The Ray engine: runs on the nodes of a cluster.

Start at `engine`.
"""
