"""Calls of guest functions: entries, deadlines, the interrupt button, and the handlers of the signals that traps raise.

The calls in the other direction, from guests to the host, are in `..imports`.
"""
