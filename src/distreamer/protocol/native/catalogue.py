"""What a sender reads from: the shape of a store, as far as the protocol needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment


class CatalogueEpoch(Protocol):
    """A run of fragments; the store's epochs are such."""

    @property
    def id(self) -> int: ...

    @property
    def info(self) -> StreamInfo: ...

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers held, ascending."""
        ...


class Catalogue(Protocol):
    """Fragments by name; the store is one. It may change between any two calls."""

    @property
    def epochs(self) -> Sequence[CatalogueEpoch]:
        """Oldest first."""
        ...

    def get(self, epoch_id: int, number: int) -> Fragment | None:
        """That fragment, if it is held."""
        ...
