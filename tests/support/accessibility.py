"""What a page must have for everybody to use it, looked at in a real browser."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.support.chromium import Page

CONTROLS = frozenset({"button", "link", "textbox", "slider", "combobox", "checkbox", "DisclosureTriangle"})
LANDMARKS = frozenset({"banner", "main", "contentinfo"})


async def assert_accessible(page: Page) -> None:
    """Each control has a name, headings go down step by step, there are landmarks, text can be read."""
    tree = await page.command("Accessibility.getFullAXTree")
    nodes = [node for node in tree["nodes"] if not node.get("ignored")]
    roles = [_value(node, "role") for node in nodes]
    controls = [node for node in nodes if _value(node, "role") in CONTROLS]
    assert controls
    assert not [node for node in controls if not _value(node, "name").strip()], "controls without a name"
    assert set(roles) >= LANDMARKS
    assert roles.count("main") == 1
    levels = [_level(node) for node in nodes if _value(node, "role") == "heading"]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert await page.evaluate(PALE_TEXTS) == []
    assert await page.evaluate(SMALL_CONTROLS) == []


def _value(node: dict[str, Any], name: str) -> str:
    return str(node.get(name, {}).get("value", ""))


def _level(node: dict[str, Any]) -> int:
    return next(int(one["value"]["value"]) for one in node["properties"] if one["name"] == "level")


PALE_TEXTS = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [red, green, blue] = parts(color).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, noscript, .unseen")) continue;
    const style = getComputedStyle(element);
    const [ink, paper] = [light(style.color), light(ground(element))];
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) found.push(`${walker.currentNode.data}: ${contrast.toFixed(2)}`);
  }
  return found;
})()"""
"""Texts with less contrast than WCAG 2.2 asks for (section 1.4.3)."""

SMALL_CONTROLS = """[...document.querySelectorAll("button, input, select, summary")]
  .filter((one) => one.checkVisibility())
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, {width, height}]) => width < 24 || height < 24 && one.type !== "range")
  .map(([one]) => one.outerHTML)"""
"""What is smaller than WCAG 2.2 asks for (section 2.5.8)."""
