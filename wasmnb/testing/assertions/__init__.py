"""Assertions about messages, logs, callouts, cost and soundness, and the matchers that values are compared with.

Fixtures and builders are one folder up.
"""
