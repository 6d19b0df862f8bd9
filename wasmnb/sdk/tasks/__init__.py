"""Support for `async def` callbacks: tasks without an event loop, paused streams, timers, timeouts, `gather` and queue items.

Callouts, which can be awaited too, are in `wasmnb.sdk.callouts`.
"""
