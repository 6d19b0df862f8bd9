"""Count the tokens in streamed responses of a language model, without holding them, and limit each user's tokens.

Configuration (JSON; every part is optional)::

    {"user": "x-user",         request header with the user's name
     "limit": 100000,          maximum number of tokens of a user in a time window, over all workers
     "window": 3600}           length of a time window in seconds

The response consists of server-sent events in the format of OpenAI's API: events with `choices` and, if the client requested
it, an event with `usage`. Without `usage`, each event with content counts as one token. Users above the limit get 429 until the
window ends.
"""

import time
from dataclasses import dataclass

from wasmnb.sdk import Counter, HttpContext

tokens = Counter("llm_tokens")


@dataclass
class Settings:
    user: str = "x-user"
    limit: int = 100_000
    window: int = 3600

    def __post_init__(self):
        if self.window < 1:
            raise ValueError("window must be at least 1 (second)")


class SseTokens(HttpContext):
    config: Settings
    key = None

    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get(self.config.user, "nobody")
        window = int(time.time()) // self.config.window
        self.key = f"sse_tokens.{user}.{window}"
        if int(self.shared_data.get(self.key, b"0")) < self.config.limit:
            return None
        wait = (window + 1) * self.config.window - int(time.time())
        return self.send_local_response(429, json={"error": "no tokens left"}, headers={"retry-after": str(wait)})

    async def on_http_response_headers(self, num_headers, end_of_stream):
        if self.key is None or not self.response_headers.get("content-type", "").startswith("text/event-stream"):
            return
        counted = usage = 0
        try:
            async for event in self.response.sse():
                if event.data == "[DONE]":
                    continue
                data = event.json()
                usage = ((data.get("usage") or {}).get("total_tokens")) or usage
                counted += any((c.get("delta") or {}).get("content") for c in data.get("choices", ()))
        finally:  # also runs if the client disconnects during the response
            used = usage or counted
            if used:
                tokens.increment(used)
                self.shared_data.add(self.key, used)
