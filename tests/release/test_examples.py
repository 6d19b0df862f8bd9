"""Every example as a release module: it does what the full module does. `make profile` records what they execute."""

import json
import os

import pytest

from tests.envoy.test_examples_everywhere import run
from tests.example_cases import CASES, EXAMPLES
from wasmnb import Filter, Proxy

pytestmark = [pytest.mark.slow, pytest.mark.full]

#: `make test` runs every third example, `make test-release` and `make profile` all of them.
CHOSEN = list(CASES) if os.environ.get("WASMNB_ALL_SCENARIOS") else list(CASES)[::3]


@pytest.mark.parametrize("name", CHOSEN)
def test_example_has_the_same_outcome_as_release_module(name):
    config, upstream, clusters, requests = CASES[name]
    full = Filter.from_file(EXAMPLES / f"{name}.py")
    options = {"workers": 2, "config": json.dumps(config), "upstream": upstream, "clusters": clusters}
    with Proxy(full, **options) as proxy:
        expected = run(proxy, requests)
    with Proxy(full.release(), **options) as proxy:
        assert run(proxy, requests) == expected
