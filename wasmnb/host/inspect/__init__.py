"""Reading a running proxy from outside: context tree, Python state, explanations.

Nothing here changes what a proxy does.
"""
