"""Count the tokens of a language model's streamed answer, without holding it, and limit each user's tokens in a window.

Configuration (JSON; every part is optional)::

    {"user": "x-user",         request header with the user's name
     "limit": 100000,          tokens of one user in a window, over all workers
     "window": 3600}           seconds

The response is a stream of server-sent events as OpenAI's API has it: events with `choices`, and an event with `usage` if the client
asked for it. Without `usage`, each event with content counts as one token. A user above the limit gets 429 until the window ends.
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
            raise ValueError("window must be at least 1 second")


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
        finally:  # also if the client leaves in the middle
            used = usage or counted
            if used:
                tokens.increment(used)
                self.shared_data.add(self.key, used)
