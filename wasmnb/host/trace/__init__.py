"""The records of a proxy: trace, log and exchanges.

Explanations and the state of running VMs are in `..inspect`.
"""
