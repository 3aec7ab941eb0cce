"""The gauntlet: real programs, two hosts, and a link that is as bad as it gets."""
