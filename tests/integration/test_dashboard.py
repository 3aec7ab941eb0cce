"""The dashboard in a real browser: what a person reads in each state, and what happens to what is pressed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from distreamer.config.instance import ConfiguredAlert
from distreamer.model.status import InstanceStatus, ModuleState, PlayoutState
from distreamer.transport.relay import Relay
from tests.support.accessibility import assert_accessible
from tests.support.admin_client import PASSWORD, Operator, admin_config, operating
from tests.support.alerts import RingSettings, rings
from tests.support.changing_instance import LiveSettings, configured, players_server
from tests.support.chromium import Page, chromium_page
from tests.support.dashboard_stage import (
    STATES,
    Stage,
    filler,
    history,
    in_state,
    link_down,
    showing,
    studio,
    transmitter,
)
from tests.support.listening_modules import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LIMIT_SECONDS = 60
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
WIDTH = "document.documentElement.scrollWidth"
"""Not beside innerWidth: a phone makes that as wide as what does not fit."""
LIVE = "document.body?.dataset.feed === 'live'"
READ = {
    "healthy": (
        "On air",
        "24 s",
        "The link may be down for 24 s before anyone hears it.",
        ["Studio sends", "Link up", "Buffer here 24 s left to play, of 25 s", "Listeners 42 hear it 25 s behind"],
        "No problems now",
    ),
    "link-down": (
        "On air from the buffer: the link is down",
        "15 s",
        "The link is down; what is held lasts for 15 s more.",
        ["Studio ? not known while the link is down", "Link down for 9 s", "Buffer here 15 s", "Listeners 42 hear it"],
        "1 problem now Warning The link to studio.example:7080 is down.",
    ),
    "filler": (
        "Off air: silence is sent",
        "0 s",
        "Nothing is left to play, silence is sent.",
        ["Studio ?", "Link down for 47 s", "Buffer here 0 s nothing is left to play", "Listeners 42 hear silence"],
        "3 problems now",
    ),
    "source-lost": (
        "On air from the buffer: the source is silent",
        "12 s",
        "Nothing new arrives; what is held lasts for 12 s more.",
        ["Studio silent nothing new for 12 s", "Link up", "Buffer here 12 s", "Listeners 42 hear it"],
        "1 problem now Error Nothing arrives any more from input.",
    ),
}


@asynccontextmanager
async def shown(*statuses: InstanceStatus) -> AsyncIterator[tuple[Stage, Page]]:
    """The page of made-up instances."""
    async with chromium_page() as page, showing(*statuses) as stage:
        await page.open(stage.url)
        await page.until(LIVE, LIMIT_SECONDS)
        yield stage, page
        assert page.errors == []
        await page.command("Page.navigate", url="about:blank")


async def read(page: Page, part: str) -> str:
    """What a person reads in a part, with single spaces; of the first instance."""
    script = f"document.querySelector('[data-part=\"{part}\"]').innerText.split(/\\s+/).join(' ')"
    return str(await page.evaluate(script)).strip()


async def steps(page: Page) -> list[str]:
    script = "[...document.querySelectorAll('.step')].map((step) => step.innerText.split(/\\s+/).join(' '))"
    found: list[str] = await page.evaluate(script)
    return found


def reads(part: str, text: str) -> str:
    return f"document.querySelector('[data-part=\"{part}\"]')?.innerText.includes({text!r})"


def button(text: str) -> str:
    return (
        f"[...document.querySelectorAll('button')].find((one) => one.innerText === {text!r} && one.checkVisibility())"
    )


@pytest.mark.parametrize("state", STATES)
async def test_a_stranger_reads_how_it_is(state: str) -> None:
    verdict, number, sentence, chain, problems = READ[state]
    async with shown(in_state(state)) as (_, page):
        assert await read(page, "verdict") == verdict
        assert (await read(page, "number"), await read(page, "budget")) == (number, sentence)
        for told, expected in zip(await steps(page), chain, strict=True):
            assert told.startswith(expected)
        assert (await read(page, "problems-box")).startswith(problems)
        # It says something else for as long as the status does not come.
        await page.until(f"document.title.startsWith('{verdict} – transmitter')", LIMIT_SECONDS)
        assert await read(page, "sent") == "The News at Ten"
        heard = "silence" if state == "filler" else "Nina Example – A Song of the Morning"
        assert await read(page, "heard") == heard


async def test_listeners_that_nobody_counts_are_on_air_when_they_hear_something() -> None:
    status = in_state("healthy")
    assert status.playout is not None
    sender = replace(status.outputs[0], mode="IcecastClient", listeners=None)
    begins = replace(status.playout, state=PlayoutState.WAITING, behind_seconds=None)
    async with shown(replace(status, outputs=(sender,))) as (_, page):
        assert (await steps(page))[-1].startswith("Listeners on air")
    async with shown(replace(in_state("filler"), outputs=(sender,))) as (_, page):
        assert (await steps(page))[-1].startswith("Listeners off air")
    async with shown(replace(status, outputs=(sender,), playout=begins)) as (_, page):
        assert (await steps(page))[-1].startswith("Listeners not yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1280"])
@pytest.mark.parametrize("state", ["healthy", "filler"])
async def test_everybody_can_use_it(state: str, size: dict[str, float], scheme: str) -> None:
    async with shown(in_state(state), studio()) as (stage, page):
        await page.command("Emulation.setDeviceMetricsOverride", **size)
        await page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        stage.made.events.test()
        await page.until("document.querySelectorAll('.log li').length > 0", LIMIT_SECONDS)
        await page.evaluate("document.querySelectorAll('[data-part=cuts-box]').forEach((one) => { one.open = true; })")
        await page.until("document.querySelectorAll('.strip rect').length > 2", LIMIT_SECONDS)
        assert await page.evaluate(WIDTH) <= size["width"]
        await assert_accessible(page)


async def test_a_long_name_and_many_paths_fit_on_a_phone() -> None:
    healthy = transmitter()
    (receiving,) = healthy.inputs
    (link,) = receiving.links
    paths = tuple(
        replace(link, path=f"via {name} to {'x' * 60}.studio.example:7080", connected=up)
        for name, up in (("wwan0", True), ("eth1", False))
    )
    inputs = (replace(receiving, links=paths), replace(receiving, name="input " + "b" * 80, on_air=False, links=()))
    async with shown(replace(healthy, name="Transmitter-" + "w" * 100, inputs=inputs)) as (_, page):
        await page.command("Emulation.setDeviceMetricsOverride", **PHONE)
        assert (await steps(page))[1].startswith("Link 1 of 2 up")
        assert await page.evaluate(WIDTH) <= PHONE["width"]


async def test_two_receivers_behind_one_address_are_two() -> None:
    sender = studio()
    (output,) = sender.outputs
    (link,) = output.links
    other = replace(link, peer_budget_seconds=7.0, history=history(down_seconds=5.0))
    async with shown(replace(sender, outputs=(replace(output, links=(link, other)),))) as (stage, page):
        told = await steps(page)
        assert told[2].startswith("Link 2 of 2 up 2 receivers")
        assert told[3].startswith("Buffer there 7 s left to play at 203.0.113.20")
        for seconds in (6.0, 5.0):
            links = (link, replace(other, peer_budget_seconds=seconds))
            stage.made.status = replace(sender, outputs=(replace(output, links=links),))
            await page.until(reads("number", f"{seconds:.0f}\u00a0s"), LIMIT_SECONDS)
        await page.until("document.querySelectorAll('.strip .cut').length > 17", LIMIT_SECONDS)
        cuts = "[...document.querySelectorAll('.links > li')].map((one) => one.querySelectorAll('.cut').length)"
        assert await page.evaluate(cuts) == [17, 18]


async def test_what_changes_is_shown_and_only_that_is_said() -> None:
    async with shown(transmitter()) as (stage, page):
        await page.evaluate(
            "globalThis.said = []; const speaker = document.getElementById('announcer');"
            "new MutationObserver(() => said.push(speaker.textContent)).observe(speaker, {childList: true})"
        )
        healthy = stage.made.status
        assert healthy.playout is not None
        for seconds in (22.0, 23.0):
            stage.made.status = replace(healthy, playout=replace(healthy.playout, budget_seconds=seconds))
            await page.until(reads("number", f"{seconds:.0f}\u00a0s"), LIMIT_SECONDS)
        assert await page.evaluate("said") == []
        stage.made.status = link_down()
        await page.until(reads("verdict", "the link is down"), LIMIT_SECONDS)
        await page.until("said.length > 0", LIMIT_SECONDS)
        (said,) = await page.evaluate("said")
        assert "The link is down; what is held lasts for" in said.replace("transmitter: ", "")
        stage.made.status = filler()
        await page.until(reads("verdict", "Off air"), LIMIT_SECONDS)
        await page.until("said.length > 1", LIMIT_SECONDS)
        assert "silence is on air" in (await page.evaluate("said.at(-1)")).lower()


async def test_an_instance_that_does_not_run_and_one_that_runs_are_listed() -> None:
    async with shown(studio(), transmitter()) as (stage, page):
        entries = "[...document.querySelectorAll('#contents li')].map((one) => one.innerText.split(/\\s+/).join(' '))"
        assert await page.evaluate(entries) == ["studio On air 24 s", "transmitter On air 24 s"]
        stage.members[0].instance = None
        await page.until(reads("verdict", "Does not run"), LIMIT_SECONDS)
        assert "the log says more" in await read(page, "budget")
        assert await page.evaluate(entries) == ["studio Does not run", "transmitter On air 24 s"]
        await page.until("document.title.startsWith('Does not run – studio')", LIMIT_SECONDS)


async def test_the_input_on_air_is_told_from_the_preferred_one() -> None:
    healthy = transmitter()
    (receiving,) = healthy.inputs
    detail = "connecting to the source"
    failing = replace(receiving, mode="ShoutcastClient", state=ModuleState.RETRYING, on_air=False, links=())
    inputs = (replace(failing, detail=detail, last_error="refused"), replace(receiving, name="input backup"))
    async with shown(replace(healthy, inputs=inputs)) as (stage, page):
        assert await read(page, "verdict") == "On air, from another input"
        assert await read(page, "input") == "Input backup is on air instead of input."
        preferred, backup = (await read(page, "inputs")).split("input backup")
        assert preferred.startswith("input (preferred) ShoutcastClient fails stands by Put on air Restart")
        assert "Connecting to the source. Refused." in preferred
        assert backup.strip().startswith("DiStreamerClient works on air Restart")
        assert (await steps(page))[0].startswith("Studio sends input backup, last audio")
        back = (replace(inputs[0], state=ModuleState.RUNNING, returns_in_seconds=30.0), inputs[1])
        stage.made.status = replace(healthy, inputs=back)
        await page.until(reads("inputs", "It works again, and takes over in 30\u00a0s."), LIMIT_SECONDS)


async def test_a_cut_is_in_the_strip_and_in_words() -> None:
    async with shown(filler()) as (_, page):
        await page.until("document.querySelectorAll('.strip .heard').length === 1", LIMIT_SECONDS)
        assert await page.evaluate("document.querySelectorAll('.strip .cut').length") == 17
        assert "18 cuts of the link in the last 24 h" in await read(page, "day")
        assert "Listeners missed 23 s." in await read(page, "day")
        words = await page.evaluate("document.querySelector('[data-part=cuts] li').textContent")
        assert "1 cut, down for 47\u00a0s in five minutes, 23\u00a0s heard" in words


async def test_the_connection_is_lost_and_comes_back() -> None:
    async with showing(transmitter()) as stage, Relay("127.0.0.1", stage.port) as relay, chromium_page() as page:
        await page.open(f"http://127.0.0.1:{relay.port}/")
        await page.until(LIVE, LIMIT_SECONDS)
        for lose in (relay.cut, relay.refuse):
            lose()
            await page.until("document.getElementById('lost').innerText.includes('does not answer')", LIMIT_SECONDS)
            assert await page.evaluate("document.body.dataset.feed") == "lost"
            assert "grayscale" in await page.evaluate("getComputedStyle(document.querySelector('main')).filter")
            assert str(await page.evaluate("document.title")).startswith("No connection")
            stage.made.events.test()
            relay.drop_connections()
            relay.restore()
            await page.until(f"{LIVE} && document.getElementById('lost').innerText === ''", LIMIT_SECONDS)
            await page.until("getComputedStyle(document.querySelector('main')).filter === 'none'", LIMIT_SECONDS)
        # What happened meanwhile is told, and nothing twice.
        await page.until("document.querySelectorAll('.log li').length === 2", LIMIT_SECONDS)
        await page.command("Page.navigate", url="about:blank")


async def test_it_is_said_whose_levels_are_shown_and_filler_has_none() -> None:
    async with shown(transmitter()) as (stage, page):
        seen = "Left −18 dB Right −19 dB −60 −40 −20 0 dB The line marks the highest peak, −6 dB."
        assert await read(page, "levels") == f"Level of what listeners hear {seen}"
        stage.made.status = replace(stage.made.status, playout=None)
        await page.until(reads("levels", "comes in"), LIMIT_SECONDS)
        assert await read(page, "levels") == f"Level of what comes in {seen}"
        stage.made.status = filler()
        await page.until("document.querySelector('[data-part=levels]').hidden", LIMIT_SECONDS)


async def test_levels_are_shown_as_far_as_they_are_known() -> None:
    async with shown(transmitter()) as (_, page):
        draw = (
            "import('./dashboard/levels.js').then(({{drawLevels}}) => {{"
            " globalThis.box = document.createElement('div'); document.querySelector('main').append(box);"
            " drawLevels(box, {levels}, true); }})"
        )
        label, marks = "Level of what listeners hear", "−60 −40 −20 0 dB"
        for levels, text, values, peaks in (
            ("{left_dbfs: -14.2, right_dbfs: -61, peak_dbfs: -3, method: 'decoded', silent_seconds: 0}",
             f"{label} Left −14 dB Right silent {marks} The line marks the highest peak, −3 dB.",
             ["-14", "-60"], ["95.0%", "0%"]),
            ("{left_dbfs: -70, right_dbfs: null, peak_dbfs: null, method: 'estimated', silent_seconds: 12.4}",
             f"{label} Left silent {marks} Silent for 12 s. A rough estimate.", ["-60"], ["0%"]),
            ("{left_dbfs: null, right_dbfs: null, peak_dbfs: null, method: 'estimated', silent_seconds: 0}",
             f"{label} There is sound; nobody knows how loud it is.", [], []),
            ("null", "", [], []),
        ):  # fmt: skip
            await page.evaluate("globalThis.box?.remove(); globalThis.box = null")
            await page.evaluate(draw.format(levels=levels))
            await page.until("globalThis.box !== null", LIMIT_SECONDS)
            assert await page.evaluate("box.innerText.split(/\\s+/).join(' ').trim()") == text
            now = "[...box.querySelectorAll('[role=meter]')].map((one) => one.ariaValueNow)"
            assert await page.evaluate(now) == values
            lines = "[...box.querySelectorAll('[role=meter]')].map((one) => one.style.getPropertyValue('--peak'))"
            assert await page.evaluate(lines) == peaks
            assert await page.evaluate("box.hidden") is (levels == "null")


@asynccontextmanager
async def operated(password: str = "", **general: object) -> AsyncIterator[tuple[Operator, Page]]:
    """The page of an instance that runs."""
    async with chromium_page() as page, operating(admin_config(password, **general)) as operator:
        await page.open(operator.url + "/")
        yield operator, page
        await page.command("Page.navigate", url="about:blank")


async def press(page: Page, key: str) -> None:
    codes = {"Tab": 9, "Enter": 13, "Escape": 27}
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        await page.command("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **text)


async def test_what_is_pressed_is_done_once_it_is_meant() -> None:
    async with operated() as (operator, page):
        await page.until(reads("sent", "Song"), LIMIT_SECONDS)
        before = operator.instance.inputs[0].module
        await page.evaluate(f"{button('Restart')}.click()")
        assert await page.evaluate("document.getElementById('confirm').open")
        # Whoever is quick asks again before the browser tells of the end of the first question.
        await page.evaluate(f"{button('Cancel')}.click(); {button('Restart')}.click()")
        assert operator.instance.inputs[0].module is before
        await page.evaluate(f"{button('Restart it')}.click()")
        await page.until("document.getElementById('done').innerText.includes('was restarted')", LIMIT_SECONDS)
        assert operator.instance.inputs[0].module is not before

        await page.evaluate("document.querySelector('[data-part=title-text]').value = 'Grüße <b>'")
        await page.evaluate(f"{button('Set')}.click()")
        assert "“Grüße <b>”" in await page.evaluate("document.getElementById('confirm-title').innerText")
        await page.evaluate(f"{button('Set it')}.click()")
        await page.until(reads("sent", "Grüße <b>"), LIMIT_SECONDS)
        await page.until("document.querySelector('[data-part=title-text]').value === ''", LIMIT_SECONDS)
        await page.evaluate(f"{button('Set')}.click()")
        await page.evaluate(f"{button('Set it')}.click()")
        await page.until(reads("sent", "no title"), LIMIT_SECONDS)

        await page.evaluate(f"{button('Test the alerts')}.click()")
        await page.evaluate(f"{button('Send it')}.click()")
        await page.until("document.querySelector('.log li')?.innerText.includes('test')", LIMIT_SECONDS)
        assert [event.kind for event in operator.instance.events.book.after(0)].count("test") == 1
        assert page.errors == []


async def test_an_alert_may_take_its_time() -> None:
    with rings() as made:
        config = replace(admin_config(), alerts=(ConfiguredAlert("alert", RingSettings()),))
        async with chromium_page() as page, operating(config) as operator:
            made[0].seconds = 5  # more than anything else may take
            await page.open(operator.url + "/")
            await page.until(reads("sent", "Song"), LIMIT_SECONDS)
            await page.evaluate(f"{button('Test the alerts')}.click()")
            await page.evaluate(f"{button('Send it')}.click()")
            await page.until("document.getElementById('done').innerText", LIMIT_SECONDS)
            assert await page.evaluate("document.getElementById('done').innerText") == "The alert was told."
            assert page.errors == []
            await page.command("Page.navigate", url="about:blank")


async def test_an_input_is_put_on_air_and_that_is_taken_back() -> None:
    sections = [("input", LiveSettings(title="Song")), ("input backup", LiveSettings(title="Other"))]
    config = configured(*sections, ("output", players_server()), admin="127.0.0.1:0", fallbackafter=1)
    async with chromium_page() as page, operating(config) as operator:
        await page.open(operator.url + "/")
        await page.until(reads("inputs", "stands by"), LIMIT_SECONDS)
        await until(lambda: all(part.context.store.newest() is not None for part in operator.instance.inputs))
        await page.evaluate(f"{button('Put on air')}.click()")
        await page.evaluate(f"{button('Put it on air')}.click()")
        await page.until(reads("inputs", "input backup (preferred by you or a colleague)"), LIMIT_SECONDS)
        assert operator.instance.input_on_air.name == "input backup"
        await page.evaluate(f"{button('Prefer as configured')}.click()")
        await page.evaluate(f"{button('As configured')}.click()")
        await page.until("document.querySelector('[data-part=as-configured]').hidden", LIMIT_SECONDS)
        assert page.errors == []
        await page.command("Page.navigate", url="about:blank")


async def test_a_listener_is_shown_and_disconnected() -> None:
    async with operated(delay=1) as (operator, page):
        part = operator.instance.outputs[0]
        await until(lambda: operator.instance.snapshot().store.seconds > 4)
        reader, writer = await asyncio.open_connection(*part.module.address)  # type: ignore[attr-defined]
        writer.write(b"GET / HTTP/1.0\r\nUser-Agent: <i>Radio</i>\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await page.until(reads("audience", "1 listener"), LIMIT_SECONDS)
        await page.evaluate("document.querySelector('[data-part=who]').open = true")
        await page.until("document.querySelector('.listeners li')?.innerText.includes('<i>Radio</i>')", LIMIT_SECONDS)
        await page.evaluate(f"{button('Disconnect')}.click()")
        await page.evaluate(f"{button('Disconnect it')}.click()")
        async with asyncio.timeout(LIMIT_SECONDS):
            while await reader.read(100_000):
                pass
        await page.until("document.querySelectorAll('.listeners li').length === 0", LIMIT_SECONDS)
        writer.close()
        assert page.errors == []


async def test_the_keyboard_is_enough() -> None:
    async with operated() as (operator, page):
        await page.until(reads("sent", "Song"), LIMIT_SECONDS)
        active = "document.activeElement"
        for _ in range(40):
            await press(page, "Tab")
            if await page.evaluate(f"{active}.innerText === 'Restart'"):
                break
        else:
            raise AssertionError("the button cannot be reached")
        assert await page.evaluate(f"getComputedStyle({active}).outlineStyle") == "solid"
        await press(page, "Enter")
        # What does no harm has the focus.
        assert await page.evaluate(f"{active}.innerText") == "Cancel"
        await press(page, "Escape")
        assert not await page.evaluate("document.getElementById('confirm').open")
        assert await page.evaluate(f"{active}.innerText") == "Restart"
        before = operator.instance.inputs[0].module
        await press(page, "Enter")
        await press(page, "Tab")
        await press(page, "Enter")
        await until(lambda: operator.instance.inputs[0].module is not before)


async def test_the_page_asks_for_the_password() -> None:
    async with operated(PASSWORD) as (_, page):
        form = "document.getElementById('login')"
        send = f"{form}.requestSubmit()"
        await page.until(f"{form}?.checkVisibility()", LIMIT_SECONDS)
        assert not await page.evaluate("document.body.innerText.includes('station')")
        await assert_accessible(page)
        await page.evaluate(f"document.getElementById('password').value = 'wrong'; {send}")
        await page.until("document.getElementById('login-fault').innerText === 'The password is wrong.'", LIMIT_SECONDS)
        await page.evaluate(f"document.getElementById('password').value = {PASSWORD!r}; {send}")
        await page.until(f"{LIVE} && {reads('sent', 'Song')}", LIMIT_SECONDS)
        await page.evaluate(f"{button('Log out')}.click()")
        await page.until(f"{form}?.checkVisibility()", LIMIT_SECONDS)
        assert not await page.evaluate("document.body.innerText.includes('station')")
        assert not [error for error in page.errors if " 401 " not in error]
