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


def test_a_bad_tariff_is_refused_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLES / "flat.toml").read_text()
    bad = tmp_path / "bad.toml"
    bad.write_text(text.replace("effective_from", "efective_from"))
    assert main(["tariffs", "check", str(bad)]) == Outcome.ROWS
    assert "bad.toml" in capfd.readouterr().err
