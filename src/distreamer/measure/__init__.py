"""What a stream, a player or a link is like, measured from outside: the commands ``probe`` and ``listen``."""
