"""Views of a running proxy: context tree, Python state, explanations of exchanges, causes of hostcalls' error statuses.

Nothing here changes the behaviour of a proxy. The records that it reads are in `..trace`.
"""
