"""An export: complete, accepted and run by Envoy, and true to the public formats."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from wasmnb import Filter, Plugin, Proxy, Response
from wasmnb.envoy import Upstream, export, find_envoy
from wasmnb.errors import BuildError, UsageError

SOURCE = """\
from wasmnb.sdk import Counter, HttpContext

HITS = Counter("hits", tags={"zone": "a"})


class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-greeting"] = self.plugin.config["greeting"]

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-filter"] = "hello"
        HITS.with_tags(zone="b").increment(2)
"""
FILES = {
    "hello.wasm", "hello.spdx.json", "envoy.yaml", "wasmplugin.yaml", "trafficextension.yaml", "envoyfilter.yaml",
    "envoyextensionpolicy.yaml", "oci", "README.md",
}


@pytest.fixture(scope="module")
def hello():
    return Filter.from_source(SOURCE, "hello")


class Small:
    """A filter whose module is a few bytes: the exported files do not depend on its content."""

    source = None

    def __init__(self, name="small", wasm=b"\0asm\1\0\0\0"):
        self.name, self.wasm = name, wasm

    def image(self, engine):
        raise AssertionError("an export runs nothing")


def document(folder, name):
    return yaml.safe_load((folder / name).read_text())


def filters(folder):
    listener = document(folder, "envoy.yaml")["static_resources"]["listeners"][0]
    chain = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    return [f["typed_config"]["config"] for f in chain[:-1]]


@contextmanager
def started(folder):
    """Envoy on the file as it was written, in its folder."""
    admin = folder / "admin.txt"
    command = [str(find_envoy()), "-c", "envoy.yaml", "--admin-address-path", str(admin), "--concurrency", "1"]
    command += ["--disable-hot-restart", "-l", "warning"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
        try:
            yield process, admin
        finally:
            process.terminate()
            process.communicate(timeout=20)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as got:
        return got


# -- Envoy ------------------------------------------------------------------------------------------------------------


@pytest.mark.envoy
@pytest.mark.slow
def test_envoy_accepts_the_exported_file(hello, tmp_path):
    with Proxy(hello, config={"greeting": "hé"}, vm_config="v", clusters={"auth": Response(200)}) as proxy:
        proxy.export(tmp_path)
    command = [str(find_envoy()), "--mode", "validate", "-c", "envoy.yaml"]
    validated = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert validated.returncode == 0, validated.stderr
    assert "configuration 'envoy.yaml' OK" in validated.stdout + validated.stderr


@pytest.mark.envoy
@pytest.mark.slow
def test_exported_envoy_serves_requests_through_the_filter(hello, tmp_path):
    upstream = Upstream(lambda request: Response(200, body=request.headers["x-greeting"].encode()))
    export(Plugin(hello, config={"greeting": "Good morning"}), tmp_path, port=0, admin_port=0)
    text = (tmp_path / "envoy.yaml").read_text()
    (tmp_path / "envoy.yaml").write_text(text.replace("port_value: 8000", f"port_value: {upstream.address[1]}"))
    config = document(tmp_path, "envoy.yaml")
    # The working directory that the README asks for: file names in the configuration are relative.
    for listener in filters(tmp_path):
        assert not listener["vm_config"]["code"]["local"]["filename"].startswith("/")
    with started(tmp_path) as (process, admin):
        address = _listening(process, admin)
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as got:
            assert got.status == 200
            assert got.headers["x-filter"] == "hello"
            assert got.read() == b"Good morning"
        with urllib.request.urlopen(f"http://{admin.read_text()}/stats/prometheus?filter=wasmcustom", timeout=10) as got:
            assert b'hits{zone="b"} 2' in got.read()
    upstream.close()
    assert config["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def _listening(process, admin):
    """Address of the listener, once Envoy has it."""
    import time

    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(f"http://{admin.read_text()}/listeners?format=json", timeout=5) as got:
                listeners = json.loads(got.read()).get("listener_statuses")
            if listeners:
                at = listeners[0]["local_address"]["socket_address"]
                return f"{at['address']}:{at['port_value']}"
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("Envoy did not listen")


def test_chain_keeps_its_order_and_shares_modules(tmp_path):
    one, two = Small("one", b"\0asm1"), Small("two", b"\0asm2")
    exported = export([Plugin(one, config="a"), Plugin(two), Plugin(one, name="again", config="b")], tmp_path)
    assert [f["name"] for f in filters(tmp_path)] == ["one", "two", "again"]
    assert [f["vm_config"]["code"]["local"]["filename"] for f in filters(tmp_path)] == [
        "one.wasm",
        "two.wasm",
        "one.wasm",
    ]
    assert {p.name for p in tmp_path.glob("*.wasm")} == {"one.wasm", "two.wasm"}
    assert set(exported.images) == {"one", "two"}
    assert filters(tmp_path)[2]["configuration"]["value"] == "b"


def test_every_kind_of_plugin_has_its_place_in_the_configuration(tmp_path):
    kinds = ["http", "network", "access_log", "singleton"]
    export([Plugin(Small(kind, kind.encode()), kind=kind) for kind in kinds], tmp_path)
    config = document(tmp_path, "envoy.yaml")
    http, tcp = config["static_resources"]["listeners"]
    assert (
        http["filter_chains"][0]["filters"][0]["typed_config"]["access_log"][0]["name"] == "envoy.access_loggers.wasm"
    )
    assert tcp["filter_chains"][0]["filters"][0]["name"] == "envoy.filters.network.wasm"
    assert tcp["address"]["socket_address"]["port_value"] == 10001
    assert config["bootstrap_extensions"][0]["typed_config"]["singleton"] is True


def test_clusters_get_different_addresses(tmp_path):
    from wasmnb.host import Cluster
    from wasmnb.envoy.deployment.envoy_yaml import addresses

    clusters = {
        "upstream": Cluster(),
        "auth": Cluster(),
        "far": Cluster(address="10.0.0.7:443"),
        "none": Cluster(endpoints=0),
    }
    assert addresses(clusters, 8000) == {
        "upstream": ("127.0.0.1", 8000), "auth": ("127.0.0.1", 8001), "far": ("10.0.0.7", 443), "none": None,
    }  # fmt: skip


# -- the image --------------------------------------------------------------------------------------------------------


def blob(layout, described):
    data = (layout / "blobs" / "sha256" / described["digest"].removeprefix("sha256:")).read_bytes()
    assert hashlib.sha256(data).hexdigest() == described["digest"].removeprefix("sha256:")
    assert len(data) == described["size"]
    return data


def test_image_layout_has_the_compat_variant(tmp_path):
    module = b"\0asm" + bytes(range(256)) * 50
    exported = export(Small("auth", module), tmp_path, registry="ghcr.io/acme", tag="1.2.0")
    layout = tmp_path / "oci" / "auth"
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (named,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert named["annotations"]["org.opencontainers.image.ref.name"] == "1.2.0"
    assert exported.images == {"auth": ("ghcr.io/acme/auth:1.2.0", named["digest"])}
    manifest = json.loads(blob(layout, named))
    assert manifest["annotations"] == {"module.wasm.image/variant": "compat"}
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    archive = gzip.decompress(blob(layout, layer))
    config = json.loads(blob(layout, manifest["config"]))
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(archive).hexdigest()]
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["plugin.wasm"]
        assert tar.extractfile("plugin.wasm").read() == module


def test_unchanged_image_keeps_its_digest(tmp_path):
    first = export(Small(), tmp_path / "a")
    assert export(Small(), tmp_path / "b").images == first.images
    assert export(Small(wasm=b"\0asm2"), tmp_path / "c").images != first.images


# -- Kubernetes -------------------------------------------------------------------------------------------------------


def test_wasmplugin_is_pinned_to_the_image(tmp_path):
    plugin = Plugin(
        Small("Auth_Filter"), config={"a": 1}, root_id="root", failure_policy="FAIL_OPEN", environment={"K": "v"}
    )
    exported = export(plugin, tmp_path, registry="ghcr.io/acme")
    resource = document(tmp_path, "wasmplugin.yaml")
    assert (resource["apiVersion"], resource["kind"]) == ("extensions.istio.io/v1alpha1", "WasmPlugin")
    assert resource["metadata"]["name"] == "auth-filter"
    spec = resource["spec"]
    assert spec["url"] == "oci://ghcr.io/acme/auth-filter:latest"
    assert "sha256:" + spec["sha256"] == exported.images["auth-filter"][1]
    assert spec["pluginConfig"] == {"a": 1}
    assert spec["pluginName"] == "root"
    assert spec["failStrategy"] == "FAIL_OPEN"
    assert spec["vmConfig"] == {"env": [{"name": "K", "value": "v"}]}


def test_wasmplugins_keep_the_order_of_the_chain(tmp_path):
    export([Plugin(Small("a", b"1")), Plugin(Small("b", b"2"))], tmp_path)
    first, second = yaml.safe_load_all((tmp_path / "wasmplugin.yaml").read_text())
    assert first["spec"]["priority"] > second["spec"]["priority"]


def test_extension_policy_has_the_whole_chain(tmp_path):
    export(
        [Plugin(Small("a", b"1"), config=[1, 2], root_id="r"), Plugin(Small("b", b"2"), failure_policy="FAIL_OPEN")],
        tmp_path,
    )
    policy = document(tmp_path, "envoyextensionpolicy.yaml")
    assert (policy["apiVersion"], policy["kind"]) == ("gateway.envoyproxy.io/v1alpha1", "EnvoyExtensionPolicy")
    first, second = policy["spec"]["wasm"]
    assert first["code"] == {"type": "Image", "image": {"url": "registry.example.com/a:latest"}}
    assert (first["rootID"], first["config"], first["failOpen"]) == ("r", [1, 2], False)
    assert (second["name"], second["failOpen"]) == ("b", True)


def test_settings_without_a_field_are_noted(tmp_path):
    exported = export(Plugin(Small("auth"), config=b"plain text", vm_config="x", failure_policy="FAIL_RELOAD"), tmp_path)
    notes = "\n".join(exported.notes)
    assert "auth: Istio has no field for its configuration, which is not a JSON object." in notes
    assert "auth: Envoy Gateway has no field for its configuration, which is not JSON." in notes
    assert "auth: Istio and Envoy Gateway have no field for its VM configuration." in notes
    assert "FAIL_RELOAD" in notes
    assert all(note in (tmp_path / "README.md").read_text() for note in exported.notes)
    assert "pluginConfig" not in document(tmp_path, "wasmplugin.yaml")["spec"]


def test_network_filters_are_exported_for_istio_only(tmp_path):
    exported = export(Plugin(Small("tcp"), kind="network"), tmp_path)
    assert document(tmp_path, "wasmplugin.yaml")["spec"]["type"] == "NETWORK"
    assert not (tmp_path / "envoyextensionpolicy.yaml").exists()
    assert "envoyextensionpolicy" not in (tmp_path / "README.md").read_text()
    assert "Envoy Gateway has no field for network filters" in "\n".join(exported.notes)
    assert "nc 127.0.0.1 10000" in (tmp_path / "README.md").read_text()


@pytest.mark.slow
def test_filter_with_a_tcp_context_is_exported_as_a_network_filter(tmp_path):
    source = "class T(TcpContext):\n    def on_downstream_data(self, data_size, end_of_stream): pass"
    export(Filter.from_source(source, "sniff"), tmp_path)
    (listener,) = document(tmp_path, "envoy.yaml")["static_resources"]["listeners"]
    assert [f["name"] for f in listener["filter_chains"][0]["filters"]] == ["envoy.filters.network.wasm", "envoy.filters.network.tcp_proxy"]
    assert document(tmp_path, "wasmplugin.yaml")["spec"]["type"] == "NETWORK"


def test_access_logger_with_a_network_filter_keeps_its_http_listener(tmp_path):
    export([Plugin(Small(kind, kind.encode()), kind=kind) for kind in ("network", "access_log")], tmp_path)
    assert [item["name"] for item in document(tmp_path, "envoy.yaml")["static_resources"]["listeners"]] == ["http", "tcp"]


#: Fields of the custom resource definitions of Istio 1.30 (`trafficextensions.extensions.istio.io`, v1alpha1).
TRAFFIC_EXTENSION = {"selector", "targetRefs", "phase", "priority", "match", "wasm", "lua"}
TRAFFIC_EXTENSION_WASM = {
    "url", "sha256", "imagePullPolicy", "imagePullSecret", "verificationKey", "pluginConfig", "pluginName", "failStrategy", "type",
    "vmConfig",
}  # fmt: skip


def test_traffic_extension_has_the_fields_of_its_definition(tmp_path):
    plugins = [
        Plugin(Small("a", b"1"), config={"a": 1}, root_id="r", failure_policy="FAIL_RELOAD", environment={"K": "v"}),
        Plugin(Small("b", b"2"), kind="network"),
    ]
    exported = export(plugins, tmp_path, registry="ghcr.io/acme")
    first, second = yaml.safe_load_all((tmp_path / "trafficextension.yaml").read_text())
    for resource in (first, second):
        assert (resource["apiVersion"], resource["kind"]) == ("extensions.istio.io/v1alpha1", "TrafficExtension")
        assert resource["spec"].keys() <= TRAFFIC_EXTENSION
        assert resource["spec"]["wasm"].keys() <= TRAFFIC_EXTENSION_WASM
    assert first["spec"]["priority"] > second["spec"]["priority"]
    assert first["spec"]["selector"] == {"matchLabels": {"istio": "ingressgateway"}}
    wasm = first["spec"]["wasm"]
    assert (wasm["pluginName"], wasm["failStrategy"], wasm["pluginConfig"]) == ("r", "FAIL_RELOAD", {"a": 1})
    assert "sha256:" + wasm["sha256"] == exported.images["a"].digest
    assert second["spec"]["wasm"]["type"] == "NETWORK"


def test_envoy_filter_has_every_setting_in_order(tmp_path):
    plugins = [
        Plugin(Small("a", b"1"), config=b"text", vm_config="vm", vm_id="v", allow_on_headers_stop_iteration=True),
        Plugin(Small("b", b"2"), allowed_capabilities=["proxy_log"]),
        Plugin(Small("c", b"3"), kind="network"),
    ]
    export(plugins, tmp_path, registry="ghcr.io/acme", context="SIDECAR_INBOUND")
    resource = document(tmp_path, "envoyfilter.yaml")
    assert (resource["apiVersion"], resource["kind"]) == ("networking.istio.io/v1alpha3", "EnvoyFilter")
    patches = resource["spec"]["configPatches"]
    assert {p["match"]["context"] for p in patches} == {"SIDECAR_INBOUND"}
    assert [(p["applyTo"], p["patch"]["operation"], p["patch"]["value"]["name"]) for p in patches] == [
        ("EXTENSION_CONFIG", "ADD", "a.wasm"), ("HTTP_FILTER", "INSERT_BEFORE", "a.wasm"),
        ("EXTENSION_CONFIG", "ADD", "b.wasm"), ("HTTP_FILTER", "INSERT_BEFORE", "b.wasm"),
        ("EXTENSION_CONFIG", "ADD", "c.wasm"), ("NETWORK_FILTER", "INSERT_BEFORE", "c.wasm"),
    ]  # fmt: skip
    config = patches[0]["patch"]["value"]["typed_config"]["config"]
    assert (config["configuration"]["value"], config["allow_on_headers_stop_iteration"]) == ("text", True)
    assert (config["vm_config"]["vm_id"], config["vm_config"]["configuration"]["value"]) == ("v", "vm")
    assert config["vm_config"]["code"]["remote"]["http_uri"]["uri"] == "oci://ghcr.io/acme/a:latest"
    assert "local" not in config["vm_config"]["code"]


@pytest.mark.envoy
def test_envoy_accepts_the_resources_of_the_envoy_filter(tmp_path):
    """Envoy checks the filter with its discovery, and the message that it would discover."""
    export([Plugin(Small("a", b"1"), config={"a": 1}, allow_on_headers_stop_iteration=True)], tmp_path)
    added, filter_ = (p["patch"]["value"] for p in document(tmp_path, "envoyfilter.yaml")["spec"]["configPatches"])
    source = filter_["config_discovery"].pop("config_source")
    assert source["ads"] == {}
    filter_["config_discovery"]["config_source"] = {"path_config_source": {"path": str(tmp_path / "ecds.yaml")}}
    (tmp_path / "ecds.yaml").write_text(yaml.safe_dump({"resources": []}))
    config = document(tmp_path, "envoy.yaml")
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    chain[0] = filter_
    uri = added["typed_config"]["config"]["vm_config"]["code"]["remote"]["http_uri"]
    assert uri == {"uri": "oci://registry.example.com/a:latest", "cluster": "_", "timeout": "30s"}
    (tmp_path / "discovery.yaml").write_text(yaml.safe_dump(config))
    chain[0] = {"name": "a", "typed_config": {**added["typed_config"], "unknown": 1}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(config))
    for file, accepted in (("discovery.yaml", True), ("wrong.yaml", False)):
        command = [str(find_envoy()), "--mode", "validate", "-c", file]
        validated = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (validated.returncode == 0) is accepted, validated.stderr


def test_clusters_that_a_mesh_calls_otherwise_are_noted(tmp_path):
    from wasmnb.host import Cluster

    clusters = {"Auth Service": Cluster(address="auth:9000"), "outbound|8080||keys.infra.svc.cluster.local": Response(200)}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]
    with Proxy(clusters=clusters, routes=routes) as proxy:
        from wasmnb.envoy.deployment.kubernetes import extension_policy, notes
        from wasmnb.envoy.deployment.setup import Module, PluginResources, Setup
        from wasmnb.envoy.config.plugin_config import EnvoyPlugin

        module = Module("a", b"1")
        setup = Setup("a", [PluginResources("a", EnvoyPlugin(b"1", "a"), module)], [module], dict(proxy.clusters), proxy.settings)
    text = "\n".join(notes(setup))
    assert "cluster Auth Service: Istio calls the cluster of a Service outbound|9000||auth-service.default.svc.cluster.local" in text
    assert 'route_metadata["filter_metadata"]["gateway.envoyproxy.io/extension-backends"]["auth-service"]' in text
    assert "keys.infra.svc.cluster.local: Istio" not in text
    assert extension_policy(setup, {"a": "x"})[0]["spec"]["backends"] == [
        {"name": "auth-service", "backendRef": {"name": "auth-service", "port": 9000}},
        {"name": "keys", "backendRef": {"name": "keys", "namespace": "infra", "port": 8080}},
    ]


def test_ports_can_all_be_set(tmp_path):
    plugins = [Plugin(Small("a", b"1")), Plugin(Small("b", b"2"), kind="network")]
    export(plugins, tmp_path, port=81, tcp_port=82, admin_port=83, upstream_port=84)
    config = document(tmp_path, "envoy.yaml")
    ports = [item["address"]["socket_address"]["port_value"] for item in config["static_resources"]["listeners"]]
    assert [*ports, config["admin"]["address"]["socket_address"]["port_value"]] == [81, 82, 83]
    (endpoints,) = config["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoints["endpoint"]["address"]["socket_address"]["port_value"] == 84
    assert "127.0.0.1:84" in (tmp_path / "README.md").read_text()


def test_unknown_context_is_refused(tmp_path):
    with pytest.raises(UsageError, match="context must be one of GATEWAY"):
        export(Small("a"), tmp_path, context="EVERYWHERE")


@pytest.mark.slow
def test_tags_of_metrics_become_stats_tags(tmp_path):
    source = """
