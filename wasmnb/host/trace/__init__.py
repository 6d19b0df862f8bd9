"""What a proxy records: trace, log, and exchanges.

Nothing here decides what happens; `..inspect` explains it.
"""
