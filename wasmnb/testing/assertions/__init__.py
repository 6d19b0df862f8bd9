"""Assertions about messages, logs, callouts, cost and soundness, and what values may be compared with.

Fixtures and builders are one folder up.
"""
