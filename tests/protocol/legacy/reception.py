"""Taking everything out of a parser, in a form that can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from distreamer.model.audio import Title
from distreamer.protocol.icy import Audio
from distreamer.protocol.legacy.parser import FragmentParser, Gap, SourceBegins, TitleChanged


@dataclass
class Received:
    """What came out of a parser."""

    audio: bytearray = field(default_factory=bytearray)
    titles: list[tuple[int, Title]] = field(default_factory=list)
    """With the number of bytes of audio in front."""
    sources: list[tuple[int, SourceBegins]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """With the number of fragments that are missing."""

    def take(self, parser: FragmentParser) -> Received:
        """Everything that there is; raises what the parser raises, with all in front of it taken."""
        while (event := parser.next_event()) is not None:
            place = len(self.audio)
            if isinstance(event, Audio):
                assert event.data
                self.audio += event.data
            elif isinstance(event, TitleChanged):
                self.titles.append((place, event.title))
            elif isinstance(event, SourceBegins):
                self.sources.append((place, event))
            elif isinstance(event, Gap):
                self.gaps.append((place, event.fragments))
        return self
