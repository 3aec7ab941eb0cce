"""ICY metadata: interleaving, titles, and what broken servers make of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.charset import one_line, without_references
from distreamer.protocol.icy import Audio, IcyDemuxer, IcyEvent, MetadataBlock, encode_metadata, parse_metadata
from tests.support.splitting import every_split, pieces


def interleave(audio: bytes, metaint: int, blocks: dict[int, bytes]) -> bytes:
    """Audio with the given encoded blocks at their places (counted in blocks) and empty ones elsewhere."""
    out = bytearray()
    for index, start in enumerate(range(0, len(audio), metaint)):
        piece = audio[start : start + metaint]
        out += piece
        if len(piece) == metaint:
            out += blocks.get(index, b"\0")
    return bytes(out)


def merged(events: list[IcyEvent]) -> list[tuple[int, bytes]] | list[object]:
    """Audio as one string, and each block with the number of audio bytes in front of it."""
    audio = b"".join(event.data for event in events if isinstance(event, Audio))
    found: list[object] = [audio]
    position = 0
    for event in events:
        if isinstance(event, Audio):
            position += len(event.data)
        else:
            found.append((position, event.data))
    return found


AUDIO = bytes(range(256)) * 2
FIRST = encode_metadata(Title("first"))
SECOND = encode_metadata(Title("second", "http://example.org/"))
STREAM = interleave(AUDIO, 100, {1: FIRST, 3: SECOND})
EXPECTED = [AUDIO, (200, FIRST[1:]), (400, SECOND[1:])]


@pytest.mark.parametrize("split", every_split(STREAM), ids=str)
def test_audio_and_blocks_are_told_apart(split: list[bytes]) -> None:
    demuxer = IcyDemuxer(100)
    assert merged([event for piece in split for event in demuxer.feed(piece)]) == EXPECTED


def test_without_metaint_everything_is_audio() -> None:
    demuxer = IcyDemuxer(0)
    assert demuxer.feed(b"\1\2\3") == [Audio(b"\1\2\3")]
    assert demuxer.feed(b"") == []


@pytest.mark.parametrize("metaint", [-1, 16_777_217])
def test_a_metaint_that_cannot_be_is_refused(metaint: int) -> None:
    with pytest.raises(ProtocolError, match=f"icy-metaint is {metaint}"):
        IcyDemuxer(metaint)


@settings(deadline=None)
@given(st.data())
def test_demuxing_undoes_interleaving(data: st.DataObject) -> None:
    audio = data.draw(st.binary(max_size=400))
    metaint = data.draw(st.integers(1, 60))
    texts = data.draw(st.dictionaries(st.integers(0, 10), st.text(max_size=20)))
    blocks = {index: encode_metadata(Title(text)) for index, text in texts.items()}
    stream = interleave(audio, metaint, blocks)
    demuxer = IcyDemuxer(metaint)
    events = [event for piece in data.draw(pieces(stream)) for event in demuxer.feed(piece)]
    assert b"".join(event.data for event in events if isinstance(event, Audio)) == audio
    sent = [blocks[index][1:] for index in sorted(blocks) if (index + 1) * metaint <= len(audio)]
    assert [event.data for event in events if isinstance(event, MetadataBlock)] == sent


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.binary(max_size=100), st.integers(1, 50))
def test_any_bytes_are_taken(blocks: list[bytes], end: bytes, metaint: int) -> None:
    sizes = [-(-len(block) // 16) for block in blocks]
    padded = [block.ljust(16 * size, b"\0") for block, size in zip(blocks, sizes, strict=True)]
    stream = b"".join(bytes(metaint) + bytes([size]) + block for block, size in zip(padded, sizes, strict=True)) + end
    found = [event.data for event in IcyDemuxer(metaint).feed(stream) if isinstance(event, MetadataBlock)]
    assert found[: len(blocks)] == padded
    for block in found:
        parse_metadata(block)


@pytest.mark.parametrize(
    ("block", "title"),
    [
        (b"StreamTitle='Artist - Song';", Title("Artist - Song")),
        (b"StreamTitle='Artist - Song';\0\0\0\0", Title("Artist - Song")),
        (b"StreamTitle='A';StreamUrl='http://x/';", Title("A", "http://x/")),
        (b"StreamUrl='http://x/';StreamTitle='A';", Title("A", "http://x/")),
        (b"StreamTitle='A';StreamUrl='';", Title("A")),
        (b"StreamTitle='A';StreamUrl=;", Title("A")),
        (b"StreamTitle='Don't Stop; it's 'live'';StreamUrl='u';", Title("Don't Stop; it's 'live'", "u")),
        (b"StreamTitle='a'; b';", Title("a'; b")),
        (b"StreamTitle='';", Title("")),
        (b"StreamTitle='Ad';adw_ad='true';durationMilliseconds='30000';StreamUrl='u';", Title("Ad", "u")),
        (b"streamtitle = 'odd' ;", Title("odd'")),
        (b"STREAMTITLE='odd';", Title("odd")),
        (b"StreamTitle='no end", Title("no end")),
        (b"StreamTitle='no semicolon'", Title("no semicolon")),
        (b"StreamTitle='Caf\xe9';", Title("Café")),
        (b"StreamTitle='H\xe9ctor & &#381;ofie';", Title("Héctor & Žofie")),
        (b"StreamTitle='Caf\xc3\xa9';", Title("Café")),
        (b"StreamTitle='two\r\nlines\0\0';", Title("two  lines")),
        (b"", None),
        (b"\0" * 16, None),
        (b"StreamTitle=unquoted;", None),
        (b"StreamUrl='http://x/';", None),
        (b"\xff\xfb\x90\x00 audio that got here", None),
    ],
)
def test_what_a_block_says(block: bytes, title: Title | None) -> None:
    assert parse_metadata(block) == title


def test_the_charset_is_used_where_it_is_not_utf8() -> None:
    block = "StreamTitle='Привет';".encode("cp1251")
    assert parse_metadata(block, "cp1251") == Title("Привет")


@pytest.mark.parametrize(
    ("title", "block"),
    [
        (Title(""), b"\x01StreamTitle='';\0"),
        (Title("A"), b"\x01StreamTitle='A';"),
        (Title("A", "u"), b"\x02StreamTitle='A';StreamUrl='u';".ljust(33, b"\0")),
        (Title("é\n"), "\x02StreamTitle='é';".encode().ljust(33, b"\0")),
        (Title("a';b"), "\x02StreamTitle='a’;b';".encode().ljust(33, b"\0")),
    ],
)
def test_what_is_sent(title: Title, block: bytes) -> None:
    assert encode_metadata(title) == block


@settings(deadline=None)
@given(st.text(max_size=3000), st.text(max_size=1500))
def test_a_block_is_well_formed_and_says_the_title_again(text: str, url: str) -> None:
    block = encode_metadata(Title(text, url))
    assert len(block) == 1 + 16 * block[0] <= 4081
    payload = block[1:].rstrip(b"\0").decode("utf-8")
    # The simplest players take the first quote and semicolon for the end.
    first_end = payload.index("';", len("StreamTitle='"))
    back = parse_metadata(block[1:])
    assert back is not None
    assert back.text == one_line(without_references(payload[len("StreamTitle='") : first_end]))
    if len(text) < 700:
        whole = one_line(text).replace("';", "’;").encode("utf-8", "replace").decode("utf-8")
        assert back.text == one_line(without_references(whole))


def test_a_long_title_is_cut_at_a_character_and_loses_a_long_url() -> None:
    block = encode_metadata(Title("é" * 5000, "u" * 2000))
    assert len(block) == 4081
    back = parse_metadata(block[1:])
    assert back is not None
    assert back == Title("é" * ((4080 - len("StreamTitle='';")) // 2))
