"""`async def` callbacks: tasks without an event loop, waiting streams, timers and timeouts, `gather`, queue items.

Callouts, which can be awaited too, are in `wasmnb.sdk.callouts`.
"""
