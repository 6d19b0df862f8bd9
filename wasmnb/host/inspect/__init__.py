"""Views of a running proxy: context tree, Python state, explanations of exchanges, and causes of hostcalls' error statuses.

Code in this folder never changes the behaviour of a proxy. The records that it reads are in `..trace`.
"""
