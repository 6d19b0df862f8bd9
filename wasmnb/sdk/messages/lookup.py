"""Lookup of values by name in (name, value) pairs received from a client.

A dict would be open to attack: anyone who has the module also has Python's hash secret, and can send names with the same hash.
"""

from bisect import bisect_left
from collections.abc import Iterable

__all__ = ["Lookup"]


class Lookup:
    """A sorted index of (name, value) pairs, which finds the first value of a name.

    Parameters
    ----------
    pairs
        (name, value) pairs (default none).

    Attributes
    ----------
    pairs
        The pairs as a list, in their original order.
    """

    __slots__ = ("_places", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        self._places = sorted((name, i) for i, (name, _) in enumerate(self.pairs))

    def first(self, name: str) -> str:
        """Return the first value of a name. Raises KeyError if no pair has this name."""
        at = bisect_left(self._places, (name, 0))
        if at == len(self._places) or self._places[at][0] != name:
            raise KeyError(name)
        return self.pairs[self._places[at][1]][1]

    def names(self) -> list[str]:
        """Return every name once, in the order of their first values."""
        places = self._places
        first = [i for at, (name, i) in enumerate(places) if not at or places[at - 1][0] != name]
        return [self.pairs[i][0] for i in sorted(first)]
