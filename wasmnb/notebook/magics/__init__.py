"""The magics, one module for each group of them, and their common base class and decorators.

Registration, completion and progress bars are in the folder above.
"""
