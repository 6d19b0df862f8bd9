"""Documents about a filter: its module, profile, export and fuzzing report.

Running filters belong to `..proxy` and `..traffic`.
"""
