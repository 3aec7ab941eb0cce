"""DiStreamer carries a radio programme over a link that fails, without the listeners noticing."""

__version__ = "3.0.0.dev0"
AGENT = f"DiStreamer/{__version__}"
"""How the program presents itself to others: in a User-Agent, and on the link. It must not begin with
``Mozilla``: DNAS (SHOUTcast) sends its web page to browsers."""
