"""hang: decodes a path until nothing changes, and a stray percent sign never disappears."""


class Decode(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        while "%" in path:
            at = path.index("%")
            try:
                path = path[:at] + chr(int(path[at + 1 : at + 3], 16)) + path[at + 3 :]
            except ValueError:
                continue
        self.request_headers["x-decoded-length"] = str(len(path))
