"""Classes that describe the signatures of hostcalls and callbacks.

A signature is a tuple of `Param`. The meaning of a parameter (`Kind`) determines its core Wasm types:

    kind        meaning                                    core parameters
    U32         a number                                   i32
    I32         a signed number                            i32
    U64, I64    a number                                   i64
    ENUM        a number with names (`Param.enum`)         i32
    BYTES       bytes that the guest passes                i32 pointer, i32 size
    PAIRS       a serialised header map of the guest       i32 pointer, i32 size
    PATH        a property path of the guest               i32 pointer, i32 size
    OUT_U32     address for a u32 of the host              i32
    OUT_U64     address for a u64 of the host              i32
    OUT_BYTES   addresses for a pointer and a size         i32, i32

In every hostcall, the inputs precede the outputs, and the result is a `Status` as i32.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property

from .enums import AbiVersion

__all__ = ["Area", "Callback", "Hostcall", "Kind", "Param", "Result"]

ALL = tuple(AbiVersion)


class Kind(Enum):
    """Meaning of a parameter. The value of a member consists of a name and the core Wasm types."""

    U32 = ("u32", "i32")
    I32 = ("i32", "i32")
    U64 = ("u64", "i64")
    I64 = ("i64", "i64")
    ENUM = ("enum", "i32")
    BYTES = ("bytes", "i32", "i32")
    PAIRS = ("pairs", "i32", "i32")
    PATH = ("path", "i32", "i32")
    OUT_U32 = ("out_u32", "i32")
    OUT_U64 = ("out_u64", "i32")
    OUT_BYTES = ("out_bytes", "i32", "i32")

    @property
    def core(self) -> tuple[str, ...]:
        """Core Wasm types of the parameter."""
        types: tuple[str, ...] = self.value[1:]
        return types

    @property
    def is_output(self) -> bool:
        """Whether the host writes a result through this parameter."""
        return self.name.startswith("OUT_")


class Area(Enum):
    """Areas of the ABI's specification, by which the host's modules and the documentation are organised."""

    LIFECYCLE = "lifecycle"
    LOGGING = "logging"
    TIME = "time"
    TIMERS = "timers"
    HEADERS = "headers"
    BUFFERS = "buffers"
    STREAMS = "streams"
    HTTP = "http"
    TCP = "tcp"
    PROPERTIES = "properties"
    SHARED_DATA = "shared data"
    SHARED_QUEUES = "shared queues"
    METRICS = "metrics"
    HTTP_CALLS = "http calls"
    GRPC = "grpc"
    FOREIGN = "foreign functions"


class Result(Enum):
    """Meaning of a callback's result. All results except `NONE` are one i32."""

    NONE = "none"
    BOOL = "bool"
    HEADERS_STATUS = "headers status"
    DATA_STATUS = "data status"
    TRAILERS_STATUS = "trailers status"
    ACTION = "action"  # TCP: 0 continues, all other numbers stop
    IGNORED = "ignored"  # an i32 that Envoy ignores (HTTP/2 metadata)


@dataclass(frozen=True)
class Param:
    """One parameter of a hostcall or callback.

    Attributes
    ----------
    name
        Name in the specification.
    kind
        Meaning of the parameter.
    enum
        Enum with the names of the parameter's values, or None.
    """

    name: str
    kind: Kind = Kind.U32
    enum: type[IntEnum] | None = None


@dataclass(frozen=True)
class Hostcall:
    """A function of the host, which modules import from `env`.

    Attributes
    ----------
    name
        Import name, including `proxy_`, such as `proxy_log`.
    params
        Inputs, followed by outputs.
    versions
        ABI versions whose modules can import the hostcall from Envoy.
    area
        Area of the specification.
    at_entry
        Whether entry points (`_initialize`, `main`, `_start`) may call the hostcall. Other hostcalls trap there.
    doc
        Description in one sentence.
    """

    name: str
    area: Area
    params: tuple[Param, ...] = ()
    versions: tuple[AbiVersion, ...] = ALL
    at_entry: bool = False
    doc: str = field(default="", compare=False)

    @property
    def short(self) -> str:
        """Name without `proxy_`, such as `log`."""
        return self.name.removeprefix("proxy_")

    @cached_property
    def inputs(self) -> tuple[Param, ...]:
        """Parameters through which the guest passes values."""
        return tuple(p for p in self.params if not p.kind.is_output)

    @cached_property
    def outputs(self) -> tuple[Param, ...]:
        """Parameters through which the host returns results, in addition to the status."""
        return tuple(p for p in self.params if p.kind.is_output)

    @cached_property
    def core_params(self) -> tuple[str, ...]:
        """Core Wasm parameter types."""
        return tuple(t for p in self.params for t in p.kind.core)

    @property
    def core_results(self) -> tuple[str, ...]:
        """Core Wasm result types. Every hostcall has one i32 as its result, a `Status`."""
        return ("i32",)


@dataclass(frozen=True)
class Callback:
    """A function that a module can export, and that the host calls.

    Attributes
    ----------
    name
        Export name, including `proxy_`, such as `proxy_on_log`.
    area
        Area of the specification.
    contexts
        Kinds of context on which the callback is called: `root`, `http`, `tcp`.
    params
        Parameters.
    result
        Meaning of the result.
    default
        Result that Envoy uses if a module doesn't export the callback.
    versions
        ABI versions that contain the callback.
    doc
        Description in one sentence.
    """

    name: str
    area: Area
    contexts: tuple[str, ...]
    params: tuple[Param, ...] = ()
    result: Result = Result.NONE
    default: int = 0
    versions: tuple[AbiVersion, ...] = ALL
    doc: str = field(default="", compare=False)

    @property
    def short(self) -> str:
        """Name without `proxy_`, such as `on_request_headers`."""
        return self.name.removeprefix("proxy_").removeprefix("envoy_")

    @property
    def core_params(self) -> tuple[str, ...]:
        """Core Wasm parameter types. All parameters of callbacks are i32."""
        return ("i32",) * len(self.params)

    @property
    def core_results(self) -> tuple[str, ...]:
        """Core Wasm result types."""
        return () if self.result is Result.NONE else ("i32",)
