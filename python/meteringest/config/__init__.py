"""Settings: one TOML file becomes one frozen struct, or an error that says where it is wrong."""

from meteringest.config.file import Loaded, load
from meteringest.config.printed import printed
from meteringest.config.reference import reference
from meteringest.config.schema import Config

__all__ = ["Config", "Loaded", "load", "printed", "reference"]
