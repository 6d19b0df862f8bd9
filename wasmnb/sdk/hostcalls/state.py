"""Hostcalls for properties, shared data, queues and metrics."""

from ...abi import MetricType, encode_path
from ..messages.encoding import Text, Value, encode
from ..shared import SharedValue
from ..vm import current_vm

__all__ = [
    "define_metric",
    "dequeue_shared_queue",
    "enqueue_shared_queue",
    "get_metric",
    "get_property",
    "get_shared_data",
    "increment_metric",
    "record_metric",
    "register_shared_queue",
    "resolve_shared_queue",
    "set_property",
    "set_shared_data",
]


def get_property(*path: Text) -> bytes:
    """Return a property as bytes (`proxy_get_property`).

    Parameters
    ----------
    path
        Parts of the property's path, as in `get_property("request", "path")`.

    Returns
    -------
    bytes
        The value, in the encoding of the property.

    Raises
    ------
    NotFound
        The stream doesn't have the property at this time.
    SerializationFailure
        The path is empty, or Envoy can't serialise the value.
    """
    return current_vm().call("get_property", encode_path(path), subject=repr(path))  # type: ignore[no-any-return]


def set_property(path: Text, value: Value) -> None:
    """Store a value in the stream's filter state (`proxy_set_property`), where other filters of the stream can read it.

    Parameters
    ----------
    path
        Name of the property.
    value
        Text, bytes or an int. Ints are stored as text.

    Raises
    ------
    NotFound
        The running callback doesn't belong to a stream.
    BadArgument
        The property was declared as read-only and already has a value.
    """
    current_vm().call("set_property", encode(path), encode(value), subject=repr(path))


def get_shared_data(key: Text) -> SharedValue:
    """Return a value of the shared data (`proxy_get_shared_data`).

    Parameters
    ----------
    key
        Key of the value.

    Returns
    -------
    SharedValue
        The value, and its compare-and-swap number for `set_shared_data`.

    Raises
    ------
    NotFound
        No value is stored under this key.
    """
    return SharedValue(*current_vm().call("get_shared_data", encode(key), subject=repr(key)))


def set_shared_data(key: Text, value: Value, cas: int = 0) -> None:
    """Store a value in the shared data (`proxy_set_shared_data`).

    Parameters
    ----------
    key, value
        The key, and its new value.
    cas
        Compare-and-swap number from `get_shared_data`. The value is stored only if it hasn't been changed since then
        (default 0: always store it).

    Raises
    ------
    CasMismatch
        The value has been changed since `get_shared_data` returned this number.
    """
    current_vm().call("set_shared_data", encode(key), encode(value), cas, subject=repr(key))


def register_shared_queue(name: Text) -> int:
    """Create or open a queue, and make this VM its receiver (`proxy_register_shared_queue`).

    Parameters
    ----------
    name
        Name of the queue.

    Returns
    -------
    int
        Token of the queue.

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy always returns OK.
    """
    return current_vm().call("register_shared_queue", encode(name), subject=repr(name))  # type: ignore[no-any-return]


def resolve_shared_queue(vm_id: Text, name: Text) -> int:
    """Find a queue that a VM has registered (`proxy_resolve_shared_queue`).

    Parameters
    ----------
    vm_id
        The vm_id of the VM that registered the queue.
    name
        Name of the queue.

    Returns
    -------
    int
        Token of the queue.

    Raises
    ------
    NotFound
        No VM with this vm_id has registered the queue.
    """
    return current_vm().call("resolve_shared_queue", encode(vm_id), encode(name), subject=repr(name))  # type: ignore[no-any-return]


def enqueue_shared_queue(token: int, data: Value) -> None:
    """Append an item to a queue (`proxy_enqueue_shared_queue`).

    Parameters
    ----------
    token
        Token of the queue.
    data
        The item, as bytes or text.

    Raises
    ------
    NotFound
        No queue has this token.
    """
    current_vm().call("enqueue_shared_queue", token, encode(data), subject=str(token))


def dequeue_shared_queue(token: int) -> bytes:
    """Remove the first item of a queue and return it (`proxy_dequeue_shared_queue`).

    Parameters
    ----------
    token
        Token of the queue.

    Returns
    -------
    bytes
        The item.

    Raises
    ------
    Empty
        The queue is empty.
    NotFound
        No queue has this token.
    """
    return current_vm().call("dequeue_shared_queue", token, subject=str(token))  # type: ignore[no-any-return]


def define_metric(metric_type: MetricType, name: Text) -> int:
    """Define a metric (`proxy_define_metric`).

    Parameters
    ----------
    metric_type
        Counter, gauge or histogram.
    name
        Name of the metric.

    Returns
    -------
    int
        Id of the metric in this VM.

    Raises
    ------
    BadArgument
        The type of the metric is unknown.
    """
    return current_vm().call("define_metric", int(metric_type), encode(name), subject=repr(name))  # type: ignore[no-any-return]


def increment_metric(metric_id: int, offset: int) -> None:
    """Add to a counter or a gauge (`proxy_increment_metric`).

    Parameters
    ----------
    metric_id
        Id from `define_metric`.
    offset
        Number to add. For a counter, it must be at least 1. For a gauge, a negative number subtracts.

    Raises
    ------
    BadArgument
        The metric is a histogram, or the offset for a counter is less than 1.
    NotFound
        No metric has this id.
    """
    current_vm().call("increment_metric", metric_id, offset, subject=f"{metric_id}, {offset}")


def record_metric(metric_id: int, value: int) -> None:
    """Set a gauge, add a sample to a histogram, or increase a counter (`proxy_record_metric`).

    Parameters
    ----------
    metric_id
        Id from `define_metric`.
    value
        New value of the gauge, sample for the histogram, or number to add to the counter.

    Raises
    ------
    NotFound
        No metric has this id.
    """
    current_vm().call("record_metric", metric_id, value, subject=f"{metric_id}, {value}")


def get_metric(metric_id: int) -> int:
    """Return the value of a counter or a gauge (`proxy_get_metric`).

    Parameters
    ----------
    metric_id
        Id from `define_metric`.

    Returns
    -------
    int
        The value, an unsigned number.

    Raises
    ------
    BadArgument
        The metric is a histogram.
    NotFound
        No metric has this id.
    """
    return current_vm().call("get_metric", metric_id, subject=str(metric_id))  # type: ignore[no-any-return]
