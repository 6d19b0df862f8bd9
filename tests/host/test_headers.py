"""Header maps, compared with a model of Envoy's."""

import string

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wasmnb.host.http.header_map import RequestHeaderMap, RequestTrailerMap, ResponseHeaderMap

names = st.sampled_from([b":path", b":method", b"x-a", b"x-b", b"accept", b"host", b":authority", b"cookie", b""])
values = st.binary(max_size=4)


class Against(RuleBasedStateMachine):
    """Compares a header map with a simple model, a list of entries."""

    def __init__(self):
        super().__init__()
        self.map = RequestHeaderMap()
        self.model = []

    def _put(self, name, value):
        if name[:1] == b":":
            at = sum(1 for n, _ in self.model if n[:1] == b":")
            self.model.insert(at, (name, value))
        else:
            self.model.append((name, value))

    @staticmethod
    def _real(name):
        return b":authority" if name == b"host" else name

    @rule(name=names, value=values)
    def add(self, name, value):
        self.map.add(name, value)
        name = self._real(name)
        at = next((i for i, (n, _) in enumerate(self.model) if n == name), None)
        if at is not None and name in RequestHeaderMap.INLINE:
            old = self.model[at][1]
            self.model[at] = (name, old + b"," + value if old else value)
        else:
            self._put(name, value)

    @rule(name=names, value=values)
    def replace(self, name, value):
        self.map.replace(name, value)
        name = self._real(name)
        self.model = [e for e in self.model if e[0] != name]
        self._put(name, value)

    @rule(name=names)
    def remove(self, name):
        self.map.remove(name)
        self.model = [e for e in self.model if e[0] != self._real(name)]

    @invariant()
    def same(self):
        assert self.map.items == self.model
        for name, _ in self.model:
            assert self.map.get(name) == next(v for n, v in self.model if n == name)
        assert self.map.byte_size == sum(len(n) + len(v) for n, v in self.model)
        assert self.map.get(b"absent") is None


TestHeaderMap = Against.TestCase


def test_replaced_header_moves_to_the_end_of_its_block():
    headers = RequestHeaderMap(
        [(b":authority", b"h"), (b":path", b"/"), (b":method", b"GET"), (b"a", b"1"), (b"b", b"2")]
    )
    headers.replace(b":path", b"/new")
    headers.replace(b"a", b"3")
    assert [n for n, _ in headers] == [b":authority", b":method", b":path", b"b", b"a"]


def test_single_valued_headers_are_joined_but_cookies_are_not():
    headers = RequestHeaderMap([(b"accept", b"x"), (b"accept", b"y"), (b"cookie", b"a=1"), (b"cookie", b"b=2")])
    assert headers.items == [(b"accept", b"x,y"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    assert ResponseHeaderMap([(b"set-cookie", b"a"), (b"set-cookie", b"b")]).get_all(b"set-cookie") == [b"a", b"b"]
    assert len(RequestTrailerMap([(b"grpc-status", b"0"), (b"grpc-status", b"1")])) == 2


@given(st.lists(st.tuples(st.text(string.ascii_lowercase, max_size=3).map(str.encode), values), max_size=8))
def test_copy_is_independent(items):
    headers = ResponseHeaderMap(items)
    copied = headers.copy()
    copied.add(b"x-new", b"1")
    assert b"x-new" not in headers
    assert copied.items[: len(headers)] == headers.items
