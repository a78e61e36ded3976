"""Strangers: bytes that are no frames, frames that are cut, links that say nothing."""

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from meteringest.errors import LinkError

if TYPE_CHECKING:
    from random import Random

    from tests.sim.scene import Scene


async def visit(scene: "Scene", listener: str, number: int) -> None:
    """Connects, sends what nobody asked for, and perhaps stays."""
    chance = scene.world.chance(f"hostile {number} {scene.world.trace.steps}")
    with suppress(LinkError, trio.BrokenResourceError, trio.ClosedResourceError):
        peer = f"10.2.0.{number}"
        network = scene.network
        mail = listener == "mail"
        link = await (network.write(peer) if mail else network.connect(listener, peer))
        try:
            for _ in range(chance.randrange(1, 20)):
                await link.client.send_all(_octets(scene, chance))
            await trio.sleep(chance.choice((0.0, 1.0, 1_000.0)) * chance.random())
        finally:
            link.client.close()


def _octets(scene: "Scene", chance: "Random") -> bytes:
    match chance.randrange(4):
        case 0:
            return chance.randbytes(chance.randrange(1, 2_000))
        case 1:
            return b"\0\1\0\1\0\x40" + chance.randbytes(2)
        case 2:
            frame = scene.pushers[0].fleet.frame(STRANGER + chance.randrange(100), 1, 1)
            return frame[: chance.randrange(1, len(frame) + 1)]
        case _:
            return scene.pushers[0].fleet.frame(STRANGER + chance.randrange(100), 1, 1)


STRANGER = 90_000
