"""Asks an authorisation service about every request before it goes on, in a dozen lines.

Configuration (JSON)::

    {"cluster": "auth", "path": "/check"}

The stream waits while the service is asked. 2xx lets the request through, with the service's `x-user` added; any other
answer is refused with 403; when the service fails, the exception ends this stream alone, with 503. `auth_callout.py` does
more, with callbacks.
"""

from wasmnb.sdk import HttpContext


class Auth(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        token = self.request_headers.get("authorization", "")
        answer = await self.http_call(
            self.config["cluster"], path=self.config["path"], headers={"authorization": token}, timeout=0.5
        )
        if not answer.ok:
            return self.send_local_response(403, "forbidden\n")
        self.request_headers["x-user"] = answer.headers.get("x-user", "")
        return None
