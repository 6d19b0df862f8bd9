"""The search for failing scenarios: play, judge, shrink, and watch memory.

Scenarios themselves are made in `..scenarios`.
"""
