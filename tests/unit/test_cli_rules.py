"""`meteringest tariffs` and `policy`: a good file in a line, a bad one with every problem."""

from importlib.resources import files
from pathlib import Path

import pytest

from meteringest.cli import main
from meteringest.cli.outcome import Outcome

EXAMPLES = Path(str(files("meteringest.prepaid") / "examples"))


def test_a_good_tariff_is_named_with_its_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["tariffs", "check", str(EXAMPLES / "flat.toml")]) == Outcome.DONE
    assert "example-flat version" in capfd.readouterr().out


def test_a_tariff_is_shown_as_it_was_understood(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["tariffs", "show", str(EXAMPLES / "domestic-slabs.toml")]) == Outcome.DONE
    assert "slab" in capfd.readouterr().out


def test_a_policy_is_shown_with_its_clauses(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(EXAMPLES / "policy-bihar.toml")]) == Outcome.DONE
    assert "happy hours" in capfd.readouterr().out


@pytest.mark.parametrize("command", ["tariffs", "policy"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("flat", "tariff example-flat version"),
        ("calendar-2026", "calendar example-2026 version"),
        ("fuel-2026-07", "fuel example-fuel-2026-07 version"),
        ("policy-bihar", "policy example-bihar version"),
    ],
)
def test_whatever_can_be_loaded_can_be_checked(
    command: str, name: str, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "check", str(EXAMPLES / f"{name}.toml")]) == Outcome.DONE
    said = capfd.readouterr().out.splitlines()
    assert says in said[0]
    assert said[0].endswith(": good")
    assert (len(said) > 1) == (name == "policy-bihar")


@pytest.mark.parametrize(
    ("name", "field"),
    [("flat", "currency"), ("calendar-2026", "holidays"), ("fuel-2026-07", "charge_month")],
)
def test_a_typo_is_told_with_its_line_whatever_the_kind(
    name: str, field: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text((EXAMPLES / f"{name}.toml").read_text().replace(field, "a_typo"))
    assert main(["tariffs", "check", str(bad)]) == Outcome.ROWS
    assert "a_typo: Object contains unknown field `a_typo`" in capfd.readouterr().err


def test_a_bad_tariff_is_refused_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLES / "flat.toml").read_text()
    bad = tmp_path / "bad.toml"
    bad.write_text(text.replace("effective_from", "efective_from"))
    assert main(["tariffs", "check", str(bad)]) == Outcome.ROWS
    assert "bad.toml" in capfd.readouterr().err
