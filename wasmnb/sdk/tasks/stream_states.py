"""States and events of a stream's `async def` callback that waits. The table of transitions is in `stream_tasks`.

A callback that begins to wait pauses the stream until `continue_stream`. Envoy delivers a body
while its headers are paused only if the plugin has `allow_on_headers_stop_iteration`. Without this option, a callback that waits
for the body lets the headers continue first (`pause_headers`). A paused body grows, and each body callback can read all of it.
"""

__all__ = ["IN_CALLBACK"]

# -- states -----------------------------------------------------------------------------------------------------------

#: A callback of the direction runs the coroutine. The callback's result decides whether the stream continues.
RUNNING = "running"
#: Like RUNNING, but the coroutine already waits for the next chunk of the body.
WANTS_CHUNK = "wants a chunk"
#: Like RUNNING, but the coroutine already waits for the whole body.
WANTS_BODY = "wants the body"
#: The coroutine waits for something other than the body. Callbacks of its direction are delayed until it ends.
WAITING = "waiting"
#: The coroutine waits for the next chunk of the body.
NEEDS_CHUNK = "needs a chunk"
#: The coroutine waits for the whole body.
NEEDS_BODY = "needs the body"
#: The coroutine has ended.
ENDED = "ended"

# -- events -----------------------------------------------------------------------------------------------------------

#: A callback of the direction arrives. LAST_CALLBACK means that it ends the direction.
CALLBACK, LAST_CALLBACK = "callback", "last callback"
#: The coroutine begins to wait for the next chunk, or for the whole body.
AWAIT_CHUNK, AWAIT_BODY = "await a chunk", "await the body"
#: The coroutine no longer waits for the body: after a timeout, or because another part of `gather` has failed.
ABANDON = "abandon the body"
#: The running callback returns to the proxy. RETURN_HEADERS is for headers callbacks, and RETURN for all others.
RETURN_HEADERS, RETURN = "return from headers", "return"
#: The coroutine ends, or is stopped at its wait because its stream has ended.
END, CANCEL = "end", "cancel"

#: States in which a callback of the direction runs the coroutine.
IN_CALLBACK = (RUNNING, WANTS_CHUNK, WANTS_BODY)
