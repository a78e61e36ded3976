"""The registry's rows and the ports through which they come and go.

Rule 1: a row here is a row of m.meters or m.dcus; its fields are that table's columns, in order.
Rule 2: keys stand in a row only sealed; opened ones exist only in the tuple for the decoder.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

METERS = "meters"
DCUS = "dcus"

# (meter, serial, system_title, dcu, encryption_key, authentication_key, security, layout,
#  interval_s, time_policy, phase)
DecoderRow = tuple[int, str, bytes, int, bytes, bytes, str, str, int, str, str]
NextKeys = tuple[int, bytes, bytes]
# (meter, broadcast key, dedicated key, key that wraps others)
OtherKeys = tuple[int, bytes, bytes, bytes]


class Meter(Struct, frozen=True):
    """One meter; `meter` is its number for good, `serial` what people call it."""

    meter: int
    serial: str
    system_title: str = ""
    dcu: int = 0
    encryption_key: str = ""
    authentication_key: str = ""
    security: str = ""
    layout: str = ""
    interval_s: int = 0
    time_policy: str = ""
    phase: str = "1ph"
    sanctioned_load_w: int = 0
    account: int = 0
    feeder: str = ""
    village: str = ""
    active: int = 1
    ver: int = 0
    next_encryption_key: str = ""
    next_authentication_key: str = ""
    broadcast_key: str = ""
    dedicated_key: str = ""
    kek: str = ""
    model: str = ""

    def __repr__(self) -> str:
        """Without the keys, sealed as they are."""
        return f"Meter({self.meter}, {self.serial!r})"


class Dcu(Struct, frozen=True):
    """One concentrator; `name` is what its certificate or its hello calls it."""

    dcu: int
    name: str
    area: str = ""
    active: int = 1
    ver: int = 0


METER_FIELDS = Meter.__struct_fields__
DCU_FIELDS = Dcu.__struct_fields__
# Those of now, which a security policy may need, those a meter is to turn to, and the rest.
KEYS_OF_NOW = ("encryption_key", "authentication_key")
KEYS_NEXT = ("next_encryption_key", "next_authentication_key")
KEYS_OTHER = ("broadcast_key", "dedicated_key", "kek")
KEY_FIELDS = KEYS_OF_NOW + KEYS_NEXT + KEYS_OTHER


class Listing(Struct, frozen=True, kw_only=True):
    """Which registry rows are asked for: those in which a text contains `match`."""

    table: str
    match: str = ""
    limit: int = 1_000


class RegistryStore(Protocol):
    """Where registry rows live."""

    def load(self, table: str) -> Iterator[tuple[object, ...]]:
        """The newest version of every row of m.`table`, by number."""
        ...

    def save(self, table: str, rows: Sequence[Meter] | Sequence[Dcu]) -> None:
        """Inserts `rows` into m.`table`; returns when they are safe."""
        ...


class MeterBook(Protocol):
    """The decoder's own registry; the native Decoder satisfies it."""

    def upsert_meters(self, rows: list[DecoderRow]) -> None:
        """Takes new meters and changed ones."""
        ...

    def set_next_keys(self, rows: list[NextKeys]) -> None:
        """Takes the keys (meter, encryption, authentication) that meters are to turn to."""
        ...

    def set_other_keys(self, rows: list[OtherKeys]) -> None:
        """Takes meters' broadcast and dedicated keys and those that wrap others."""
        ...

    def remove_meters(self, ids: list[int]) -> None:
        """Forgets these meters; their frames are then from unknown meters."""
        ...
