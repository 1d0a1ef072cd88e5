"""Sources of labelled images.

They see the protocol, data and base; reading stands apart from what a spec names. Start at
`schematic`.
"""
