"""Many runs with a question: factorials, ablations, a paper beside ours.

Prints and draws nothing. Start at `experiment`, then `plan`.
"""
