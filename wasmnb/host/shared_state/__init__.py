"""State that all VMs of a proxy share: shared data, queues and metrics.

The state of one VM is in `..vm`, and the state of a stream (filter state) in `..properties`.
"""
