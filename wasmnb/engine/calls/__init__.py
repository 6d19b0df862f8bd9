"""Calls of guest functions, their deadlines, the interrupt button, and the signal handlers for traps.

Calls from guests to the host are in `wasmnb.engine.imports`.
"""
