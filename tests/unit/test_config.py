"""Settings: a mistake names its place, a printed file loads back, a secret is never shown."""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from meteringest.config import load, printed, reference
from meteringest.errors import ConfigError
from meteringest.model import Secret, SecurityPolicy


def write(folder: Path, text: str) -> Path:
    file = folder / "meteringest.toml"
    file.write_text(text)
    return file


def test_a_bare_machine_runs_on_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load()
    assert loaded.file is None
    assert loaded.config.data_dir == tmp_path / "data"
    assert loaded.config.store.url == "chdb:"
    assert all(each.host == "127.0.0.1" for each in loaded.config.intake.listeners)
    assert {each.framing for each in loaded.config.intake.listeners} == {"auto", "uplink"}


def test_the_file_in_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "node = 7")
    monkeypatch.chdir(tmp_path)
    assert load().config.node == 7


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = write(tmp_path / "etc", 'data_dir = "d"\n[registry]\nlayouts_dir = "mine"')
    config = load(file).config
    assert config.data_dir == tmp_path / "etc" / "d"
    assert config.registry.layouts_dir == tmp_path / "etc" / "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[[intake.listeners]]\nidel_timeout_s = 3",
            "`idel_timeout_s` at `$.intake.listeners[0]`; did you mean `idle_timeout_s`?",
        ),
        ("[jornal]", "unknown field `jornal` at `$`; did you mean `journal`?"),
        ("[checks]\nzzz = 1", "known here: future_tolerance_s, too_old_days, duplicate_window"),
        ("node = 'one'", "Expected `int`, got `str` at `$.node`"),
        ("[journal]\nsegment_bytes = 1", "Expected `int` >= 1048576 at `$.journal.segment_bytes`"),
        ("[journal\nx", "not TOML: Expected ']' at the end of a table declaration (at line 1"),
        ("journal = 3", "Expected `object`, got `int` at `$.journal`"),
        (
            "[registry]\nmaster_key = 3",
            "int found where a string belongs at `$.registry.master_key`",
        ),
        (
            '[registry]\nmaster_key = "file:nowhere"',
            "cannot be read: No such file or directory at `$.registry.master_key`",
        ),
        (
            '[store]\npassword = "env:METERINGEST_TEST_UNSET"',
            "METERINGEST_TEST_UNSET is not set in the environment at `$.store.password`",
        ),
        (
            "[security]\ndefault_policy = 'x'",
            "at `$.security.default_policy`; wanted one of: encrypt+authenticate, authenticate, en",
        ),
        (
            "[[intake.listeners]]\n[[intake.listeners]]\nframing = 'hdcl'",
            "'hdcl' at `$.intake.listeners[1].framing`; wanted one of: auto, hdlc, mbus, prime-dc",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_every_unknown_field_is_named_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "nod = 1\n[journal]\nsegment_byte = 1\n[[intake.listeners]]\nprt = 1")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert [part.split("`")[1] for part in str(caught.value).split("unknown field ")[1:]] == [
        "nod",
        "segment_byte",
        "prt",
    ]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; `meteringest config > FILE`"):
        load(tmp_path / "absent.toml")


def test_secrets_come_from_elsewhere_and_stay_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERINGEST_TEST_PASSWORD", "hush")
    (tmp_path / "key").write_text("psst\n")
    file = write(
        tmp_path,
        '[store]\npassword = "env:METERINGEST_TEST_PASSWORD"\n'
        '[registry]\nmaster_key = "file:key"\n'
        '[endpoint.users]\ngrafana = "plain-words"',
    )
    loaded = load(file)
    config = loaded.config
    assert config.store.password is not None
    assert config.registry.master_key is not None
    assert config.store.password.reveal() == "hush"
    assert config.registry.master_key.reveal() == "psst"
    for shown in (repr(config), str(config), printed(loaded)):
        assert "hush" not in shown
        assert "psst" not in shown
        assert "plain-words" not in shown
    assert 'password = "env:METERINGEST_TEST_PASSWORD"' in printed(loaded)


def test_what_is_printed_loads_back_the_same(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "[security]\ndefault_policy = 'encrypt'\n[journal]\ncheckpoint_s = 5\n"
        "[[intake.listeners]]\nname = 'a \"b\"'\nport = 1\n[intake.listeners.dcu]\nfixed = 3\n"
        "[intake.listeners.dcu.names]\n'DCU 7' = 7\n"
        "[[intake.listeners]]\nport = 2\nframing = 'hdlc'",
    )
    loaded = load(file)
    again = load(write(tmp_path, printed(loaded)))
    assert again.config == loaded.config
    assert again.config.security.default_policy is SecurityPolicy.ENCRYPT
    assert again.config.intake.listeners[0].dcu.names == {"DCU 7": 7}


def test_printed_defaults_load_back_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load()
    assert load(write(tmp_path, printed(loaded))).config == loaded.config


def test_printing_tells_set_from_default(tmp_path: Path) -> None:
    text = printed(load(write(tmp_path, "node = 7")))
    assert "node = 7  # set; default 1" in text
    assert "checkpoint_s = 60.0  # default" in text
    assert tomllib.loads(text)["node"] == 7


def test_every_setting_says_what_it_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = printed(load()).splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if line and not line.startswith(("#", "[[")) and not before.startswith("#")
    ]
    assert bare == []


def test_a_secret_compares_and_hides() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert "a1b2" not in f"{Secret('a1b2')!r} {Secret('a1b2')}"
    assert hash(Secret("a", "env:X")) == hash(Secret("b", "env:X"))


def test_the_page_lists_every_setting() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "configuration.md").read_text()
    _, _, listed = page.partition("`meteringest config --reference`.\n\n")
    said = "docs/configuration.md is behind: put the output of `meteringest config --reference` in"
    assert listed.strip() == reference().strip(), said
