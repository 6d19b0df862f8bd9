"""trap: expects a JSON object where a list may occur."""

import json


class Amounts(HttpContext):
    def on_http_request_body(self, body_size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        try:
            order = json.loads(bytes(self.request_body))
        except ValueError:
            return None
        if "order" in order:
            total = sum(item["price"] for item in order["order"]["items"])
            log_info(f"order of {total}")
        return None
