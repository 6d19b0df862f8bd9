"""Attributes of the stream and of the Envoy node as Python values, for example `self.properties.source.address`.

The callback determines which attributes are available. In Envoy 1.40, the old top-level names (`node`, `route_name`, ...) are
in the group `xds`. Values inside metadata are looked up in the metadata's dict, because their bytes don't reveal their type.

The annotations in the classes below list all attributes. They serve type checkers and editors, and determine the Python types
to which values are converted.
"""

import difflib
import typing
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from ...abi import Status, attribute_availability, encode_path
from ..diagnostics.hostcall_causes import hostcall_error
from ..errors import HostcallError, NotFound, SerializationFailure
from ..interfaces import ContextInterface
from ..loading.callbacks import author_name
from .encoding import Text, Value, decode, encode
from .property_values import READERS, Metadata, Struct

__all__ = ["Properties"]


class NoAttribute(NotFound, AttributeError):
    """The stream doesn't have the attribute at this time. Also an AttributeError, so that `hasattr` and `getattr` work."""


class Group:
    """A group of attributes with a common first name, such as `request` in `request.path`."""

    _path: ClassVar[tuple[str, ...]] = ()

    def __init__(self, context: ContextInterface) -> None:
        self._context = context

    def _read(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        kind = _kinds(type(self)).get(name)
        if kind is None:
            full = ".".join((*self._path, name))
            known = _kinds(type(self))
            near = difflib.get_close_matches(name, known, 1)
            names = [".".join((*self._path, n)) for n in near or sorted(known)]
            hint = f"did you mean {names[0]}?" if near else f"known: {', '.join(names)}"
            raise AttributeError(
                f"property {full!r} is not known ({hint}). Read other properties with properties.raw(...)."
            )
        if isinstance(kind, type) and issubclass(kind, Group):
            return kind(self._context)
        return _value(self._context, type(self), name, kind)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute of this group, or `default` (None) if the stream doesn't have it at this time."""
        return Properties(self._context).get(".".join((*self._path, name)), default)

    if not TYPE_CHECKING:  # so that type checkers report unknown attributes
        __getattr__ = _read

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise _read_only(".".join((*self._path, name)))
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<properties {'.'.join(self._path)}>" if self._path else "<properties>"


class RequestProperties(Group):
    """Attributes of the request."""

    _path = ("request",)

    path: str
    url_path: str
    host: str
    scheme: str
    method: str
    referer: str
    useragent: str
    id: str
    query: str
    protocol: str
    headers: dict[str, str]
    time: datetime
    duration: timedelta
    size: int
    total_size: int


class ResponseProperties(Group):
    """Attributes of the response."""

    _path = ("response",)

    code: int
    code_details: str
    flags: int
    grpc_status: int
    headers: dict[str, str]
    trailers: dict[str, str]
    size: int
    total_size: int
    backend_latency: timedelta


class EndProperties(Group):
    """Attributes of one end of a connection, such as its address and port."""

    address: str
    port: int


class SourceProperties(EndProperties):
    """Attributes of the client's end of the connection."""

    _path = ("source",)


class DestinationProperties(EndProperties):
    """Attributes of the proxy's end of the client's connection."""

    _path = ("destination",)


class TlsProperties(Group):
    """Attributes of a TLS connection."""

    tls_version: str
    subject_local_certificate: str
    subject_peer_certificate: str
    dns_san_local_certificate: str
    dns_san_peer_certificate: str
    uri_san_local_certificate: str
    uri_san_peer_certificate: str
    sha256_peer_certificate_digest: str


class ConnectionProperties(TlsProperties):
    """Attributes of the connection between client and proxy."""

    _path = ("connection",)

    id: int
    mtls: bool
    requested_server_name: str
    transport_failure_reason: str
    termination_details: str


class UpstreamProperties(TlsProperties, EndProperties):
    """Attributes of the connection between proxy and upstream."""

    _path = ("upstream",)

    local_address: str
    transport_failure_reason: str
    request_attempt_count: int
    cx_pool_ready_duration: timedelta


class NodeProperties(Group):
    """Attributes of the Envoy node."""

    _path = ("xds", "node")

    id: str
    cluster: str
    user_agent_name: str
    metadata: Struct


class XdsProperties(Group):
    """Names and metadata of the stream's listener, route, cluster and other configured resources."""

    _path = ("xds",)

    node: NodeProperties
    cluster_name: str
    route_name: str
    virtual_host_name: str
    filter_chain_name: str
    listener_direction: int
    cluster_metadata: Metadata
    route_metadata: Metadata
    virtual_host_metadata: Metadata
    upstream_host_metadata: Metadata
    listener_metadata: Metadata


class Properties(Group):
    """All attributes, by dotted name (`properties.request.path`) or by key (`properties["request.path"]`).

    Reading an attribute that the stream doesn't have raises `NotFound`, whose message lists the callbacks in which it is
    available. `get` returns a default instead. Assigning to a key stores a value in the stream's filter state, where other
    filters of the stream can read it.
    """

    request: RequestProperties
    response: ResponseProperties
    source: SourceProperties
    destination: DestinationProperties
    connection: ConnectionProperties
    upstream: UpstreamProperties
    xds: XdsProperties
    plugin_name: str
    plugin_root_id: str
    plugin_vm_id: str
    connection_id: int
    metadata: Metadata
    filter_state: bytes

    #: Prevents iteration, which Python would otherwise try with numbers as keys.
    __iter__ = None

    def __getitem__(self, key: str) -> Any:
        """Return an attribute, or a value inside a map: `properties["request.headers.x-user"]`. Unknown names return bytes."""
        group, names = _group_of(key)
        if not names:
            return group(self._context)
        kind, path = _kinds(group).get(names[0]), (*group._path, *names)
        if kind is None:  # filters store values under the whole name, dots included
            return _first_of(self._context, ((key,), path) if group is Properties else (path,), _unknown(key))
        if len(names) == 1:
            return _value(self._context, group, names[0], kind)
        if kind in (Struct, Metadata):
            return _inside(_value(self._context, group, names[0], kind), names[1:], key)
        joined = (*group._path, names[0], ".".join(names[1:]))  # keys of maps can contain dots
        if kind == dict[str, str]:
            return decode(_raw(self._context, joined, known=True))
        return _first_of(self._context, (joined, path), _unknown(key))

    def __setitem__(self, key: str, value: Value) -> None:
        group, names = _group_of(key)
        if not names or names[0] in _kinds(group):
            raise _read_only(key)
        vm = self._context._vm
        vm.switch(self._context)
        status = vm.abi.set_property(encode(key), encode(value))
        if status:
            raise hostcall_error("set_property", status, repr(key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key, self) is not self

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute by dotted name, or `default` (None) if the stream doesn't have it at this time.

        Names of groups, such as `request`, also return `default`.
        """
        if not _group_of(key)[1]:
            return default
        try:
            return self[key]
        except (NotFound, SerializationFailure):
            return default

    def raw(self, *path: Text) -> bytes:
        """Return any property as bytes, by dotted name or by the parts of its path: `raw("filter_state", "my.key")`."""
        dotted = path[0] if len(path) == 1 else None
        if isinstance(dotted, str) and "." in dotted:
            return _first_of(self._context, (path, tuple(dotted.split("."))))
        return _raw(self._context, path)

    def get_raw(self, *path: Text) -> bytes | None:
        """Return any property as bytes, or None if the stream doesn't have it at this time."""
        try:
            return self.raw(*path)
        except NotFound:
            return None


def _value(context: ContextInterface, group: type[Group], name: str, kind: Any) -> Any:
    """Read an attribute of a group and convert it to `kind`, its Python type."""
    # Envoy turns a Struct into a map whose values have lost their types, but returns the node as a message.
    path = group._path if kind is Struct else (*group._path, name)
    return READERS[kind](_raw(context, path, known=True))


def _inside(value: Any, names: list[str], key: str) -> Any:
    """Return the value at a path inside nested dicts and lists. Keys can contain dots, and lists are indexed by number."""
    if not names:
        return value
    for size in range(len(names), 0, -1):
        name = ".".join(names[:size])
        if isinstance(value, dict) and name in value:
            return _inside(value[name], names[size:], key)
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            return _inside(value[int(name)], names[size:], key)
    error = hostcall_error("get_property", Status.NOT_FOUND, repr(key), f"The value contains no {'.'.join(names)!r}.")
    raise NoAttribute(str(error), error.hostcall, error.status)


def _unknown(key: str) -> str:
    """Return the likely cause of status NOT_FOUND for a name that is not in the table of attributes."""
    moved = f"It is named xds.{key} now." if key in _kinds(XdsProperties) else "No filter has stored one either."
    return f"Envoy has no attribute with this name. {moved}"


def _dotted(path: tuple[Text, ...]) -> str:
    return ".".join(p if isinstance(p, str) else decode(p) for p in path)


def _read_only(name: str) -> AttributeError:
    return AttributeError(
        f"{name!r} can't be set, because it is a read-only attribute of the proxy. "
        'To store a property, choose another name: properties["my.key"] = value'
    )


def _group_of(key: str) -> tuple[type[Group], list[str]]:
    """Split a dotted name into its innermost group of attributes and the remaining names."""
    if not isinstance(key, str):
        raise TypeError(f"the name of a property must be a str such as 'request.path', not {key!r}")
    group: type[Group] = Properties
    names = key.split(".")
    while names:
        kind = _kinds(group).get(names[0])
        if not (isinstance(kind, type) and issubclass(kind, Group)):
            break
        group = kind
        del names[0]
    return group, names


def _first_of(context: ContextInterface, paths: tuple[tuple[Text, ...], ...], cause: str = "") -> bytes:
    """Try several paths in order, and return the bytes of the first property that exists."""
    for path in paths[:-1]:
        try:
            return _raw(context, path)
        except HostcallError:
            continue
    return _raw(context, paths[-1], cause)


def _raw(context: ContextInterface, path: tuple[Text, ...], cause: str = "", *, known: bool = False) -> bytes:
    """Return a property as bytes. An error message contains `cause`, or where a `known` attribute is available."""
    vm = context._vm
    vm.switch(context)
    status, data = vm.abi.get_property(encode_path(path))
    if status:
        name = _dotted(path)
        if status == Status.NOT_FOUND:
            if known:
                cause = f"{name} is available {attribute_availability(name, author_name)}, if the stream has it."
            error = hostcall_error("get_property", status, repr(name), cause)
            raise NoAttribute(str(error), error.hostcall, error.status)
        raise hostcall_error("get_property", status, repr(name))
    return data  # type: ignore[no-any-return]


def _kinds(group: type[Group]) -> dict[str, Any]:
    """Return the types of a group's attributes by name, including those of its bases."""
    return _tables()[group.__name__]


@cache
def _tables() -> dict[str, dict[str, Any]]:
    """Return the resolved annotations of all groups by class name. They are computed only once."""
    groups: list[type[Group]] = [Properties]
    tables: dict[str, dict[str, Any]] = {}
    for group in groups:
        hints = {n: kind for n, kind in typing.get_type_hints(group).items() if not n.startswith("_")}
        tables[group.__name__] = hints
        groups += [kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, Group)]
    return tables
