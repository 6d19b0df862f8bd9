"""Header maps as mutable mappings in which a name can have several values.

A lookup returns the first value, and an assignment leaves exactly one entry. The proxy lower-cases names. Nothing is cached:
every read and every write is a hostcall (iteration is one hostcall for the whole map), so a filter sees changes made by
other filters and by the proxy.
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

#: A header that is in every available map. Without it, a map is unavailable, not empty.
_ALWAYS = {HeaderMapType.REQUEST_HEADERS: b":method", HeaderMapType.RESPONSE_HEADERS: b":status"}


class HeaderMap(MutableMapping[str, str]):
    """Headers, trailers or metadata of a stream, as a mutable mapping.

    `headers["x"]` returns the first value, or raises KeyError if there is none. `headers["x"] = "y"` replaces all values, `add`
    appends one, and `get_all` returns all of them. Invalid UTF-8 in a value becomes surrogates. `raw` contains the bytes.

    Raises
    ------
    BadArgument
        Raised by every method if the map is not available in the running callback. The message lists where it is available.
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
            Value to return if the header is missing (default None).

        Raises
        ------
        HostcallError
            The running callback can't read these headers.
        """
        # Doesn't call `encode` and `decode`, because this is the method that filters call most often.
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
        """Return all values of a header, in order. This takes one hostcall.

        Parameters
        ----------
        name
            Name of the header.
        """
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    @property
    def raw(self) -> list[Pair]:
        """All entries as (name, value) pairs of bytes, in the proxy's order. Assigning pairs replaces the whole map."""
        return self._available(read_pairs(self._abi, self._map))

    @raw.setter
    def raw(self, pairs: Iterable[Pair]) -> None:
        self._replace_all(encode_pairs(list(pairs)))

    def _replace_all(self, data: bytes) -> None:
        status = self._abi.set_header_map_pairs(self._map, data)
        if status:
            raise header_error("set_header_map_pairs", status, self._map)

    def _available(self, pairs: list[Any] | int) -> list[Any]:
        """Return `pairs`, the result of `read_pairs`. Raises BadArgument if the map is not available.

        For an unavailable map, Envoy returns OK and an empty map.
        """
        if isinstance(pairs, int):
            raise header_error("get_header_map_pairs", pairs, self._map)
        always = None if pairs else _ALWAYS.get(HeaderMapType(self._map))
        if always and self._get(self._map, always)[0] == Status.BAD_ARGUMENT:
            raise header_error("get_header_map_pairs", Status.BAD_ARGUMENT, self._map)
        return pairs

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, each once, in the order of their first entries."""
        return iter(dict.fromkeys([n for n, _ in self.items()]))

    def __len__(self) -> int:
        """Return the number of different names."""
        return len({n for n, _ in self.raw})

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the name and value of every entry, in order. Names can repeat. This takes one hostcall."""
        return self._available(read_text_pairs(self._abi, self._map))

    def keys(self) -> KeysView[str]:
        """Return every name once. This takes one hostcall."""
        return dict.fromkeys(self).keys()

    def values(self) -> list[str]:  # type: ignore[override]
        """Return the value of every entry, in order. This takes one hostcall."""
        return [v for _, v in self.items()]

    # -- writing

    def __setitem__(self, name: Text, value: Value) -> None:
        """Replace all values of a header by one value. This takes one hostcall."""
        key = name.encode() if type(name) is str and name.isascii() else encode(name)
        status = self._replace(self._map, key, encode_value(key, value))
        if status:
            raise header_error("replace_header_map_value", status, self._map, decode(key))

    def add(self, name: Text, value: Value) -> None:
        """Append an entry and keep existing entries of this name. This takes one hostcall.

        For a few well-known headers, Envoy joins the values with a comma instead.

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
        """Replace all values of a header.

        Parameters
        ----------
        name
            Name of the header.
        values
            The new values, in order. If there are none, the header is removed.
        """
        self.remove(name)
        for value in values:
            self.add(name, value)

    def remove(self, name: Text) -> None:
        """Remove all values of the header `name`. A missing header is not an error. This takes one hostcall.

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
        """Remove all values of a header. Raises KeyError if it is missing. This takes two hostcalls, and `remove` only one."""
        self[name]
        self.remove(name)

    def clear(self) -> None:
        """Remove all entries. This includes the pseudo-headers, without which Envoy can't route a request."""
        self.raw = []

    def replace(self, pairs: PairsLike) -> None:
        """Replace all entries. This takes one hostcall.

        Parameters
        ----------
        pairs
            The new headers, as a mapping or as pairs. A request needs :method, :path, :authority and x-forwarded-proto.
        """
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
    """A faster header map for bindings whose functions `header_text` and `header_set` accept `str`.

    Surrogates, ints and values of other types are handled by the base class.
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
        """Replace all values of a header by one value. This takes one hostcall."""
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
    """Create a header map of the fastest class that the binding `abi` supports."""
    return (TextHeaderMap if hasattr(abi, "header_text") else HeaderMap)(abi, map_type)
