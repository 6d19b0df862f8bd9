"""Ask an authorisation service about every request, with `await`.

Configuration (JSON)::

    {"cluster": "auth", "path": "/check"}    both required

The request is paused until the service responds. After a 2xx response, it continues with the header `x-user` from the response.
After any other response, the client gets 403. If the call fails, the exception ends the stream with 503. `auth_callout.py` has
more options, and uses callbacks.
"""

from dataclasses import dataclass

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    cluster: str
    path: str


class Auth(HttpContext):
    config: Settings

    async def on_http_request_headers(self, num_headers, end_of_stream):
        token = self.request_headers.get("authorization", "")
        response = await self.http_call(
            self.config.cluster, path=self.config.path, headers={"authorization": token}, timeout=0.5
        )
        if not response.ok:
            return self.send_local_response(403, "forbidden\n")
        self.request_headers["x-user"] = response.headers.get("x-user", "")
        return None
