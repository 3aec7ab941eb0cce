"""What of that which went wrong with the carriers of a link ends the link. Pure; time is an argument."""

from __future__ import annotations

import math

from distreamer.errors import LinkError, OtherWireError, PeerError

OTHER_WIRE_SECONDS = 180.0
"""For so long must a peer that spoke DiStreamer 3 answer like an old one, before it is taken for one: the page on which
guests of a network sign in answers too, in the place of everybody, and must not be told a password."""
ANSWER_EVERY_SECONDS = 30.0
"""With a longer pause between two such answers, that begins anew."""
REPLACED_SECONDS = 10.0
"""For so long after a change of carriers here the other side may mistake which is the newer one: what was said on the
one before may come late."""


class LinkFaults:
    """Of one link, whose carriers are of one kind or two."""

    def __init__(self) -> None:
        self.last_failure = "no answer"
        """Of the carriers that should work everywhere; that UDP does not get through, is no reason to give."""
        self._better: PeerError | None = None
        self._others_fail = False
        self._spoke_native = False
        self._other_wire_since = 0.0
        self._other_wire_at = -math.inf

    @property
    def is_better_refused(self) -> bool:
        """Whether the better kind leads to somebody who will not have us, and nothing is known of the other yet."""
        return self._better is not None

    def begin(self) -> None:
        """All is tried anew."""
        self._better, self._others_fail = None, False

    def works(self) -> None:
        """A conversation is heard."""
        self.begin()
        self._spoke_native = True
        self._other_wire_at = -math.inf

    def judge(
        self, error: LinkError | PeerError, now: float, *, is_better: bool, was_used: bool, may_revive: bool
    ) -> PeerError | None:
        """A carrier ended by ``error``: with what the link ends, if it does. ``was_used``: it was the one that carried;
        ``may_revive``: one of the better kind is up, and silent for a short time at the most."""
        if is_better and not was_used and not self._others_fail:
            # The UDP port of an address may lead to another machine than the TCP port.
            if isinstance(error, PeerError):
                self._better = error
            return None
        if not is_better:
            self.last_failure = error.reason
            self._others_fail = True
        if isinstance(error, OtherWireError) and not self._is_other_wire(now, may_revive=may_revive):
            return None
        return error if isinstance(error, PeerError) else self._better

    @staticmethod
    def is_taken_over(now: float, changed_at: float) -> bool:
        """Whether the peer, which says that another has taken our place, can mean another than us. The carrier was
        changed here at ``changed_at``."""
        return now - changed_at >= REPLACED_SECONDS

    def _is_other_wire(self, now: float, *, may_revive: bool) -> bool:
        """Whether it is believed that the peer speaks only an older wire."""
        if now - self._other_wire_at > ANSWER_EVERY_SECONDS:
            self._other_wire_since = now
        self._other_wire_at = now
        if may_revive or (self._spoke_native and now - self._other_wire_since < OTHER_WIRE_SECONDS):
            return False
        self._spoke_native = False
        return True
