"""What helps to find mistakes: causes of refused hostcalls, tracebacks, state, profiles.

The exceptions themselves are in `..errors`.
"""
