"""The magics, in one module per group, with their base class and decorators.

`wasmnb.notebook` registers the magics, and contains their tab completion and progress bars.
"""
