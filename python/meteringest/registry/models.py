"""Meter models as data: what all meters of a make have in common, under one name.

Rule 1: a meter's own word goes first: a cell of its row beats its model.
Rule 2: templates by push: of a model's layouts, each names the logical names it is for.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

from msgspec import Meta, Struct

from meteringest.errors import ConfigError
from meteringest.registry.profiles import Name
from meteringest.registry.time_policies import WANTED, policy_of, unknown_zone

FAMILY = "model/"


class Model(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One make of meters."""

    name: Annotated[str, Meta(pattern=r"^[^\s/][^/]*$", max_length=190)]
    source: str
    time_policy: str = ""
    layouts: tuple[Name, ...] = ()

    @property
    def family(self) -> str:
        """What its layouts are called together; empty when it has none."""
        return FAMILY + self.name if self.layouts else ""

    def check(self, file: str, layouts: frozenset[str], zones: Mapping[str, str]) -> None:
        """Raises ConfigError for a layout or zone that is not there."""
        for at, layout in enumerate(self.layouts):
            if layout not in layouts:
                near = get_close_matches(layout, layouts, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(file, f"no layout {layout!r} at `$.layouts[{at}]`{hint}")
        policy = policy_of(self.time_policy)
        if policy is None:
            raise ConfigError(file, f"found {self.time_policy!r} at `$.time_policy`; {WANTED}")
        if problem := unknown_zone(policy, zones):
            raise ConfigError(file, f"{problem} at `$.time_policy`")
