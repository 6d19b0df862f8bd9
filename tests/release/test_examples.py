"""Every example as a release module: it does what the full module does. `make profile` records what they execute."""

import json

import pytest

from tests.envoy.test_examples_everywhere import run
from tests.example_cases import CASES, EXAMPLES
from wasmnb import Filter, Proxy

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", CASES)
def test_an_example_does_the_same_as_release_module(name):
    config, upstream, clusters, requests = CASES[name]
    full = Filter.from_file(EXAMPLES / f"{name}.py")
    options = {"workers": 2, "config": json.dumps(config), "upstream": upstream, "clusters": clusters}
    with Proxy(full, **options) as proxy:
        expected = run(proxy, requests)
    with Proxy(full.release(), **options) as proxy:
        assert run(proxy, requests) == expected
