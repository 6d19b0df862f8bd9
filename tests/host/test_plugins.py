"""Chains, shared VMs, services, access loggers and updates: order of creation, and sharing."""

import pytest

from tests.host.host_kit import calls, scripted, scripted_proxy, wat
from wasmnb.errors import FilterTrap, ModuleError, UsageError
from wasmnb.host import Plugin, Proxy
from wasmnb.messages import Response


def plug(name, script="", **options):
    return Plugin(scripted(), name=name, config=script, **options)


def started(proxy, callback="on_configure"):
    return [(e.thread, e.vm, e.context) for e in proxy.trace if e.name == callback]


def test_filters_run_in_order_for_requests_and_in_reverse_for_responses():
    with Proxy([plug("a", root_id="a"), plug("b", root_id="b", vm_id="b")], workers=1) as proxy:
        exchange = proxy.get("/")
        order = [(e.name, e.vm) for e in exchange.events if e.kind == "callback" and "headers" in e.name or e.name == "on_log"]
        first, second = order[0][1], order[1][1]
        assert first != second
        assert order == [
            ("on_request_headers", first),
            ("on_request_headers", second),
            ("on_response_headers", second),
            ("on_response_headers", first),
            ("on_log", first),
            ("on_log", second),
        ]


def test_plugins_with_the_same_vm_key_share_vms_but_not_root_contexts():
    with Proxy([plug("a", root_id="a"), plug("b", root_id="b")], workers=2) as proxy:
        assert len(proxy.vms) == 1 + 1 + 2
        assert len(started(proxy)) == 2 * (2 + 2)
        plugins = proxy.tree().find("plugin")
        assert [n.name for n in plugins] == ["a", "b"] * 3


def test_equal_plugins_share_a_root_context_but_not_streams():
    with Proxy([plug("a"), plug("a")], workers=1) as proxy:
        assert len(started(proxy)) == 3
        assert [c for c in calls(proxy.get("/")) if c.startswith("on_context_create")] == [
            "on_context_create(2, 1)",
            "on_context_create(3, 1)",
        ]


@pytest.mark.parametrize("difference", [{"vm_id": "x"}, {"vm_config": b"x"}])
def test_other_vm_id_or_vm_configuration_makes_other_vms(difference):
    with Proxy([plug("a"), plug("b", **difference)], workers=1) as proxy:
        assert len(proxy.vms) == 2 * 3


def test_singleton_service_runs_on_the_main_thread_only():
    service = plug("svc", "on_configure: set_tick_period_milliseconds 100", kind="singleton", vm_id="s")
    with Proxy([plug("a"), service], workers=2, guest_time=0.0) as proxy:
        proxy.advance(0.25)
        assert {e.thread for e in proxy.trace if e.name == "on_tick"} == {"main"}
    everywhere = plug("svc", "on_configure: set_tick_period_milliseconds 100", kind="service", vm_id="s")
    with Proxy([plug("a"), everywhere], workers=2, guest_time=0.0) as proxy:
        proxy.advance(0.15)
        assert {e.thread for e in proxy.trace if e.name == "on_tick"} == {"main", "worker-1", "worker-2"}


def test_access_logger_logs_on_its_root_context():
    logger = plug(
        "log", "on_log: get_header_map_value RESPONSE_HEADERS :status; get_property response/code", kind="access_log"
    )
    with Proxy([plug("a", root_id="a"), logger], workers=1) as proxy:
        exchange = proxy.get("/")
        assert [c for c in calls(exchange) if c.startswith("on_log")] == ["on_log(3)"]
        log = [e for e in proxy.trace if e.name == "on_log"]
        assert [e.context for e in log] == [3, 1]
        status = [e for e in proxy.trace if e.parent == log[1].seq and e.name == "get_header_map_value"]
        assert status[0].result == b"200"


