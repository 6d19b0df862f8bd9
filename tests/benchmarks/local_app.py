"""The application of the dynamic module in `release_start`: it answers each request itself."""


def app(_environ, start_response):
    start_response("200 OK", [("content-type", "text/plain"), ("x-filter", "python")])
    return [b"ok"]
