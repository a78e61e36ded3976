"""What must be true when everything has arrived."""

from typing import TYPE_CHECKING

from tests.sim.fleets import ReadKey, Values, values_of

if TYPE_CHECKING:
    from tests.sim.scene import Scene

Reads = dict[ReadKey, Values]


def check(scene: "Scene") -> None:
    """Everything; each finding is a violation."""
    _reads(scene)


def _reads(scene: "Scene") -> None:
    stored = {key: values_of(row) for key, row in scene.server.tables["m.reads"].final().items()}
    expected = scene.uplinks.expected() | scene.pushers.confirmed
    for key, versions in expected.items():
        have = stored.get(key)  # type: ignore[call-overload]
        if have != versions[-1]:
            scene.world.violate("I4", f"read {key}: {versions[-1]} acknowledged, {have} stored")
