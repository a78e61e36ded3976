"""`meteringest demo`: the whole line on a simulated fleet, reconciled to the read."""

from meteringest_sim.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
