"""Routes, metadata and the node, which filters can read as properties. The configurations of both proxies contain them."""

NODE = {"id": "n1", "cluster": "c1", "metadata": {"nk": "nv"}}

CLUSTER_EXTRA = {"metadata": {"filter_metadata": {"cm": {"ck": "cv"}}}}

LISTENER_EXTRA = {"traffic_direction": "INBOUND", "metadata": {"filter_metadata": {"lm": {"a": "b"}}}}

_METADATA = {"filter_metadata": {"rm": {"k": "v", "n": 3, "b": True, "l": ["a", "b"]}}}

ROUTES = {
    "plain": None,
    "several": [
        {"name": "alt", "match": {"prefix": "/alt"}, "route": {"cluster": "up2"}},
        {
            "name": "hdr",
            "match": {"prefix": "/", "headers": [{"name": "x-route", "string_match": {"exact": "alt"}}]},
            "route": {"cluster": "up2"},
        },
        {"name": "myroute", "match": {"prefix": "/"}, "route": {"cluster": "up"}, "metadata": _METADATA},
    ],
    "faulty": [
        {"match": {"prefix": "/svc"}, "route": {"cluster": "g"}},
        {"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}},
        {"match": {"prefix": "/noep"}, "route": {"cluster": "noep"}},
        {"match": {"prefix": "/nowhere"}, "route": {"cluster": "nowhere"}},
        {"match": {"prefix": "/", "headers": [{"name": "x-route", "string_match": {"exact": "up"}}]}, "route": {"cluster": "up"}},
    ],
    "grpc": [
        {"match": {"prefix": "/svc"}, "route": {"cluster": "g"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "up"}},
    ],
}
