"""The recipe and the epoch loop: a network and images in, weights and figures out.

Writes no file. Start at `loop`, then `recipe`.
"""
