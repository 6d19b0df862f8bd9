"""State that all VMs of a proxy share: shared data, queues and metrics.

State of one VM is in `..vm`, state of a stream (filter state) in `..properties`.
"""
