"""Scenarios as values: actions of clients, upstreams and operators, and functions that generate, change and repeat them.

The code that plays them is in `..search`.
"""
