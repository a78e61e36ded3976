"""Benches beside their peers and limits, all in one run: `python -m benches`."""
