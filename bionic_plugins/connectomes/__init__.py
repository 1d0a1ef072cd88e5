"""Sources of wiring: the embedded column, and what draws surrogates of it.

They see the protocol, connectomes and base. Start at `column`.
"""
