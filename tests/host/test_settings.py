"""Settings of a proxy: kept, cloned, and changed by a listener update."""

import dataclasses

import pytest

from tests.host.host_kit import scripted_proxy
from wasmnb import Proxy, Response
from wasmnb.abi import LogLevel
from wasmnb.errors import UsageError
from wasmnb.host import Cluster, Listener, RouteMatch
from wasmnb.host.settings import ProxySettings, SimulationSettings

HOLD = "on_request_headers: return 1"


def test_settings_have_the_clusters_as_they_are_now():
    with scripted_proxy(upstream=Response(201), clusters={"auth": Response(202)}) as proxy:
        proxy.clusters["late"] = Cluster(Response(203), "late")
        settings = proxy.settings
        assert settings.upstream is proxy.clusters["upstream"]
        assert {name: cluster.upstream.status for name, cluster in settings.clusters.items()} == {
            "auth": 202,
            "late": 203,
        }


def test_settings_are_frozen():
    for settings in (ProxySettings(), SimulationSettings()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.seed = settings.workers = 2


def test_clone_has_all_settings_and_no_history():
    settings = {
        "workers": 3, "seed": 7, "deadline": 2.5, "memory_limit": 1 << 28, "guest_time": 0.5, "show_locals": True, "start_time": 5.0,
        "log_level": LogLevel.WARN, "trace_limit": 99, "buffer_limit": 1 << 16, "route_timeout": 1.0, "idle_timeout": 2.0,
        "request_timeout": 3.0, "node": {"id": "n"}, "listener": Listener(direction=1), "routes": [RouteMatch("/a")], "name": "one",
    }  # fmt: skip
    with scripted_proxy(**settings) as proxy:
        proxy.get("/a")
        with proxy.clone() as clone:
            assert (clone.settings, clone.simulation, clone.plugins) == (
                proxy.settings,
                proxy.simulation,
                proxy.plugins,
            )
            assert {
                name: getattr(clone.settings, name, None) or getattr(clone.simulation, name, None) for name in settings
            } == settings
            assert (len(proxy.exchanges), len(clone.exchanges), clone.clusters) == (1, 0, proxy.clusters)


def test_clone_takes_other_values_and_plugins():
    with scripted_proxy() as proxy, proxy.clone([], workers=2, seed=3) as clone:
        assert (clone.plugins, len(clone.workers), clone.simulation.seed, clone.name) == ([], 2, 3, proxy.name)


def test_update_changes_routes_for_new_streams():
    clusters = {"b": Response(202)}
    with scripted_proxy(clusters=clusters) as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.update(proxy.plugins, routes=[RouteMatch(cluster="b")]) is True
        assert (proxy.get("/").response.status, proxy.settings.routes[0].cluster) == (202, "b")


def test_update_changes_limits_and_listener_for_new_streams():
    with scripted_proxy(HOLD) as proxy:
        proxy.update(proxy.plugins, request_timeout=2.0, listener=Listener(direction=2))
        exchange = proxy.get("/", wait=3.0)
        assert (exchange.response.status, exchange.duration) == (504, pytest.approx(2.0))


def test_update_of_a_setting_ends_old_streams_after_the_drain_time():
    with scripted_proxy(HOLD) as proxy:
        old = proxy.get("/", wait=0.0)
        proxy.update(proxy.plugins, drain=2.0, idle_timeout=9.0)
        proxy.advance(1.9)
        assert old.state == "paused"
        proxy.advance(0.2)
        assert old.state == "reset"


def test_update_with_the_same_settings_changes_nothing():
    with scripted_proxy() as proxy:
        assert proxy.update(proxy.plugins, route_timeout=15.0) is False


@pytest.mark.parametrize("name", ["workers", "upstream", "clusters", "node", "name", "seed", "colour"])
def test_update_refuses_settings_that_need_a_new_proxy(name):
    with scripted_proxy() as proxy, pytest.raises(UsageError, match=f"can't change '{name}'"):
        proxy.update(proxy.plugins, **{name: 1})


@pytest.mark.parametrize("guest_time", ["soon", -1, float("inf"), None])
def test_guest_time_is_measured_or_a_number_of_seconds(guest_time):
    with pytest.raises(UsageError, match="guest_time= must be 'measured', 'frozen' or a number of seconds"):
        Proxy(guest_time=guest_time)


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("/pay", "must be a RouteMatch, or .* not '/pay'"),
        (b"/pay", "must be a RouteMatch"),
        (None, "must be a RouteMatch"),
        ({"prefix": "/pay", "cluster": "b"}, "Envoy's Route has no field 'prefix'. Did you mean 'match.prefix'"),
    ],
)
def test_route_that_is_neither_routematch_nor_message_is_refused(route, problem):
    with pytest.raises(UsageError, match=rf"^routes\[0\].*{problem}"):
        Proxy(routes=[route])


@pytest.mark.parametrize("routes", ["/", b"/", 3])
def test_routes_that_are_not_a_list_are_refused(routes):
    with pytest.raises(UsageError, match="routes= must be a list"):
        Proxy(routes=routes)


@pytest.mark.parametrize("arguments", [{"cluster": b"up"}, {"name": 3}, {"headers": [("a", "b")]}])
def test_routematch_with_a_parameter_of_another_type_is_refused(arguments):
    with pytest.raises(UsageError, match=f"^{next(iter(arguments))}= of a RouteMatch must be"):
        RouteMatch(**arguments)


def test_routematch_takes_prefix_and_headers_as_bytes():
    routes = [RouteMatch(b"/a", {b"x-user": b"ann"}, cluster="one")]
    with Proxy(routes=routes, clusters={"one": Response(202)}, workers=1) as proxy:
        assert proxy.get("/a", {"x-user": "ann"}).response.status == 202
        assert proxy.get("/a").response.status == 404


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf")])
def test_time_advances_by_a_number_of_seconds_of_at_least_zero(seconds):
    with scripted_proxy() as proxy, pytest.raises(UsageError, match="of at least 0, not"):
        proxy.advance(seconds)
