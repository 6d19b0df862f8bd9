"""The search for failing scenarios: play them, classify the outcome, shrink failures, and measure memory.

Scenarios are generated in `..scenarios`.
"""
