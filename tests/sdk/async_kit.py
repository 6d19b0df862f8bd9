"""Sources with `async def` callbacks, for the tests of awaiting."""

AUTH = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        response = await self.http_call("auth", path="/check", headers={"x-user": self.request_headers.get("x-user", "")})
        if not response.ok:
            return self.send_local_response(403, response.text)
        self.request_headers["x-auth"] = response.headers["x-id"]
"""


def auth(headers, body):
    return (200, {"x-id": "7"}, b"") if headers["x-user"] == b"ann" else (401, {}, b"no")


def stream(body, callback="on_http_request_headers(self, n, e)", extra=""):
    lines = "\n".join("        " + line for line in body.strip().splitlines())
    return f"class F(HttpContext):\n    async def {callback}:\n{lines}\n{extra}"
