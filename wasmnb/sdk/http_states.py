"""States of an HTTP stream and of its two directions, and the table of their transitions.

`HttpContext` owns the states. The table has one row for each event, with the next state for each state. States are plain numbers,
because a lookup in a tuple costs a fraction of a lookup in a dict. The states of `async def` callbacks that wait are in
`tasks.stream_states`.
"""

__all__ = ["DIRECTION_EVENTS", "STREAM_EVENTS"]

#: The event can't occur in this state, or is refused.
REFUSED = -1

# fmt: off

# -- the stream -------------------------------------------------------------------------------------------------------
#
# OPEN              no local response has been sent, and the stream hasn't been closed
# REPLIED           a local response has been sent, which the response headers callback for it may replace
# REPLIED_FINALLY   a response headers callback has sent a local response, which can't be replaced
# CLOSED            the filter has closed the stream
# ENDED             the stream has ended: only `on_http_stream_done` and `on_delete` still run

OPEN, REPLIED, REPLIED_FINALLY, CLOSED, ENDED = range(5)

#                     OPEN             REPLIED          REPLIED_FINALLY  CLOSED   ENDED
#: The filter sends a local response, in a response headers callback or in any other.
REPLY_TO_RESPONSE = (REPLIED_FINALLY, REPLIED_FINALLY, REFUSED,         REFUSED, REFUSED)
REPLY             = (REPLIED,         REFUSED,         REFUSED,         REFUSED, REFUSED)
#: The filter closes the stream.
CLOSE             = (CLOSED,          CLOSED,          CLOSED,          REFUSED, REFUSED)
#: The proxy reports the end of the stream.
END               = (ENDED,           ENDED,           ENDED,           ENDED,   ENDED)

STREAM_EVENTS = (REPLY_TO_RESPONSE, REPLY, CLOSE, END)

# -- a direction ------------------------------------------------------------------------------------------------------
#
# NEVER_PAUSED      no callback has paused it; if it is continued, Envoy can send a request twice, or crash
# PAUSED            a callback has paused it
# CONTINUED         it was paused, and has been continued
# REPLY_PAUSED      a callback for the local response has paused it
# REPLY_CONTINUED   the local response was paused, and has been continued

NEVER_PAUSED, PAUSED, CONTINUED, REPLY_PAUSED, REPLY_CONTINUED = range(5)

#               NEVER_PAUSED  PAUSED        CONTINUED     REPLY_PAUSED     REPLY_CONTINUED
#: A callback returns a status that pauses the direction. PAUSE_REPLY is for the headers of a local response.
PAUSE       = (PAUSED,       PAUSED,       PAUSED,       REPLY_PAUSED,    REPLY_PAUSED)
PAUSE_REPLY = (REPLY_PAUSED, REPLY_PAUSED, REPLY_PAUSED, REPLY_PAUSED,    REPLY_PAUSED)
#: The filter or its task continues the direction, or a later callback returns Continue.
CONTINUE    = (NEVER_PAUSED, CONTINUED,    CONTINUED,    REPLY_CONTINUED, REPLY_CONTINUED)

DIRECTION_EVENTS = (PAUSE, PAUSE_REPLY, CONTINUE)
# fmt: on
