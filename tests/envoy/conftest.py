import pytest

from tests.foreign.toolchain import scripted_guest
from wasmnb.errors import UsageError


@pytest.fixture(autouse=True)
def need_envoy(request):
    """Tests marked `envoy` need the extra; without it they are skipped with the reason."""
    if request.node.get_closest_marker("envoy"):
        from wasmnb.envoy import find_envoy

        try:
            find_envoy()
        except UsageError as missing:
            pytest.skip(str(missing))


@pytest.fixture(scope="session")
def guest():
    return scripted_guest()
