"""The magics, in one module per group, with their base class and decorators.

Their registration, tab completion and progress bars are in the folder above.
"""
