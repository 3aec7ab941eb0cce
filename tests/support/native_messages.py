"""Strategies that draw every message of the native protocol."""

from __future__ import annotations

from hypothesis import strategies as st

from distreamer.protocol.native import limits
from distreamer.protocol.native.messages import (
    Challenge,
    EpochDescription,
    FragmentHead,
    Goodbye,
    Have,
    Hello,
    Holding,
    KnownSession,
    Message,
    Newest,
    NewSession,
    PathFields,
    Piece,
    Ping,
    Pong,
    Proof,
    Role,
    SetupHead,
    Share,
    SharedNumbers,
    StationFields,
    TitleFields,
    TitleMarkFields,
    Want,
    Welcome,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = TEXT.filter(bool)
INTEGER = st.integers(0, limits.LARGEST_INTEGER)
POSITIVE = st.integers(1, limits.LARGEST_INTEGER)
EPOCH = st.integers(0, limits.LARGEST_EPOCH)
SECONDS = st.floats(0, 86400)
DIGEST = st.binary(min_size=16, max_size=16).map(bytes.hex)
TITLE = st.builds(TitleFields, text=TEXT, url=TEXT)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 10_000), max_size=12)))
    return tuple((bounds[i], bounds[i + 1]) for i in range(0, len(bounds) - 1, 2))


PATH = st.builds(PathFields, party=NAME, name=TEXT, rank=st.integers(0, 63), multipath=NAME)


@st.composite
def shares(draw: st.DrawFn) -> Share:
    of = draw(st.integers(1, 64))
    parts = tuple(sorted(draw(st.sets(st.integers(0, of - 1)))))
    numbers = st.builds(SharedNumbers, epoch=EPOCH, last=POSITIVE, ranges=ranges())
    return Share(of=of, parts=parts, numbers=tuple(draw(st.lists(numbers, max_size=4))))


MESSAGE: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Hello,
        role=st.sampled_from(Role),
        node=NAME,
        agent=TEXT,
        scram=st.none() | TEXT,
        session=st.none() | st.builds(KnownSession, id=NAME, use=POSITIVE, proof=TEXT),
        path=st.none() | PATH,
    ),
    st.builds(Challenge, scram=TEXT),
    st.builds(Proof, scram=TEXT),
    st.builds(
        Welcome,
        node=NAME,
        agent=TEXT,
        scram=st.none() | TEXT,
        session=st.none() | st.builds(NewSession, id=NAME, uses=POSITIVE),
        resumed=st.none() | TEXT,
    ),
    st.builds(Goodbye, code=NAME, reason=TEXT),
    st.builds(
        Ping,
        id=INTEGER,
        newest=st.none() | st.builds(Newest, epoch=EPOCH, number=POSITIVE),
        budget_seconds=st.none() | SECONDS,
        buffer_seconds=st.none() | SECONDS,
    ),
    st.builds(Pong, id=INTEGER),
    st.builds(
        Want,
        holdings=st.lists(st.builds(Holding, epoch=EPOCH, ranges=ranges()), max_size=5).map(tuple),
        back_seconds=SECONDS,
        resume_seconds=SECONDS,
        share=st.none() | shares(),
    ),
    st.builds(Have, epoch=EPOCH, ranges=ranges()),
    st.builds(
        EpochDescription,
        epoch=EPOCH,
        codec=NAME,
        clock_rate=POSITIVE,
        sample_rate=INTEGER,
        channels=INTEGER,
        profile=TEXT,
        bitrate=INTEGER,
        content_type=TEXT,
        station=st.builds(
            StationFields, name=TEXT, description=TEXT, genre=TEXT, url=TEXT, public=st.none() | st.booleans()
        ),
        legacy_fragment_bytes=INTEGER,
        first=st.none() | POSITIVE,
        last=st.none() | POSITIVE,
    ),
    st.builds(SetupHead, size=st.integers(1, limits.SETUP_BYTES), digest=DIGEST),
    st.builds(
        FragmentHead,
        epoch=EPOCH,
        number=POSITIVE,
        start=INTEGER,
        duration=POSITIVE,
        captured_at=st.floats(allow_nan=False, allow_infinity=False),
        title=st.none() | TITLE,
        title_marks=st.lists(st.builds(TitleMarkFields, offset=INTEGER, title=TITLE), max_size=4).map(tuple),
        setup=st.booleans(),
        discontinuity=st.booleans(),
        size=st.integers(1, limits.FRAGMENT_BYTES),
        digest=DIGEST,
    ),
    st.builds(Piece),
)
