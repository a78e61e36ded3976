"""The one door to the compiled core: everything else imports it from here."""

from meteringest import _native

__all__ = ["_native"]
