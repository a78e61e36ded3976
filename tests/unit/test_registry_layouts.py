"""Layouts: the built-in ones load, one's own stand beside them, mistakes name file and place."""

import json
from pathlib import Path

import pytest

from meteringest.errors import ConfigError
from meteringest.registry.layouts import load_layouts
from meteringest.registry.settings import RegistrySettings
from meteringest.registry.time_policies import ruled

OWN = """
name = "mine"
source = "a meter on the bench"
body = "flat"
logical_names = []
[[fields]]
obis = "0.0.1.0.0.255"
column = "clock"
[[fields]]
obis = "1.0.1.29.0.255"
column = "imp_wh"
scaler = 3
unit = "Wh"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text)
    return folder


def test_the_defaults_of_the_settings_are_built_in() -> None:
    settings = RegistrySettings()
    assert {settings.default_layout_1ph, settings.default_layout_3ph} <= load_layouts().names


def test_one_s_own_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    layouts = load_layouts(write(tmp_path, OWN))
    assert layouts.names == load_layouts().names | {"mine"}
    (mine,) = (each for each in json.loads(layouts.json()) if each["name"] == "mine")
    assert mine["fields"][1] == {
        "obis": "1.0.1.29.0.255",
        "column": "imp_wh",
        "scaler": 3,
        "unit": "Wh",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace("scaler", "scalar"), "unknown field `scalar` at `$.fields[1]`"),
        (OWN.replace("1.0.1.29.0.255", "1.0.1.29"), "at `$.fields[1].obis`"),
        (OWN.replace("flat", "round"), "at `$.body`"),
        (OWN.replace('"mine"', '"is15959-block-load-1ph"'), "stands in layouts/"),
        ("name = ", "not TOML: "),
        ("\x00", "not TOML: "),
    ],
)
def test_a_mistake_names_the_file_and_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_layouts(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "mine.toml"))
    assert said in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"registry\.layouts_dir: .*absent is no folder"):
        load_layouts(tmp_path / "absent")


MODEL = """
table = "model"
name = "acme-x1"
source = "a meter on the bench"
time_policy = "standard+civil:Europe/Zurich"
layouts = ["mine", "is15959-block-load-1ph"]
"""

OBJECTS = """
name = "mine"
source = "attribute 3 of a meter's load profile"
body = "buffer"
logical_names = ["1.0.99.1.0.255"]
capture_objects = ["8/0.0.1.0.0.255/2", "3/1.0.1.29.0.255/2"]
[scalers]
"1.0.1.29.0.255" = { scaler = 1, unit = "Wh" }
"""


def test_a_model_names_its_policy_and_its_layouts(tmp_path: Path) -> None:
    (tmp_path / "x1.toml").write_text(MODEL)
    layouts = load_layouts(write(tmp_path, OWN))
    assert layouts.models["acme-x1"].time_policy == "standard+civil:Europe/Zurich"
    families = {"model/acme-x1": ["mine", "is15959-block-load-1ph"]}
    assert json.loads(layouts.families_json()) == families


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            MODEL.replace('"mine"', '"mime"'),
            "no layout 'mime' at `$.layouts[0]`; did you mean mine?",
        ),
        (MODEL.replace("Zurich", "Zürich"), "at `$.time_policy`; ist, standard, indian"),
        (MODEL.replace("Zurich", "Zurik"), "no zone 'Europe/Zurik'"),
        (MODEL.replace("table", "tabel"), "unknown field `tabel`"),
        (MODEL.replace('"model"', '"modell"'), "no table 'modell': wanted"),
    ],
)
def test_a_mistake_in_a_model_names_the_file_and_the_place(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "x1.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_layouts(write(tmp_path, OWN))
    assert str(caught.value).startswith(str(tmp_path / "x1.toml"))
    assert said in str(caught.value)


def test_capture_objects_stand_for_fields_and_one_of_both_is_wanted(tmp_path: Path) -> None:
    (mine,) = (
        each
        for each in json.loads(load_layouts(write(tmp_path, OBJECTS)).json())
        if each["name"] == "mine"
    )
    assert mine["capture_objects"] == ["8/0.0.1.0.0.255/2", "3/1.0.1.29.0.255/2"]
    neither = OBJECTS.replace("capture_objects = [", "logical = [").replace(
        'logical = ["8/0.0.1.0.0.255/2", "3/1.0.1.29.0.255/2"]', ""
    )
    with pytest.raises(ConfigError, match="either fields or capture_objects"):
        load_layouts(write(tmp_path, neither))


def test_zones_of_one_s_own_may_be_named_by_models(tmp_path: Path) -> None:
    (tmp_path / "zones.toml").write_text(
        'table = "zones"\nsource = "a law of 2027"\n[zones]\n'
        '"Mars/Base" = "MST-1MDT,M3.5.0,M10.5.0"\n'
    )
    (tmp_path / "x1.toml").write_text(MODEL.replace("Europe/Zurich", "Mars/Base"))
    layouts = load_layouts(write(tmp_path, OWN))
    assert ruled("civil:Mars/Base", layouts.zones) == "civil:MST-1MDT,M3.5.0,M10.5.0"
    assert layouts.zones["Asia/Kolkata"] == "IST-5:30"
    (tmp_path / "zones.toml").write_text(
        'table = "zones"\nsource = "a typo"\n[zones]\n"Mars/Base" = "MST-1MDT,M3.5.0"\n'
    )
    with pytest.raises(ConfigError, match=r"zones\.toml"):
        load_layouts(tmp_path)


def test_every_zone_has_the_rule_of_the_time_zone_database() -> None:
    """Where the machine has the database: the last line of each zone's file is its rule."""
    zones = {name: rule for name, rule in load_layouts().zones.items() if name != "Europe/Dublin"}
    folder = Path("/usr/share/zoneinfo")
    if not folder.is_dir():
        pytest.skip("no time zone database on this machine")
    for name, rule in zones.items():
        assert (folder / name).read_bytes().rsplit(b"\n", 2)[-2].decode() == rule, name
