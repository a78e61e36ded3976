"""The one door to the compiled core: everything else imports it from here."""

from meteringest._native import Fleet, Frames

__all__ = ["Fleet", "Frames"]
