"""Header maps as mutable mappings with several values to a name, straight on the proxy's own map.

Facts: a lookup gives the first value; replacing leaves exactly one entry; names are lower-cased by the proxy on every
write and lookup. Nothing is kept here: every read and every write is one hostcall (iterating is one for the whole map),
so what another filter or the proxy itself changed is always seen.
"""

from collections.abc import Iterable, Iterator, KeysView, MutableMapping
from typing import Any, TypeVar, overload

from ...abi import HeaderMapType, Pair, Status, encode_pairs
from ..diagnostics.hostcall_causes import header_error
from ..errors import HostcallError
from .encoding import PairsLike, Text, Value, decode, encode
from .pairs import encode_value, line_break, read_pairs, read_text_pairs, serialised_headers

__all__ = ["HeaderMap", "header_map"]

T = TypeVar("T")

#: A header that is always there when its map is: tells an empty map from one that is not available.
_ALWAYS = {HeaderMapType.REQUEST_HEADERS: b":method", HeaderMapType.RESPONSE_HEADERS: b":status"}


class HeaderMap(MutableMapping[str, str]):
    """One of the stream's header maps.

    `headers["x"]` is the first value (KeyError if there is none), `headers["x"] = "y"` leaves one entry, `add` appends,
    `get_all` lists. Values that are not UTF-8 carry surrogates; `raw` gives everything in bytes.

    Raises
    ------
    BadArgument
        From any method, if the map cannot be had in the callback that is running; the message says where it can.
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
        """First value of a name, or `default`. One hostcall."""
        # Spelled out rather than through `encode` and `decode`: this is what filters do most.
        key = name.encode("utf-8", "surrogateescape") if type(name) is str else encode(name)
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
        """Every value of a name, in order. One hostcall."""
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    @property
    def raw(self) -> list[Pair]:
        """Every entry as bytes, in the proxy's order. Assign to it to replace the whole map."""
        return self._whole(read_pairs(self._abi, self._map))

    @raw.setter
    def raw(self, pairs: Iterable[Pair]) -> None:
        self._replace_all(encode_pairs(list(pairs)))

    def _replace_all(self, data: bytes) -> None:
        status = self._abi.set_header_map_pairs(self._map, data)
        if status:
            raise header_error("set_header_map_pairs", status, self._map)

    def _whole(self, found: list[Any] | int) -> list[Any]:
        """Raise if the map cannot be had now. It may look empty then: the whole-map hostcall does not tell."""
        if isinstance(found, int):
            raise header_error("get_header_map_pairs", found, self._map)
        always = None if found else _ALWAYS.get(HeaderMapType(self._map))
        if always and self._get(self._map, always)[0] == Status.BAD_ARGUMENT:
            raise header_error("get_header_map_pairs", Status.BAD_ARGUMENT, self._map)
        return found

    def __iter__(self) -> Iterator[str]:
        """Every name once, in order of its first entry."""
        return iter(dict.fromkeys([n for n, _ in self.items()]))

    def __len__(self) -> int:
        """How many different names there are."""
        return len({n for n, _ in self.raw})

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every entry in order, repeated names one by one. One hostcall."""
        return self._whole(read_text_pairs(self._abi, self._map))

    def keys(self) -> KeysView[str]:
        """Every name once. One hostcall."""
        return dict.fromkeys(self).keys()

    def values(self) -> list[str]:  # type: ignore[override]
        """Every value in order. One hostcall."""
        return [v for _, v in self.items()]

    # -- writing

    def __setitem__(self, name: Text, value: Value) -> None:
        """Leave exactly one entry of this name. One hostcall."""
        key = name.encode("utf-8", "surrogateescape") if type(name) is str else encode(name)
        status = self._replace(self._map, key, encode_value(key, value))
        if status:
            raise header_error("replace_header_map_value", status, self._map, decode(key))

    def add(self, name: Text, value: Value) -> None:
        """Append an entry, whatever is there. One hostcall. (Envoy joins a few of its own headers with a comma.)"""
        key = encode(name)
        status = self._add(self._map, key, encode_value(key, value))
        if status:
            raise header_error("add_header_map_value", status, self._map, decode(key))

    def set_all(self, name: Text, values: Iterable[Value]) -> None:
        """Leave exactly these entries of this name."""
        self.remove(name)
        for value in values:
            self.add(name, value)

    def remove(self, name: Text) -> None:
        """Remove every entry of a name; it need not be there. One hostcall."""
        key = encode(name)
        status = self._remove(self._map, key)
        if status:
            raise header_error("remove_header_map_value", status, self._map, decode(key))

    def __delitem__(self, name: Text) -> None:
        """Remove every entry of a name; KeyError if there is none. Two hostcalls: `remove` needs one."""
        self[name]
        self.remove(name)

    def clear(self) -> None:
        """Remove everything, pseudo-headers included (which leaves Envoy nothing to route by)."""
        self.raw = []

    def replace(self, pairs: PairsLike) -> None:
        """Replace the whole map. One hostcall. Envoy wants :method, :path, :authority and x-forwarded-proto kept."""
        self._replace_all(serialised_headers(self._abi, pairs))

    # -- showing

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
    """The same for a binding that has `header_text` and `header_set`, which take `str`: two steps less a header.

    Text with surrogates, numbers and whatever else is no plain text takes the long way.
    """

    __slots__ = ("_set", "_text")

    def __init__(self, abi: Any, map_type: HeaderMapType) -> None:
        super().__init__(abi, map_type)
        self._text = abi.header_text
        self._set = abi.header_set

    def get(self, name: Text, default: Any = None) -> Any:
        """First value of a name, or `default`. One hostcall."""
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
        """Leave exactly one entry of this name. One hostcall."""
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
            raise ValueError(line_break(name, value))
        else:
            raise header_error("replace_header_map_value", status, self._map, decode(encode(name)))


def header_map(abi: Any, map_type: HeaderMapType) -> HeaderMap:
    """The header map that suits a binding."""
    return (TextHeaderMap if hasattr(abi, "header_text") else HeaderMap)(abi, map_type)
