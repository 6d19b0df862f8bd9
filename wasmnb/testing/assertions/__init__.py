"""Assertions about messages, logs, metrics, callouts, fuel and soundness, and the expectations that they accept.

Fixtures, builders and scripted upstreams are in `wasmnb.testing`.
"""
