"""Snapshots: the memory of a VM after the filter was loaded, and checks that loading gives the same in every VM.

The packed form of that memory is written in `..assembly`.
"""
