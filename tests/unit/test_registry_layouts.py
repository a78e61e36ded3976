"""Layouts: the built-in ones load, one's own stand beside them, mistakes name file and place."""

import json
from pathlib import Path

import pytest

from meteringest.errors import ConfigError
from meteringest.registry.layouts import load_layouts
from meteringest.registry.settings import RegistrySettings

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
