"""Sizes of thumbnails, and a cache of recent ones."""

from collections import OrderedDict
from enum import IntEnum

from dualhash.serve.settings import MIB

CACHE_BYTES = 64 * MIB


class Side(IntEnum):
    """Largest width and height of a thumbnail, in pixels."""

    SMALL = 128
    MEDIUM = 256
    LARGE = 512


Key = tuple[str, int, int]
"""Path of the image, its modification time (ns), and the side."""


class ThumbnailCache:
    """Keeps thumbnails up to a total size; drops the least recently used first."""

    def __init__(self, capacity: int = CACHE_BYTES) -> None:
        """Starts empty, for `capacity` bytes."""
        self._capacity, self._bytes = capacity, 0
        self._thumbnails: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        """Returns a thumbnail, or None if it is not in the cache."""
        if key in self._thumbnails:
            self._thumbnails.move_to_end(key)
        return self._thumbnails.get(key)

    def put(self, key: Key, thumbnail: bytes) -> None:
        """Adds a thumbnail."""
        self._bytes += len(thumbnail) - len(self._thumbnails.pop(key, b""))
        self._thumbnails[key] = thumbnail
        while self._bytes > self._capacity:
            _, dropped = self._thumbnails.popitem(last=False)
            self._bytes -= len(dropped)
