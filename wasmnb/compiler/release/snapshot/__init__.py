"""Snapshots: the memory of a VM after the filter was loaded, and checks that loading has the same result in every VM.

The compressed form of this memory is written in `..assembly`.
"""
