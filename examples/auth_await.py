"""Ask an authorisation service about every request before it goes on, in a dozen lines.

Configuration (JSON)::

    {"cluster": "auth", "path": "/check"}

The stream waits for the service. With 2xx the request goes on, with the service's `x-user`; with any other status the
client gets 403. If the service fails, the exception ends this stream with 503. `auth_callout.py` does more, with
callbacks.
"""

from wasmnb.sdk import HttpContext


class Auth(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        token = self.request_headers.get("authorization", "")
        response = await self.http_call(
            self.config["cluster"], path=self.config["path"], headers={"authorization": token}, timeout=0.5
        )
        if not response.ok:
            return self.send_local_response(403, "forbidden\n")
        self.request_headers["x-user"] = response.headers.get("x-user", "")
        return None
