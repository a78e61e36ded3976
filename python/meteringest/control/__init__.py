"""Talking to a running service from the command line: a Unix socket only its owner can open."""
