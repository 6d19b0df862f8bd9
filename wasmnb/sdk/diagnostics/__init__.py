"""Help with mistakes: causes of refused hostcalls, tracebacks, state of a filter, profiles.

The exception classes are in `wasmnb.sdk.errors`.
"""
