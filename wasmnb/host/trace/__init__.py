"""The records of a proxy: trace, log and exchanges.

`..inspect` has the explanations, and the state of running VMs.
"""
