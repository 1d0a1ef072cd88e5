"""Images: how they are split, what repeats among them, what is in a source.

Reads no file itself: sources are plugins. Start at `splits`.
"""
