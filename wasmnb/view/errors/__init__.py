"""Errors as a notebook or terminal shows them: exception chains, frames, and the lines of the cell.

The exceptions themselves are defined in `wasmnb.errors`.
"""
