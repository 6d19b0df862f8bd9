"""Lookup of values by name in a list of pairs that a client has sent.

A dict isn't used: a client who knows Python's hash secret, as anyone who has the module does, can send names that share one hash.
"""

from bisect import bisect_left
from collections.abc import Iterable

__all__ = ["Lookup"]


class Lookup:
    """Pairs in order, and the first value of each name.

    Parameters
    ----------
    pairs
        (name, value) pairs (default none).

    Attributes
    ----------
    pairs
        The pairs as a list.
    """

    __slots__ = ("_places", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        self._places = sorted((name, i) for i, (name, _) in enumerate(self.pairs))

    def first(self, name: str) -> str:
        """Return the first value of a name. Raises KeyError if there is none."""
        at = bisect_left(self._places, (name, 0))
        if at == len(self._places) or self._places[at][0] != name:
            raise KeyError(name)
        return self.pairs[self._places[at][1]][1]

    def names(self) -> list[str]:
        """Return every name once, in the order of their first values."""
        places = self._places
        first = [i for at, (name, i) in enumerate(places) if not at or places[at - 1][0] != name]
        return [self.pairs[i][0] for i in sorted(first)]
