"""Bad links, made on purpose: for ``distreamer chaos`` and for the gauntlet."""
