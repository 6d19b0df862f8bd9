"""State that all VMs of a proxy share: shared data, queues and metrics.

`..vm` has the state of one VM, and `..properties` the state of a stream (filter state).
"""