HITS = Counter("hits", tags={"zone": "a", "x-y": 1})
class T(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        HITS.with_tags(user="b").increment()
"""
    export(Filter.from_source(source, "tagged"), tmp_path)
    tags = document(tmp_path, "envoy.yaml")["stats_config"]["stats_tags"]
    assert [tag["tag_name"] for tag in tags] == ["zone", "x_y", "user"]
    from wasmnb.abi import MetricType
    from wasmnb.host.shared_state.prometheus import prometheus_text
    from wasmnb.host import Metric

    text = prometheus_text([Metric(MetricType.COUNTER, "zone.a.x-y.1.user.b.hits", 2)], tags)
    assert text == '# TYPE hits counter\nhits{zone="a",x_y="1",user="b"} 2\n'


# -- files ------------------------------------------------------------------------------------------------------------


def test_readme_has_the_commands(tmp_path):
    export(Small("auth"), tmp_path, registry="ghcr.io/acme", tag="2", port=8080)
    text = (tmp_path / "README.md").read_text()
    for command in (
        "envoy -c envoy.yaml",
        "curl -i http://127.0.0.1:8080/",
        "skopeo copy oci:oci/auth:2 docker://ghcr.io/acme/auth:2",
        "crane push oci/auth ghcr.io/acme/auth:2",
        "oras cp --from-oci-layout oci/auth:2 ghcr.io/acme/auth:2",
        "kubectl apply -f trafficextension.yaml",
        "kubectl apply -f envoyextensionpolicy.yaml",
    ):
        assert f"    {command}\n" in text


def test_existing_files_are_replaced_only_with_force(tmp_path):
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "envoy.yaml").write_text("mine")
    (folder / "notes.txt").write_text("mine, too")
    with pytest.raises(UsageError, match=r"already contains envoy\.yaml. Choose another folder, or replace the files with --force"):
        export(Small("hello"), folder)
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"envoy.yaml": "mine", "notes.txt": "mine, too"}
    export(Small("hello"), folder, force=True)
    assert {p.name for p in folder.iterdir()} == FILES | {"notes.txt"}
    assert (folder / "envoy.yaml").read_text() != "mine"
    assert (folder / "notes.txt").read_text() == "mine, too"


def test_failed_export_changes_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "dist"
    export(Small("hello"), folder)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    real, count = Path.rename, []

    def fails_at_the_fifth(source, place):
        count.append(place)
        if len(count) == 5:
            raise OSError(28, "No space left on device")
        return real(source, place)

    monkeypatch.setattr(Path, "rename", fails_at_the_fifth)
    with pytest.raises(BuildError, match="there is no space left on the disk"):
        export(Small("hello", b"\0asm-other"), folder, force=True)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert not list(folder.glob(".wasmnb-*"))


def test_folder_of_a_failed_export_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("wasmnb.envoy.deployment.exporter.readme", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(Small(), tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "dist").write_text("")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        export(Small(), tmp_path / "dist")


def test_hostile_names_become_valid_file_names(tmp_path):
    names = ["../../etc/passwd", "a b\n# c", "", "ÄÖ", "x" * 300, "A.B"]
    export([Plugin(Small(name or "?", bytes([n])), config="<script>\n: {") for n, name in enumerate(names)], tmp_path)
    assert {p.name for p in tmp_path.glob("*.wasm")} == {
        "etc-passwd.wasm", "a-b-c.wasm", "filter.wasm", "filter-2.wasm", "x" * 63 + ".wasm", "a-b.wasm",
    }  # fmt: skip
    assert [f["configuration"]["value"] for f in filters(tmp_path)] == ["<script>\n: {"] * 6
    assert list(tmp_path.parent.glob("etc*")) == []


@pytest.mark.parametrize("options", [{"registry": "a b"}, {"registry": ""}, {"tag": "a/b"}, {"tag": "x" * 200}])
def test_invalid_image_name_is_refused(tmp_path, options):
    with pytest.raises(UsageError, match=r"isn't a valid (registry|tag)\. Write it like"):
        export(Small(), tmp_path / "dist", **options)
    assert not (tmp_path / "dist").exists()


def test_export_without_plugins_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing to export"):
        export([], tmp_path)


def test_export_shows_its_files_and_the_next_commands(tmp_path):
    bundle = export(Plugin(Small("auth"), vm_config="x"), tmp_path / "d")._repr_mimebundle_()
    for form in bundle.values():
        assert "wasmplugin.yaml" in form
        assert "envoy -c envoy.yaml" in form
        assert "have no field for its VM configuration" in form


def test_every_file_has_its_size(tmp_path):
    exported = export(Small("hello"), tmp_path)
    assert {name: size for name, size, _ in exported.files if name != "oci"} == {
        name: (tmp_path / name).stat().st_size for name in FILES - {"oci"}
    }
