"""DiStreamer carries a radio programme over a link that fails, without the listeners noticing."""

__version__ = "3.0.0.dev0"
