"""A crowd of listeners for any Icecast-like server: how well each of them is served, and what its joining took."""
