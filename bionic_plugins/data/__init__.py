"""Sources of labelled images.

They see the protocol, data and base. Start at `schematic`.
"""
