"""Start, several plugins in one VM, services, access log, updates, shutdown."""

from collections.abc import Sequence

from ..scenario import Plug, Scenario, Send, Shutdown, Update, Wait, maker

S = maker("lifecycle")

_SERVICE = """
on_configure:
    set_tick_period_milliseconds 150
    get_header_map_value REQUEST_HEADERS a
    get_property plugin_name
    set_shared_data k v 0
on_tick:
    set_tick_period_milliseconds 0
    get_property xds/node/id
    set_property foo 1
    get_shared_data k
    set_effective_context 1
    continue_stream REQUEST
    send_local_response 200 d b _ -1
    done
"""

_LOGGER = """
on_log:
    get_header_map_pairs REQUEST_HEADERS
    get_header_map_pairs RESPONSE_HEADERS
    get_property response/code
    get_property request/path
    get_header_map_value RESPONSE_HEADERS :status
    get_header_map_pairs RESPONSE_TRAILERS
    add_header_map_value RESPONSE_HEADERS a b
"""


def _shared(name: str, *plugins: Plug) -> Scenario:
    return S(name, [Send(), Shutdown()], plugins=plugins, show_start=True)


def _service(name: str, script: str, steps: Sequence, *, singleton: bool) -> Scenario:
    service = Plug(script, "v", name="svc", root_id="svc", options={"singleton": singleton})
    return S(name, steps, plugins=(Plug(vm_id="other"),), services=(service,), workers=2, show_start=True)


SCENARIOS: list[Scenario] = [
    S(
        "start, a request and shutdown with four workers",
        [Send(), Shutdown()],
        """
        on_configure:
            get_log_level
            get_current_time_nanoseconds
        """,
        plug={"vm_script": "vmconf"},
        workers=4,
        show_start=True,
    ),
    _shared(
        "two plugins of one VM with different root_id and configuration",
        Plug("cfgA", "v", "A", "ra"),
        Plug("cfgB", "v", "B", "rb"),
    ),
    _shared(
        "two plugins of one VM with one root_id, one configuration and different names",
        Plug("cfg", "", "A", "r"),
        Plug("cfg", "", "B", "r"),
    ),
    _shared("two plugins that are equal", Plug("cfg", "", "A", "r"), Plug("cfg", "", "A", "r")),
    _shared(
        "two plugins of one VM with one root_id and different configuration",
        Plug("cfgA", "", "A", "r"),
        Plug("cfgB", "", "A", "r"),
    ),
    _shared(
        "one vm_id, different VM configuration: different VMs", Plug("c", "v1", "A", "r"), Plug("c", "v2", "B", "r")
    ),
    S(
        "a plugin without root_id, vm_id and VM configuration",
        [Send(), Shutdown()],
        """
        on_request_headers:
            get_buffer_bytes PLUGIN_CONFIGURATION 0 100
            get_property plugin_name
            get_property plugin_root_id
            get_property plugin_vm_id
        """,
        plug={"name": "A", "root_id": "", "vm_id": ""},
        show_start=True,
    ),
    S(
        "an access logger",
        [Send(), Shutdown()],
        plugins=(),
        access_log=Plug(_LOGGER, name="logger", root_id="log"),
        show_start=True,
    ),
    S(
        "an access logger and a filter in one VM",
        [Send(), Shutdown()],
        "x",
        access_log=Plug(_LOGGER, name="logger", root_id="log"),
        show_start=True,
    ),
    S(
        "an access logger sees the end of a local reply with trailers coming",
        [Send("POST", chunks=[b"a"], trailers=[("x-rt", "1")])],
        """
        on_request_trailers:
            send_local_response 403 d b _ -1
        """,
        access_log=Plug(_LOGGER, name="logger", root_id="log"),
    ),
    _service("a singleton service", _SERVICE, [Wait(0.3), Shutdown()], singleton=True),
    _service("a service on every thread", _SERVICE, [Wait(0.3), Shutdown()], singleton=False),
    _service("a service whose on_configure returns 0", "on_configure:\n  return 0", [], singleton=True),
    S(
        "root on_done returns 0 at shutdown, and Envoy doesn't wait",
        [Wait(0.25), Shutdown()],
        """
        on_configure:
            set_tick_period_milliseconds 100
        on_tick#2:
            set_tick_period_milliseconds 0
        on_tick:
            done
        on_done:
            return 0
        """,
        show_start=True,
    ),
    S(
        "stream on_done returns 0, which is ignored",
        [Send(), Shutdown()],
        """
        on_done:
            return 0
        """,
    ),
    S(
        "plugin configuration replaced: a new root in the old VMs",
        [Send(), Update([Plug("cfgBB", "vv", "A", "r")]), Wait(1.5), Send(), Shutdown()],
        plugins=(Plug("cfgA", "vv", "A", "r"),),
        show_start=True,
    ),
    S(
        "plugin configuration replaced while a request is in flight",
        [Update([Plug("cfgBB", "vv", "A", "r")], during=Send("GET", "/slow")), Wait(1.5), Send()],
        plugins=(Plug("cfgA", "vv", "A", "r"),),
    ),
    S(
        "VM configuration replaced: new VMs",
        [Update([Plug("cfgA", "v2", "A", "r")]), Wait(1.5), Send(), Shutdown()],
        plugins=(Plug("cfgA", "v1", "A", "r"),),
    ),
    S(
        "an update whose on_configure returns 0 is rejected",
        [Update([Plug("on_configure: return 0", "v", "A", "r")]), Send()],
        plugins=(Plug("cfgA", "v", "A", "r"),),
    ),
    S(
        "the same configuration again",
        [Update([Plug("cfgA", "v", "A", "r")]), Send()],
        plugins=(Plug("cfgA", "v", "A", "r"),),
    ),
    S(
        "root on_done returns 0 when replaced: parked until proxy_done",
        [Update([Plug("x", "v", "A", "r")]), Wait(1.8), Send()],
        plugins=(
            Plug(
                """
                on_configure:
                    set_tick_period_milliseconds 1300
                on_tick:
                    done
                    set_tick_period_milliseconds 0
                on_done:
                    return 0
                """,
                "v",
                "A",
                "r",
            ),
        ),
    ),
]
