"""trap: handles the end of a call, but not a call that fails to start because the cluster has lost all hosts."""


class Ask(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            response = await self.http_call("users", path="/me", timeout=1.0)
        except CalloutError as error:
            statuses = {CalloutTimeout: 504, CalloutUnreachable: 503, CalloutReset: 502}
            self.send_local_response(statuses[type(error)])
            return
        self.request_headers["x-user"] = bytes(response.body)[:20].hex()
