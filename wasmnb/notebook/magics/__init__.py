"""The magics, one module for each group, and what they share.

Installation, completion and progress bars are one folder up.
"""
