"""Tells people and programs what happens; one file per MODE of [ALERT]."""
