"""Documents about a filter: its module, profile, export and fuzzing report.

A filter at work is shown by `..proxy` and `..traffic`.
"""
