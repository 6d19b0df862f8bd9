"""States and events of an HTTP stream and of its two directions, with the tables of their transitions.

`HttpContext` owns the states, and only its methods change them. An event that the table doesn't contain for a state can't occur
in it, or is refused. The states of `async def` callbacks that wait are in `tasks.stream_states`.
"""

__all__ = ["DIRECTION", "STREAM"]

# -- the stream -------------------------------------------------------------------------------------------------------

#: No local response has been sent, and the stream hasn't been closed.
OPEN = "open"
#: A local response has been sent. The response headers callback for it may replace it.
REPLIED = "replied"
#: A local response has been sent that can't be replaced, because a response headers callback has sent it.
REPLIED_FINALLY = "replied finally"
#: The filter has closed the stream.
CLOSED = "closed"
#: The stream has ended: only `on_http_stream_done` and `on_delete` still run.
ENDED = "ended"

#: The filter sends a local response: in a response headers callback, or in any other.
REPLY_TO_RESPONSE, REPLY = "reply to response", "reply"
#: The filter closes the stream, or the proxy reports its end.
CLOSE, END = "close", "end"

#: State of a stream -> event -> next state.
STREAM: dict[str, dict[str, str]] = {
    OPEN: {REPLY: REPLIED, REPLY_TO_RESPONSE: REPLIED_FINALLY, CLOSE: CLOSED, END: ENDED},
    REPLIED: {REPLY_TO_RESPONSE: REPLIED_FINALLY, CLOSE: CLOSED, END: ENDED},
    REPLIED_FINALLY: {CLOSE: CLOSED, END: ENDED},
    CLOSED: {END: ENDED},
    ENDED: {END: ENDED},
}

# -- a direction ------------------------------------------------------------------------------------------------------

#: No callback has paused the direction. If it is continued, Envoy can send a request twice, or crash.
NEVER_PAUSED = "never paused"
#: A callback has paused the direction.
PAUSED = "paused"
#: The direction was paused, and has been continued.
CONTINUED = "continued"
#: A callback for the local response has paused it.
REPLY_PAUSED = "local response paused"
#: The local response was paused, and has been continued.
REPLY_CONTINUED = "local response continued"

#: A callback returns a status that pauses the direction. PAUSE_REPLY is for the headers of a local response.
PAUSE, PAUSE_REPLY = "pause", "pause the local response"
#: The filter or its task continues the direction.
CONTINUE = "continue"

#: State of a direction -> event -> next state.
DIRECTION: dict[str, dict[str, str]] = {
    NEVER_PAUSED: {PAUSE: PAUSED, PAUSE_REPLY: REPLY_PAUSED},
    PAUSED: {PAUSE: PAUSED, PAUSE_REPLY: REPLY_PAUSED, CONTINUE: CONTINUED},
    CONTINUED: {PAUSE: PAUSED, PAUSE_REPLY: REPLY_PAUSED},
    REPLY_PAUSED: {PAUSE: REPLY_PAUSED, PAUSE_REPLY: REPLY_PAUSED, CONTINUE: REPLY_CONTINUED},
    REPLY_CONTINUED: {PAUSE: REPLY_PAUSED, PAUSE_REPLY: REPLY_PAUSED},
}
