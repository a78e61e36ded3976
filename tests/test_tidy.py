"""The style tests itself: sizes, words that must not stay, and references that must resolve."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 350
LINE_MAX = 160
LEFTOVERS = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|\btodo!\(|\bunimplemented!\(|NotImplementedError"
)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]


SOURCES = tracked("rust/**.rs", "python/**.py", "benches/**.py", "tests/**.py")


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_for_later(path: Path) -> None:
    if path.name == Path(__file__).name:
        return
    found = [
        (number, line)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFTOVERS.search(line)
    ]
    assert found == []


def test_a_page_has_one_title() -> None:
    for page in tracked("*.md", "docs/**.md"):
        fenced = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        titles = [line for line in fenced.splitlines() if line.startswith("# ")]
        assert len(titles) == 1, page


def test_links_between_pages_resolve() -> None:
    for page in tracked("*.md", "docs/**.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"
