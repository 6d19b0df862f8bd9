"""docs/deploy.md: the filter that finds its clusters in every mesh."""

import re
from pathlib import Path

from wasmnb import Filter, Proxy, Response

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
BINDINGS = "gateway.envoyproxy.io/extension-backends"


def test_filter_calls_the_cluster_of_the_binding_or_of_its_configuration():
    (source,) = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class Auth" in text]
    clusters = {"auth": Response(201), "generated/7": Response(202), "outbound|80||auth": Response(203)}
    routes = [
        {"match": {"prefix": "/bound"}, "route": {"cluster": "upstream"}, "metadata": {"filter_metadata": {BINDINGS: {"auth": "generated/7"}}}},
        {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}},
    ]  # fmt: skip
    auth = Filter.native(source, "auth")
    for config, seen in (({}, ["202", "201"]), ({"cluster": "outbound|80||auth"}, ["202", "203"])):
        with Proxy(auth, config=config, clusters=clusters, routes=routes, workers=1) as proxy:
            assert [proxy.get(path).upstream_request.headers["x-checked"] for path in ("/bound", "/")] == seen
