"""Whether what was missed is still coming."""

from __future__ import annotations

import pytest

from distreamer.core.catch_up import CALM_SECONDS, CatchUp


def test_a_source_in_real_time_is_no_catching_up() -> None:
    catch_up = CatchUp()
    for second in range(100):
        catch_up.observe(100.0 + second, float(second))
        assert not catch_up.is_on(100.0 + second)


def test_what_was_missed_is_over_a_moment_after_its_last_fragment() -> None:
    catch_up = CatchUp()
    catch_up.observe(100.0, 1.0)
    assert not catch_up.is_on(160.0)
    for number in range(60):
        catch_up.observe(160.0 + number / 100, 2.0 + number)
    last = 160.59
    assert catch_up.is_on(last)
    catch_up.observe(last + CALM_SECONDS / 2, 61.0)
    assert catch_up.is_on(last + CALM_SECONDS - 0.01)
    assert not catch_up.is_on(last + CALM_SECONDS)
    catch_up.observe(last + 1, 62.0)
    assert not catch_up.is_on(last + 1)


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_a_clock_that_is_a_little_fast_is_no_catching_up(speed: float) -> None:
    catch_up = CatchUp()
    for number in range(100):
        now = 100.0 + number / speed
        catch_up.observe(now, float(number))
        assert not catch_up.is_on(now)
