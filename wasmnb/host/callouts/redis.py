"""Calls to Redis by modules for Higress, whose Envoy has two additional hostcalls and an additional callback.

In Higress 2.1 (https://github.com/higress-group/proxy-wasm-cpp-host), `proxy_redis_init(cluster, username, password, timeout)`
prepares the client for a cluster. `proxy_redis_call(cluster, command, token)` sends one command in RESP.
`proxy_on_redis_call_response(root, token, status, size)` delivers the reply, which is in buffer 9. Status 0 means success, and
any other status is a network error without a reply. An unknown cluster returns BadArgument. The name of a cluster can end with
`?db=1`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import Status
from ...abi.text import decode_text
from ...engine import OutOfBounds
from ...messages import Request, Response
from ..clusters.redis_server import RedisServer, decode_command
from ..trace.records import CallbackSchema
from ..vm.callback_entry import make_entry
from .base import CalloutBase

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.root import RootContext
    from ..vm.vm import Vm

__all__ = ["ON_RESPONSE", "redis_call", "redis_init"]

ON_RESPONSE = "proxy_on_redis_call_response"

_SUCCESS, _NETWORK_ERROR = 0, 1

#: Maximum number of clients in one VM. Each combination of cluster and parameters has its own client.
_CLIENTS = 1000


@dataclass
class _Client:
    """Redis client for one cluster in one VM, with its timeout in seconds and the commands to send first."""

    timeout: float
    first: list[list[bytes]]


class RedisCall(CalloutBase):
    """One Redis command sent by a module."""

    kind = "redis"

    def start(self, command: list[bytes], client: _Client) -> None:
        """Send the command. The reply arrives in a later event."""
        name, *arguments = map(decode_text, command)
        request = Request(name, " ".join(arguments), authority=self.cluster.name)
        self._record_start(request, "redis_call", command=" ".join((name, *arguments)))
        self.hold(sum(map(len, command)))
        if client.timeout:
            self._timers.call_later(client.timeout, lambda: self._deliver(_NETWORK_ERROR, b"", "timeout"))
        self._timers.call_soon(lambda: self._send(command, client))

    def _send(self, command: list[bytes], client: _Client) -> None:
        server = self.cluster.upstream
        assert isinstance(server, RedisServer)
        self.record.sent = self.record.complete = self.cluster.alive
        try:
            if not self.cluster.alive:
                raise ConnectionRefusedError(self.cluster.name)
            while client.first:
                server.reply(client.first.pop(0))
            reply = server.reply(command)
        except ConnectionError:
            self._deliver(_NETWORK_ERROR, b"", "failed")
            return
        if server.latency:
            self._timers.call_later(server.latency, lambda: self._deliver(_SUCCESS, reply, "answered"))
        else:
            self._deliver(_SUCCESS, reply, "answered")

    def _deliver(self, status: int, reply: bytes, state: str) -> None:
        """Run the callback, let the module read the reply while it runs, and complete the record."""
        vm, root = self.vm, self.root
        self.record.state, self.record.finished = state, vm.clock.time()
        self.record.response = Response(200, body=reply) if status == _SUCCESS else None
        self.end()  # counts the response
        root.calls.pop(self.token, None)
        function = None if vm.closed else vm.instance.function(ON_RESPONSE)
        if function is None or vm.failed or root.id not in vm.contexts:
            return
        vm.buffers.redis_response, vm.entry.exchange = reply, self.exchange
        try:
            invoke = make_entry(vm, ON_RESPONSE, CallbackSchema(ON_RESPONSE), function)
            invoke(root, root.id, self.token, status, len(reply))
        finally:
            vm.buffers.redis_response, vm.entry.exchange = None, None


def redis_init(vm: Vm) -> Callable[..., int]:
    """Create the import `proxy_redis_init` for one VM."""

    def call(*args: int) -> int:
        vm.entry.restrict("proxy_redis_init")
        *places, timeout = args
        try:
            name, user, password = (vm.guest.read(p, n) for p, n in zip(places[::2], places[1::2], strict=True))
        except OutOfBounds:
            return Status.INVALID_MEMORY_ACCESS
        vm.note("redis_init", cluster=name, timeout=timeout)
        if _cluster(vm, name) is None:
            return Status.BAD_ARGUMENT
        if name not in vm.redis_clients and len(vm.redis_clients) >= _CLIENTS:
            return Status.INTERNAL_FAILURE
        first = [[b"AUTH", user, password] if user else [b"AUTH", password]] if password else []
        for parameter in name.partition(b"?")[2].split(b"&"):
            key, _, value = parameter.partition(b"=")
            first += [[b"SELECT", value]] if key == b"db" else []
        vm.redis_clients[name] = _Client(timeout / 1000, first)
        return Status.OK

    return call


def redis_call(vm: Vm) -> Callable[..., int]:
    """Create the import `proxy_redis_call` for one VM."""

    def call(cluster: int, cluster_size: int, query: int, query_size: int, token_at: int) -> int:
        vm.entry.restrict("proxy_redis_call")
        context = vm.entry.effective
        root: Any = context.root
        try:
            name, command = vm.guest.read(cluster, cluster_size), decode_command(vm.guest.read(query, query_size))
            target, client = _cluster(vm, name), vm.redis_clients.get(name)
            if target is None or not hasattr(root, "calls"):
                return Status.BAD_ARGUMENT
            fits = vm.server.callouts.reserve(vm.entry.record, query_size, vm.server.memory_limit)
            if client is None or command is None or not fits:
                return Status.INTERNAL_FAILURE
            token = vm.tokens.new(0)
            vm.guest.write_u32(token_at, token)
        except OutOfBounds:
            return Status.INVALID_MEMORY_ACCESS
        _start(
            root,
            token,
            target,
            context.exchange if context.exchange is not None else vm.entry.exchange,
            command,
            client,
        )
        return Status.OK

    return call


def _start(
    root: RootContext, token: int, cluster: Cluster, exchange: int | None, command: list[bytes], client: _Client
) -> None:
    call = RedisCall(root, token, cluster, exchange)
    root.calls[token] = call
    call.start(command, client)


def _cluster(vm: Vm, name: bytes) -> Cluster | None:
    """Return the Redis cluster for a name that can end with parameters, or None if there is no such cluster."""
    text = decode_text(name.partition(b"?")[0])
    cluster: Cluster | None = vm.server.clusters.get(text)
    if cluster is None or not isinstance(cluster.upstream, RedisServer):
        vm.entry.no_cluster(text, [n for n, c in vm.server.clusters.items() if isinstance(c.upstream, RedisServer)])
        return None
    return cluster
