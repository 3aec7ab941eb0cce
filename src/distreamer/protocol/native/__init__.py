"""The DiStreamer 3 wire as values: no event loop, no socket, no clock, no chance. See ``docs/protocol.md``."""
