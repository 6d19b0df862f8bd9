"""`async def` callbacks: tasks without an event loop, waiting streams, timers and timeouts.

Callouts that can be awaited are in `..callouts`.
"""
