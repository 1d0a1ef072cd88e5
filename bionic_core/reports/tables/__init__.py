"""Results for the terminal.

Start at the module named like the command.
"""