def test_settings_of_one_filter_are_refused_together_with_plugins():
    with Proxy(scripted(), workers=1, config={"a": 1}, vm_config="text", root_id="r", vm_id="v") as proxy:
        assert (proxy.plugins[0].config, proxy.plugins[0].vm_config) == (b'{"a": 1}', b"text")
        assert [e.args["plugin_configuration_size"] for e in proxy.trace if e.name == "on_configure"] == [8] * 3
    with pytest.raises(UsageError, match="can.t be set for a Proxy with several filters.* to each Plugin"):
        Proxy([plug("a")], config=b"x")
    with pytest.raises(UsageError, match="must be a Filter"):
        Proxy(Plugin(b"\0asm"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="workers= must be at least 1"):
        Proxy(scripted(), workers=0)


def test_proxy_without_plugins_forwards_requests():
    with Proxy(workers=1, upstream=Response(204)) as proxy:
        assert proxy.get("/").response.status == 204
        assert proxy.vms == []


# -- updates --------------------------------------------------------------------------------------------------------


def test_new_plugin_configuration_makes_new_roots_in_the_old_vms():
    with Proxy(plug("a", "on_tick: return 0"), workers=1) as proxy:
        before = [vm.number for vm in proxy.vms]
        assert proxy.update(plug("a", "on_tick: return 1"))
        assert [vm.number for vm in proxy.vms] == before
        assert calls(proxy.get("/"))[0] == "on_context_create(3, 2)"
        proxy.advance(1.5)
        assert [(e.name, e.context) for e in proxy.trace if e.kind == "callback"][-2:] == [
            ("on_done", 1),
            ("on_delete", 1),
        ]


def test_open_streams_keep_their_root_until_the_drain_time_ends():
    with Proxy(plug("a", "on_request_headers: return 1"), workers=1) as proxy:
        stream = proxy.open("GET", "/", end=True)
        proxy.update(plug("a", "new"), drain=2.0)
        proxy.advance(1.0)
        assert stream.exchange.state == "paused"
        proxy.advance(2.0)
        assert stream.exchange.state == "reset"
        assert len(proxy.tree().find("plugin")) == 2


def test_new_vm_configuration_makes_new_vms_and_closes_the_old_ones():
    with Proxy(plug("a", vm_config="1"), workers=1) as proxy:
        old = list(proxy.vms)
        proxy.update(plug("a", vm_config="2"))
        assert len(proxy.vms) == 6
        proxy.advance(1.5)
        assert len(proxy.vms) == 3
        assert all(vm.closed for vm in old)
        assert proxy.get("/").response.status == 200


def test_refused_update_changes_nothing():
    with Proxy(plug("a"), workers=1) as proxy:
        with pytest.raises(FilterTrap, match="refuses its configuration"):
            proxy.update(plug("a", "on_configure: return 0"))
        with pytest.raises(ModuleError):
            proxy.update(Plugin(wat("", frame='(memory (export "memory") 1)')))
        assert proxy.get("/").response.status == 200
        assert proxy.plugins[0].config == b""
        assert not proxy.update(plug("a"))


def test_update_with_the_same_configuration_calls_nothing():
    with Proxy(plug("a"), workers=1) as proxy:
        before = len(proxy.trace)
        assert not proxy.update(plug("a"))
        assert len(proxy.trace) == before


# -- tree and reprs ---------------------------------------------------------------------------------------------------


def test_tree_shows_threads_vms_plugins_and_streams():
    with scripted_proxy("on_request_headers: return 1", workers=2) as proxy:
        proxy.open("GET", "/", end=True, worker=2)
        tree = proxy.tree()
        assert [n.name for n in tree.children] == ["main", "worker-1", "worker-2"]
        assert [n.facts["role"] for n in tree.find("vm")] == ["base", "canary", "main", "worker", "worker"]
        assert [n.state for n in tree.find("vm")][:2] == ["template", "closed"]
        streams = tree.find("stream")
        assert [(s.state, s.label) for s in streams] == [("paused", "request paused")]
        assert tree.counts["VMs created"] == 5
        assert "worker-2" in str(tree)


def test_reprs_describe_the_objects():
    with scripted_proxy(workers=1, name="demo") as proxy:
        exchange = proxy.get("/a")
        assert repr(proxy) == "<Proxy demo: 1 workers, 1 exchanges, running>"
        assert repr(exchange) == "<Exchange 1: GET /a -> 200>"
        assert repr(proxy.vms[0]) == "<VM1 base on main, template>"
        assert repr(proxy.workers[0]) == "<Worker worker-1: 0 live streams, 1 served>"
        assert "text/html" in exchange._repr_mimebundle_()


@pytest.mark.parametrize("config", [{"a": {1, 2}}, {"a": ...}, [object()]])
def test_configuration_that_json_cannot_represent_raises_usage_error(config):
    with pytest.raises(UsageError, match="The configuration can't be written as JSON: Object of type"):
        Proxy([Plugin(scripted(), config=config)])
