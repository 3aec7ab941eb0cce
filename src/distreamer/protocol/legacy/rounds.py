"""What a persistent sender sends: rounds of what is new, with the list behind it."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.protocol.legacy.renderer import Rendering


class RoundWriter:
    """One conversation. A round is due every INTERVAL seconds, also when nothing is new: the list is the life sign."""

    def __init__(self, holdings: Iterable[int] = ()) -> None:
        """``holdings`` are the fragments that the receiver says it has."""
        self.sent = 0
        """Fragments."""
        self.missed = 0
        """Fragments that were gone before they could be sent."""
        self._holdings = frozenset(holdings)
        self._sourcegen: int | None = None
        self._ogg_header: bytes | None = None
        self._last = 0
        """The number that was sent last, or need not be sent."""

    def round(self, rendering: Rendering) -> list[bytes]:
        """The messages of one round, each of which may be written for itself: the ogg header at first and when it
        changed, the fragments that the receiver lacks, the list. What is held there counts for the first round only,
        and only if it can be of this stream."""
        messages: list[bytes] = []
        if rendering.ogg_header != self._ogg_header:
            self._ogg_header = rendering.ogg_header
            messages.append(message(b"oggheader", rendering.ogg_header))
        numbers = rendering.listing.fragmentslist
        held: frozenset[int] = frozenset()
        if rendering.listing.sourcegen != self._sourcegen:
            first = self._sourcegen is None
            self._sourcegen = rendering.listing.sourcegen
            # Whoever holds a number that is still to come holds another stream.
            if first and self._holdings and numbers and max(self._holdings) <= numbers[-1]:
                held = self._holdings
            self._last = numbers[0] - 1 if numbers else 0
        for number in numbers:
            if number <= self._last:
                continue
            if self._last:
                self.missed += number - self._last - 1
            self._last = number
            if number not in held:
                messages.append(message(b"%d" % number, rendering.fragments[number]))
                self.sent += 1
        messages.append(message(b"list", rendering.encoded_listing))
        return messages


def message(action: bytes, content: bytes) -> bytes:
    """One message as it goes over the wire."""
    return b"%b|%d\r\n%b\r\n" % (action, len(content), content)
