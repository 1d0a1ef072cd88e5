"""Downloads of the real column, from CAVE or from public files.

Start at `microns`.
"""
