"""Scenarios as plain values, which consist of actions of clients and upstreams, and code that generates and mutates them.

The code that runs scenarios is in `wasmnb.testing.fuzzing.search`.
"""
