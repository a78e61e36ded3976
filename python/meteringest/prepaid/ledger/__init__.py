"""Accounts: the rules they are charged by, their terms and meters, and the money that came in."""
