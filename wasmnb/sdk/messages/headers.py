"""Header maps as mutable mappings, in which names can have several values, directly on the proxy's maps.

Facts: a lookup returns the first value; replacing leaves exactly one entry; the proxy lower-cases names on every write and
lookup. Values are not cached: every read and every write is one hostcall (iteration is one for the whole map), so changes
by other filters and the proxy are visible.
"""

from collections.abc import Iterable, Iterator, KeysView, MutableMapping
from typing import Any, TypeVar, overload

from ...abi import HeaderMapType, Pair, Status, encode_pairs
from ..diagnostics.hostcall_causes import header_error
from ..errors import HostcallError
from .encoding import PairsLike, Text, Value, decode, encode
from .pairs import encode_value, line_break_message, read_pairs, read_text_pairs, serialised_headers

__all__ = ["HeaderMap", "header_map"]

T = TypeVar("T")

#: A header that every available map has, to tell an empty map from an unavailable one.
_ALWAYS = {HeaderMapType.REQUEST_HEADERS: b":method", HeaderMapType.RESPONSE_HEADERS: b":status"}


class HeaderMap(MutableMapping[str, str]):
    """One of the stream's header maps.

    `headers["x"]` is the first value (KeyError if there is none), `headers["x"] = "y"` leaves one entry, `add` appends an
    entry, and `get_all` returns all values. Values that are not UTF-8 have surrogates; `raw` has everything as bytes.

    Raises
    ------
    BadArgument
        From any method, if the map is not available in the running callback; the message says where it is.
    """

    __slots__ = ("_abi", "_add", "_get", "_map", "_remove", "_replace")

    def __init__(self, abi: Any, map_type: HeaderMapType) -> None:
        self._map = int(map_type)
        self._abi = abi
        self._get = abi.get_header_map_value
        self._replace = abi.replace_header_map_value
        self._add = abi.add_header_map_value
        self._remove = abi.remove_header_map_value

    # -- reading

    @overload
    def get(self, name: Text) -> str | None: ...
    @overload
    def get(self, name: Text, default: str) -> str: ...
    @overload
    def get(self, name: Text, default: T) -> str | T: ...
    def get(self, name: Text, default: Any = None) -> Any:
        """Return the first value of a header. This takes one hostcall.

        Parameters
        ----------
        name
            Name of the header.
        default
            Result if there is no such header (default None).

        Raises
        ------
        HostcallError
            The running callback can't read these headers.
        """
        # Without `encode` and `decode`, since filters call this most.
        key = name.encode() if type(name) is str and name.isascii() else encode(name)
        status, value = self._get(self._map, key)
        if status == 0:
            return str(value, "utf-8", "surrogateescape")
        if status == 1:
            return default
        raise header_error("get_header_map_value", status, self._map, decode(key))

    def __getitem__(self, name: Text) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | bytes) and self.get(name) is not None

    def get_all(self, name: Text) -> list[str]:
        """Return every value of a name, in order. One hostcall.

        Parameters
        ----------
        name
            Name of the header.
        """
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    @property
    def raw(self) -> list[Pair]:
        """Every entry as bytes, in the proxy's order. Assigning to it replaces the whole map."""
        return self._available(read_pairs(self._abi, self._map))

    @raw.setter
    def raw(self, pairs: Iterable[Pair]) -> None:
        self._replace_all(encode_pairs(list(pairs)))

    def _replace_all(self, data: bytes) -> None:
        status = self._abi.set_header_map_pairs(self._map, data)
        if status:
            raise header_error("set_header_map_pairs", status, self._map)

    def _available(self, pairs: list[Any] | int) -> list[Any]:
        """Return the pairs of a map; raise if the map is not available, in which case the hostcall returns OK and an empty map."""
        if isinstance(pairs, int):
            raise header_error("get_header_map_pairs", pairs, self._map)
        always = None if pairs else _ALWAYS.get(HeaderMapType(self._map))
        if always and self._get(self._map, always)[0] == Status.BAD_ARGUMENT:
            raise header_error("get_header_map_pairs", Status.BAD_ARGUMENT, self._map)
        return pairs

    def __iter__(self) -> Iterator[str]:
        """Iterate over names, each once, in the order of their first entries."""
        return iter(dict.fromkeys([n for n, _ in self.items()]))

    def __len__(self) -> int:
        """Return the number of different names."""
        return len({n for n, _ in self.raw})

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return every entry in order; names can repeat. One hostcall."""
        return self._available(read_text_pairs(self._abi, self._map))

    def keys(self) -> KeysView[str]:
        """Return every name once. One hostcall."""
        return dict.fromkeys(self).keys()

    def values(self) -> list[str]:  # type: ignore[override]
        """Return every value in order. One hostcall."""
        return [v for _, v in self.items()]

    # -- writing

    def __setitem__(self, name: Text, value: Value) -> None:
        """Set a name to exactly one entry. One hostcall."""
        key = name.encode() if type(name) is str and name.isascii() else encode(name)
        status = self._replace(self._map, key, encode_value(key, value))
        if status:
            raise header_error("replace_header_map_value", status, self._map, decode(key))

    def add(self, name: Text, value: Value) -> None:
        """Append an entry. One hostcall. (For a few known headers, Envoy joins the values with a comma.)

        Parameters
        ----------
        name, value
            Name and value of the entry.

        Raises
        ------
        HostcallError
            The running callback can't change the map.
        """
        key = encode(name)
        status = self._add(self._map, key, encode_value(key, value))
        if status:
            raise header_error("add_header_map_value", status, self._map, decode(key))

    def set_all(self, name: Text, values: Iterable[Value]) -> None:
        """Set a name to exactly these entries.

        Parameters
        ----------
        name
            Name of the header.
        values
            The values, in order. If there are none, the name is removed.
        """
        self.remove(name)
        for value in values:
            self.add(name, value)

    def remove(self, name: Text) -> None:
        """Remove every entry of a name, if there is any. One hostcall.

        Raises
        ------
        HostcallError
            The running callback can't change the map.
        """
        key = encode(name)
        status = self._remove(self._map, key)
        if status:
            raise header_error("remove_header_map_value", status, self._map, decode(key))

    def __delitem__(self, name: Text) -> None:
        """Remove every entry of a name; KeyError if there is none. Two hostcalls, where `remove` needs one."""
        self[name]
        self.remove(name)

    def clear(self) -> None:
        """Remove every entry, including pseudo-headers, without which Envoy can't route the request."""
        self.raw = []

    def replace(self, pairs: PairsLike) -> None:
        """Replace the whole map. One hostcall. Keep :method, :path, :authority and x-forwarded-proto, which Envoy needs."""
        self._replace_all(serialised_headers(self._abi, pairs))

    # -- comparing and printing

    def __eq__(self, other: object) -> bool:
        if isinstance(other, HeaderMap):
            return self.raw == other.raw
        if isinstance(other, dict):
            return dict(self.items()) == other and len(self.raw) == len(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = HeaderMapType(self._map).name.lower()
        try:
            return f"<{name} {self.items()!r}>"
        except HostcallError:
            return f"<{name}: not available in this callback>"


class TextHeaderMap(HeaderMap):
    """A header map for bindings with `header_text` and `header_set`, which accept `str`: two steps less for a header.

    Text with surrogates, numbers and other types use the base class's methods.
    """

    __slots__ = ("_set", "_text")

    def __init__(self, abi: Any, map_type: HeaderMapType) -> None:
        super().__init__(abi, map_type)
        self._text = abi.header_text
        self._set = abi.header_set

    def get(self, name: Text, default: Any = None) -> Any:
        """Return the first value of a header, or `default`. This takes one hostcall."""
        try:
            value = self._text(self._map, name)
        except (TypeError, UnicodeEncodeError):
            return super().get(name, default)
        if type(value) is str:
            return value
        if value == 1:
            return default
        raise header_error("get_header_map_value", value, self._map, decode(encode(name)))

    def __setitem__(self, name: Text, value: Value) -> None:
        """Set a name to exactly one entry. One hostcall."""
        try:
            status = self._set(self._map, name, value)
            if status == 0:
                return
            if status == -1 and type(value) is int:
                status = self._set(self._map, name, str(value))
        except UnicodeEncodeError:
            status = -1
        if status == 0:
            return
        if status == -1:
            HeaderMap.__setitem__(self, name, value)
        elif status == -2:
            raise ValueError(line_break_message(name, value))
        else:
            raise header_error("replace_header_map_value", status, self._map, decode(encode(name)))


def header_map(abi: Any, map_type: HeaderMapType) -> HeaderMap:
    """Return a header map of the class that a binding supports."""
    return (TextHeaderMap if hasattr(abi, "header_text") else HeaderMap)(abi, map_type)
