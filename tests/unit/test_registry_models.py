"""A meter takes from its model what its own row does not say."""

import msgspec
import pytest
from tests.unit.registry_fakes import DEFAULTS, Desk, parts

from meteringest.errors import ConfigError, RegistryError
from meteringest.registry.layouts import Layouts
from meteringest.registry.models import Model
from meteringest.registry.registrar import Registrar

ZURICH = "CET-1CEST,M3.5.0,M10.5.0/3"
X1 = Model(name="x1", source="", time_policy="civil:Europe/Zurich", layouts=("one", "other"))
CLOCK_ONLY = Model(name="x2", source="", time_policy="indian")


class ModelDesk(Desk):
    """A registrar that knows two models."""

    def __init__(self) -> None:
        super().__init__(None)
        known = {"models": {"x1": X1, "x2": CLOCK_ONLY}, "zones": {"Europe/Zurich": ZURICH}}
        defaults = msgspec.structs.replace(DEFAULTS, security="none", **known)
        self.registrar = Registrar(self.store, self.book, defaults, None)


def told(desk: Desk, serial: str) -> tuple[str, str]:
    """Layout and policy as the decoder has them."""
    row = next(row for row in desk.book.rows.values() if row[1] == serial)
    return row[7], row[9]


def test_layouts_and_policy_are_the_model_s_unless_the_meter_has_its_own() -> None:
    desk = ModelDesk()
    desk.take(
        "serial,model,layout,time_policy",
        "A,x1,,",
        "B,x1,three,fixed:+0530",
        "C,x2,,",
        "D,,,civil:Europe/Zurich",
        "E,,,",
    )
    assert told(desk, "A") == ("model/x1", f"civil:{ZURICH}")
    assert told(desk, "B") == ("three", "fixed:+0530")
    assert told(desk, "C") == ("one", "indian")
    assert told(desk, "D") == ("one", f"civil:{ZURICH}")
    assert told(desk, "E") == ("one", "ist")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,x3,", "column model: found 'x3'; wanted a known model; known: x1, x2"),
        ("A,,civil:Europe/Zurik", "column time_policy: no zone 'Europe/Zurik': add it to a file"),
    ],
)
def test_a_model_or_zone_that_nobody_wrote_down_is_named(row: str, said: str) -> None:
    with pytest.raises(RegistryError, match=said):
        ModelDesk().take("serial,model,time_policy", row)


def test_a_model_read_again_reaches_the_decoder_and_one_taken_away_is_missed() -> None:
    desk = ModelDesk()
    desk.take("serial,model", "A,x2")
    changed = msgspec.structs.replace(CLOCK_ONLY, time_policy="standard")
    desk.registrar.learn(Layouts(layouts=(), models={"x2": changed}))
    desk.registrar.load_book()
    assert told(desk, "A")[1] == "standard"
    desk.registrar.learn(Layouts(layouts=()))
    with pytest.raises(ConfigError, match="no file has the model 'x2', which meter A is of"):
        desk.registrar.load_book()
    with pytest.raises(RegistryError, match="wanted a known model"):
        desk.registrar.import_rows(parts("serial,model\nB,x2\n"))
