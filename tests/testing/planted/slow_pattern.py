"""hang: a regular expression that takes exponential time on a long run of one letter."""

import re

WORDS = re.compile(r"^(\w+\s?)*$")


class Agents(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        agent = self.request_headers.get("user-agent")
        if agent and not WORDS.match(agent):
            log_info("an odd user agent")
