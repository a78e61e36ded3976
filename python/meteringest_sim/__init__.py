"""Meters, concentrators and their faults: what comes in, known to the read before it is sent."""
