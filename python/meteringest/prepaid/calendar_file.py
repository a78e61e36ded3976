"""A calendar file becomes a Calendar; a holiday outside its span or named twice is refused."""

from pathlib import Path

from meteringest.prepaid.calendar import Calendar
from meteringest.prepaid.rules_file import Problems, convert, duplicates, read_text
from meteringest.prepaid.tariff_schema import CalendarWritten


def load_calendar(file: Path) -> Calendar:
    """Reads, converts and checks one file."""
    return parse_calendar(read_text(file), str(file))


def parse_calendar(text: str, file: str = "calendar", *, standing: bool = False) -> Calendar:
    """The same from text."""
    written = convert(text, CalendarWritten, file, standing=standing)
    problems = Problems(standing=standing)
    if written.covers_to < written.covers_from:
        problems.add(("covers_to",), f"{written.covers_to} is before {written.covers_from}")
    for index in duplicates([str(each.date) for each in written.holidays]):
        problems.add(("holidays", index, "date"), "stands twice")
    problems.day(written.covers_from, ("covers_from",))
    problems.last_day(written.covers_to, ("covers_to",))
    problems.revision(written.revision)
    for index, each in enumerate(written.holidays):
        if not written.covers_from <= each.date <= written.covers_to:
            problems.add(("holidays", index, "date"), f"{each.date} is outside the file's span")
    problems.names([(("name",), written.name)])
    problems.names((("holidays", i, "name"), each.name) for i, each in enumerate(written.holidays))
    problems.refuse(file, text)
    return Calendar(
        name=written.name,
        covers_from=written.covers_from,
        covers_to=written.covers_to,
        revision=written.revision,
        holidays={each.date: each.name for each in written.holidays},
    )
