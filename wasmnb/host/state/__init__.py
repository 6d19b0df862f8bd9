"""State that VMs share: shared data, queues and metrics.

State of one VM is in `..vm`.
"""
