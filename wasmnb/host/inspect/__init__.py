"""Views of a running proxy: context tree, Python state, explanations of exchanges, and causes of hostcalls' error statuses.

The module `introspection` calls the introspection export of a VM. Its queries and all other code in this folder leave the
proxy's behaviour unchanged; only its commands, which start a profiler or switch on local variables in tracebacks, change a VM.
The records of the trace are in `..trace`.
"""
