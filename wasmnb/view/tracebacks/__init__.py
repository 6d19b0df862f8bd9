"""Format tracebacks for notebooks and terminals: chains of exceptions, frames and lines of the cell.

The exception classes are in `wasmnb.errors`.
"""
