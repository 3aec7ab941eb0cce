"""Photographs the dashboard as docs/admin.md shows it: ``scripts/dashboard-pictures [folder]``."""

from __future__ import annotations

import asyncio
import base64
import sys
from dataclasses import dataclass
from pathlib import Path

from distreamer.model.status import InstanceStatus
from tests.support.chromium import Page, chromium_page
from tests.support.dashboard_stage import STATES, in_state, showing, studio, tell_a_night

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
FEW_COLOURS = (
    "split[one][other];[one]palettegen=max_colors=128:reserve_transparent=0[few];[other][few]paletteuse=dither=none"
)
PHONE_PIXELS = 1240
"""What of the page on a phone is shown: the first turns of the thumb."""
LOADED_SECONDS = 30
SETTLED_SECONDS = 2.5
"""For what moves to arrive, and the strip to be fetched."""


@dataclass(frozen=True)
class Picture:
    """One file."""

    name: str
    state: str
    width: int
    scheme: str = "light"

    @property
    def status(self) -> InstanceStatus:
        return studio() if self.state == "studio" else in_state(self.state)


PICTURES = (
    *(Picture(f"{state}-{width}", state, width) for state in STATES for width in (1280, 390)),
    Picture("healthy-1280-dark", "healthy", 1280, "dark"),
    Picture("studio-1280", "studio", 1280),
)


async def photograph(page: Page, picture: Picture) -> bytes:
    """The page as PNG."""
    height = 900 if picture.width > 600 else 844
    await page.command(
        "Emulation.setDeviceMetricsOverride",
        width=picture.width,
        height=height,
        deviceScaleFactor=1,
        mobile=picture.width < 600,
    )
    await page.command("Emulation.setScrollbarsHidden", hidden=True)
    features = [
        {"name": "prefers-color-scheme", "value": picture.scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    await page.command("Emulation.setEmulatedMedia", features=features)
    async with showing(picture.status) as stage:
        tell_a_night(stage.made)
        await page.open(stage.url)
        await page.until("document.body?.dataset.feed === 'live'", LOADED_SECONDS)
        await page.until("Boolean(document.querySelector('.strip rect + rect'))", LOADED_SECONDS)
        await asyncio.sleep(SETTLED_SECONDS)
        whole = await page.evaluate("document.documentElement.scrollHeight")
        shown = whole if picture.width > 600 else PHONE_PIXELS
        clip = {"x": 0, "y": 0, "width": picture.width, "height": shown, "scale": 1}
        shot = await page.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        await page.command("Page.navigate", url="about:blank")
    assert not page.errors, page.errors
    return await with_few_colours(base64.b64decode(shot["data"]))


async def with_few_colours(png: bytes) -> bytes:
    """A third of the size, and nobody sees it."""
    command = ["ffmpeg", "-v", "error", "-f", "png_pipe", "-i", "-", "-vf", FEW_COLOURS]
    command += ["-f", "image2pipe", "-c:v", "png", "-"]
    program = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    smaller, _ = await program.communicate(png)
    assert program.returncode == 0
    return smaller


async def main(folder: Path, names: set[str]) -> None:
    async with chromium_page() as page:
        for picture in PICTURES:
            if not names or picture.name in names:
                png = await photograph(page, picture)
                (folder / f"dashboard-{picture.name}.png").write_bytes(png)
                print(f"{picture.name}: {len(png) // 1000} kB")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER, set(sys.argv[2:])))
