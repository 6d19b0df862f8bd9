"""`async def` callbacks: tasks without an event loop, waiting streams, timers and timeouts, `gather`, queue items.

Callouts that can be awaited are in `wasmnb.sdk.callouts`.
"""
