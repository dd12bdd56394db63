"""Thumbnails that were made lately."""

from collections import OrderedDict
from enum import IntEnum

from dualhash.serve.settings import MIB

ROOM = 64 * MIB
"""Bytes of thumbnails that are kept in memory."""


class Side(IntEnum):
    """Pixels of the longer side of a thumbnail, at most."""

    SMALL = 128
    MEDIUM = 256
    LARGE = 512


Key = tuple[str, int, int]
"""Path of the image, when it was changed (ns), side."""


class Thumbnails:
    """A bounded cache; what was not asked for longest goes first."""

    def __init__(self, room: int = ROOM) -> None:
        """An empty one for that many bytes."""
        self._room, self._held = room, 0
        self._kept: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        """What was made, if it is still there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Key, image: bytes) -> None:
        """Keeps what was made."""
        self._held += len(image) - len(self._kept.pop(key, b""))
        self._kept[key] = image
        while self._held > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._held -= len(oldest)
