"""Snapshots: the memory of a VM after its filter was loaded, and checks that loading has the same result in every VM.

`..assembly` compresses this memory.
"""
