"""A filter with content for every view, and its traffic."""

GATE = """\
%%wasmfilter gate --workers 3 --seed 4 --config '{"quota": 12, "service": "accounts"}' --cluster accounts=accounts
asked = Counter("asked")
waited = Histogram("waited_ms")

class Gate(HttpContext):
    seen = 0

    async def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user")
        if user is None:
            return self.send_local_response(401, "Who are you?\\n")
        Gate.seen += 1
        if self.shared_data.get(user) != b"known":
            asked.increment()
            response = await self.http_call(self.plugin.config["service"], path=f"/users/{user}")
            waited.record(20)
            if response.status != 200:
                print("the service does not know", user)
                return self.send_local_response(403, "Not you.\\n")
            self.shared_data[user] = "known"
        self.request_headers["x-account"] = user
        self.request_headers.pop("cookie", None)
        print("let", user, "pass to", self.request_headers[":path"])

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-gate"] = "open"
        if self.response_headers.get("x-odd"):
            raise ValueError(f"an odd answer to {self.request_headers[':path']}")
"""
SERVICE = """\
from wasmnb import Response

def accounts(request):
    return Response(404 if request.path.endswith("mallory") else 200, body=b"{}", latency=0.02)
"""
TRAFFIC = """\
import random
draw = random.Random(5)
for n in range(60):
    user = draw.choice(["ann", "bob", "cy", "dee", "mallory"])
    method, body = ("POST", b'{"item": %d, "amount": 3}' % n) if n % 3 == 0 else ("GET", b"")
    kind = {"content-type": "application/json"} if body else {}
    gate.request(method, f"/orders/{n}", {"x-user": user, "cookie": "session=1", **kind}, body)
gate.get("/orders")
gate.request("POST", "/orders/61", {"x-user": "ann", "cookie": "session=1", "content-type": "application/json"}, b'{"amount": 3}')
"""
REPORT = "import wasmnb; gate.panel().add_report(wasmnb.replay(gate, list(gate.exchanges), workers=1))"
CELLS = ("%load_ext wasmnb", SERVICE, GATE)
