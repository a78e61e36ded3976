"""A decoder with the shipped layouts, and the two calls that every test makes."""

import msgspec
from tests.native.frames import NOW_MS, Meter

from meteringest.native import Batch, Decoder, Link
from meteringest.registry.layouts import load_layouts

LAYOUT_OF = {1: "is15959-block-load-1ph", 3: "is15959-block-load-3ph"}
POLICY_OF = {0x30: "encrypt+authenticate", 0x20: "encrypt", 0x10: "authenticate", 0x00: "none"}


def row(
    meter: Meter, security: str | None = None
) -> tuple[int, str, bytes, int, bytes, bytes, str, str, int, str, str]:
    """The meter's registry row, by default with the policy that its frames just meet."""
    return (
        meter.number,
        meter.serial,
        meter.title,
        0,
        meter.encryption_key,
        meter.authentication_key,
        security or POLICY_OF[meter.control],
        LAYOUT_OF[meter.phases],
        1_800,
        "ist",
        f"{meter.phases}ph",
    )


def decoder(*meters: Meter, **settings: int) -> Decoder:
    made = Decoder(1, msgspec.json.encode(settings))
    made.set_layouts(load_layouts().json())
    made.upsert_meters([row(meter) for meter in meters])
    return made


def decode(made: Decoder, *frames: bytes, now_ms: int = NOW_MS) -> Batch:
    link = Link(4, "wrapper", dcu=2, peer="192.0.2.7")
    for frame in frames:
        link.feed(frame)
    return made.decode([link], now_ms)
