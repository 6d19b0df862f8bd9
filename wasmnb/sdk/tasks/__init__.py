"""Everything that runs later: the tasks of `async def` callbacks, paused streams, timers, timeouts, `gather` and queue items.

Tasks need no event loop, because the proxy's callbacks resume them. `data_watch` calls ordinary functions: it reads a value of
the shared data on ticks, and reports changes.

Callouts, which can be awaited too, are in `wasmnb.sdk.callouts`.
"""
