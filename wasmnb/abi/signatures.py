"""Signatures of the ABI's functions: parameters with their meaning, hostcalls and callbacks.

A signature is a tuple of `Param`. Each has a meaning (`Kind`), which determines the parameter's core Wasm types:

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

In every hostcall the inputs precede the outputs, and every hostcall returns a `Status` as i32.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property

from .enums import AbiVersion

__all__ = ["Area", "Callback", "Hostcall", "Kind", "Param", "Result"]

ALL = tuple(AbiVersion)


class Kind(Enum):
    """Meaning of a parameter; the value has a name and the core Wasm types."""

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
    """Areas of the specification; the host's modules and the documentation are organised by them."""

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
    """Results of callbacks. All but `NONE` are one i32."""

    NONE = "none"
    BOOL = "bool"
    HEADERS_STATUS = "headers status"
    DATA_STATUS = "data status"
    TRAILERS_STATUS = "trailers status"
    ACTION = "action"  # TCP: 0 continues, anything else stops
    IGNORED = "ignored"  # an i32 that Envoy ignores (HTTP/2 metadata)


@dataclass(frozen=True)
class Param:
    """One parameter.

    Attributes
    ----------
    name
        Name in the specification.
    kind
        Meaning of the parameter.
    enum
        Enum that names the parameter's values, or None.
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
        Import name, with its prefix (`proxy_log`).
    params
        Inputs, then outputs.
    versions
        ABI versions whose modules can import it from Envoy.
    area
        Area of the specification.
    at_entry
        Whether entry points (`_initialize`, `main`, `_start`) may call it; other hostcalls trap there.
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
        """Name without its prefix: `log`."""
        return self.name.removeprefix("proxy_")

    @cached_property
    def inputs(self) -> tuple[Param, ...]:
        """Parameters that the guest passes."""
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
        """Core Wasm result types: always one i32, a `Status`."""
        return ("i32",)


@dataclass(frozen=True)
class Callback:
    """A function that a module may export for the host to call.

    Attributes
    ----------
    name
        Export name, with its prefix (`proxy_on_log`).
    area
        Area of the specification.
    contexts
        Kinds of context that it is called on: `root`, `http`, `tcp`.
    params
        Parameters.
    result
        Meaning of the result.
    default
        Result that Envoy assumes for modules that don't export it.
    versions
        ABI versions that have it.
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
        """Name without its prefix: `on_request_headers`."""
        return self.name.removeprefix("proxy_").removeprefix("envoy_")

    @property
    def core_params(self) -> tuple[str, ...]:
        """Core Wasm parameter types; every callback takes i32 only."""
        return ("i32",) * len(self.params)

    @property
    def core_results(self) -> tuple[str, ...]:
        """Core Wasm result types."""
        return () if self.result is Result.NONE else ("i32",)
