"""The wires of DiStreamer 2 (2013 to 2021), as values: numbered blocks of the ICY-interleaved stream, and their list.

``renderer`` makes them from our fragments, ``parser`` makes audio and titles from them, ``persistent`` and
``polling`` carry them. Facts come from recorded traffic (``tests/data/legacy``) and from DiStreamer 2 itself.
"""
