"""The ABI table agrees with the signatures in the specification and with the imports that Envoy links."""

import pytest

from wasmnb.abi import CALLBACKS, HOSTCALLS, AbiVersion, Kind, Result, callbacks_for, hostcalls_for

# Signatures as other SDKs declare them (parameters only; every hostcall returns i32).
SIGNATURES = {
    "proxy_log": "i32 i32 i32",
    "proxy_get_header_map_value": "i32 i32 i32 i32 i32",
    "proxy_set_header_map_pairs": "i32 i32 i32",
    "proxy_get_buffer_bytes": "i32 i32 i32 i32 i32",
    "proxy_set_buffer_bytes": "i32 i32 i32 i32 i32",
    "proxy_send_local_response": "i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_http_call": "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_grpc_call": "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_grpc_stream": "i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_get_shared_data": "i32 i32 i32 i32 i32",
    "proxy_increment_metric": "i32 i64",
    "proxy_record_metric": "i32 i64",
    "proxy_call_foreign_function": "i32 i32 i32 i32 i32 i32",
    "proxy_resolve_shared_queue": "i32 i32 i32 i32 i32",
}


@pytest.mark.parametrize(("name", "types"), SIGNATURES.items())
def test_hostcalls_have_the_core_signatures_that_sdks_declare(name, types):
    assert " ".join(HOSTCALLS[name].core_params) == types
    assert HOSTCALLS[name].core_results == ("i32",)


@pytest.mark.parametrize("hostcall", HOSTCALLS.values(), ids=lambda h: h.name)
def test_inputs_precede_outputs(hostcall):
    assert hostcall.params == hostcall.inputs + hostcall.outputs
    assert all(p.kind is not Kind.ENUM or p.enum for p in hostcall.params)
    assert hostcall.doc


def test_versions_differ_as_in_envoy():
    old, middle, new = (set(hostcalls_for(v)) for v in AbiVersion)
    assert old - new == {
        "proxy_get_configuration",
        "proxy_continue_request",
        "proxy_continue_response",
        "proxy_clear_route_cache",
    }
    assert new - old == {"proxy_continue_stream", "proxy_close_stream", "proxy_get_log_level"}
    assert new - middle == {"proxy_get_log_level"}


def test_headers_callbacks_have_end_of_stream_from_0_2_0():
    for name in ("proxy_on_request_headers", "proxy_on_response_headers"):
        assert len(callbacks_for(AbiVersion.V0_1_0)[name].core_params) == 2
        assert len(callbacks_for(AbiVersion.V0_2_1)[name].core_params) == 3
    assert "proxy_on_foreign_function" not in callbacks_for(AbiVersion.V0_1_0)


def test_only_proxy_log_is_allowed_at_entry():
    assert [h.name for h in HOSTCALLS.values() if h.at_entry] == ["proxy_log"]


def test_missing_callback_means_success_or_continue():
    for callback in CALLBACKS.values():
        assert callback.default == (1 if callback.result is Result.BOOL else 0)
        assert len(callback.core_results) == (callback.result is not Result.NONE)


def test_version_has_its_marker():
    assert [v.marker for v in AbiVersion] == [
        "proxy_abi_version_0_1_0",
        "proxy_abi_version_0_2_0",
        "proxy_abi_version_0_2_1",
    ]
