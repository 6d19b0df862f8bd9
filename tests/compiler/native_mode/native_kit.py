"""Native filters with one callback, and the lines that they log."""

from wasmnb import Filter, Proxy

PLAIN = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        {}\n"


def native(body, head="", **options):
    """A filter whose one callback has this body."""
    return Filter.native(head + PLAIN.format(body.replace("\n", "\n        ")), **options)


def said(filter_, *paths, **options):
    """Return the lines that the filter logs for requests of the given paths."""
    options = {"workers": 1, "guest_time": 0.0, **options}
    with Proxy(filter_, **options) as proxy:
        for path in paths or ("/",):
            proxy.get(path)
        return [line.text for line in proxy.log]
