"""Diagnostics for filter authors: causes of failed hostcalls, hints, tracebacks, a filter's state, and profiles.

The exception classes are in `wasmnb.sdk.errors`.
"""
