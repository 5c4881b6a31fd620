"""A cache that is bounded in number and in weight."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Shelf(Generic[Key, Item]):
    """Keeps the most recently used items, at most `most` of them and `most_weight` in all; safe between threads."""

    def __init__(self, most: int, most_weight: float = float("inf"),
                 weigh: Callable[[Item], float] = lambda item: 0.0) -> None:
        if most < 1:
            raise ValueError(f"A shelf needs room for 1 item; it was given room for {most}.")
        self._most, self._most_weight, self._weigh = most, most_weight, weigh
        self._items: OrderedDict[Key, Item] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Key) -> Item | None:
        """The item, now the most recently used; None where there is none."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: Key, item: Item) -> None:
        """The newest item always stays, however heavy."""
        with self._lock:
            self._items[key] = item
            self._items.move_to_end(key)
            while len(self._items) > self._most or (len(self._items) > 1 and self._weight() > self._most_weight):
                self._items.popitem(last=False)

    def keep_only(self, wanted: Callable[[Key], bool]) -> None:
        """Drop every item whose key is not wanted."""
        with self._lock:
            for key in [k for k in self._items if not wanted(k)]:
                del self._items[key]

    def _weight(self) -> float:
        return sum(self._weigh(item) for item in self._items.values())
