"""Tracebacks for notebooks and terminals: exception chains, frames, and lines of the cell.

The exception classes are in `wasmnb.errors`.
"""
