"""Views into a running proxy: context tree, Python state, explanations of exchanges, causes of bad statuses.

Nothing here changes the behaviour of a proxy; the records that it reads are in `..trace`.
"""
