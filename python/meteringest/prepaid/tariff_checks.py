"""What makes a tariff impossible to charge, found before the first charge.

Rule 1: pure: a Tariff in, problems with their places out.
"""

from collections.abc import Sequence

from meteringest.prepaid.calendar import OTHER_DAYS
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rules_file import Problems, duplicates
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.tariff import (
    MINIMUM,
    OWN_COMPONENTS,
    Every,
    ExportMode,
    FixedCharge,
    Levy,
    Per,
    Tariff,
)
from meteringest.prepaid.time_of_day import MINUTES, Band, uncovered
from meteringest.prepaid.toml_lines import Path

MONTHS = range(1, 13)
OFFSET_MAX_MIN = 14 * 60
BILLING_DAYS = range(1, 29)
"""Days that every month has."""


def check(tariff: Tariff, problems: Problems) -> None:
    """Adds everything that is wrong."""
    _span(tariff, problems)
    _energy(tariff, problems)
    _bands(tariff, problems)
    _day_types(tariff, problems)
    for index, fixed in enumerate(tariff.fixed):
        _fixed(fixed, ("fixed", index), problems)
    _names(tariff, problems)
    _references(tariff, problems)
    _export(tariff, problems)
    _billing(tariff, problems)


def _span(tariff: Tariff, problems: Problems) -> None:
    if not tariff.title.strip():
        problems.add(("title",), "is empty")
    if tariff.effective_to is not None and tariff.effective_to < tariff.effective_from:
        problems.add(("effective_to",), f"{tariff.effective_to} is before {tariff.effective_from}")
    problems.day(tariff.effective_from, ("effective_from",))
    problems.last_day(tariff.effective_to, ("effective_to",))
    problems.revision(tariff.revision)
    if abs(tariff.offset_min) > OFFSET_MAX_MIN:
        problems.add(("utc_offset",), "further from UTC than any place on earth")


def _energy(tariff: Tariff, problems: Problems) -> None:
    own_rates = [band for band in tariff.bands if band.rate is not None]
    if tariff.slabs:
        slab_order(tariff.slabs, ("slabs",), problems)
        if own_rates:
            problems.add(("bands",), "a band with a `rate` of its own takes the place of slabs")
    elif len(own_rates) != len(tariff.bands) or not own_rates:
        problems.add((), "energy has no price: wanted `slabs`, or bands with a `rate` each")


def slab_order(slabs: Sequence[Slab], place: Path, problems: Problems) -> None:
    """Edges rise, and the last slab alone has none."""
    floor = 0
    for index, slab in enumerate(slabs):
        is_last = index == len(slabs) - 1
        if (slab.up_to_uwh is None) != is_last:
            reason = "the last slab leaves `up_to_kwh` out" if is_last else "has no `up_to_kwh`"
            problems.add((*place, index), reason + "; only the last one is without end")
        elif slab.up_to_uwh is not None:
            if slab.up_to_uwh <= floor:
                problems.add((*place, index, "up_to_kwh"), "slabs out of order: not above the last")
            floor = slab.up_to_uwh


def _bands(tariff: Tariff, problems: Problems) -> None:
    names = [band.name for band in tariff.bands]
    for index in duplicates([f"{band.name} {band.days}" for band in tariff.bands]):
        problems.add(("bands", index, "name"), f"'{names[index]}' stands twice")
    for index, band in enumerate(tariff.bands):
        _band(tariff, band, ("bands", index), problems)
    if tariff.bands:
        for reason in uncovered(tariff.bands, tariff.day_types):
            problems.add(("bands",), reason)
    own_rates = any(band.rate is not None for band in tariff.bands)
    if tariff.settlement_band is not None and tariff.settlement_band not in names:
        problems.add(("settlement_band",), f"'{tariff.settlement_band}' is no band")
    elif own_rates and tariff.settlement_band is None:
        problems.add(
            ("bands",),
            "bands have rates of their own: `settlement_band` must name the one that "
            "energy of unknown time is charged in",
        )


def _band(tariff: Tariff, band: Band, place: Path, problems: Problems) -> None:
    if band.from_min in (band.to_min, MINUTES) or band.to_min == 0:
        problems.add(place, "is empty: a whole day is 00:00 to 24:00, midnight ends at 24:00")
    known = {*(each.name for each in tariff.day_types), OTHER_DAYS}
    for name in band.days:
        if name not in known:
            problems.add((*place, "days"), f"'{name}' is no day type of this tariff")
    if band.percent_ppm is not None and band.percent_ppm < -PPM:
        problems.add((*place, "percent"), "below -100: energy would be paid for being used")
    lowest = min((slab.rate for slab in tariff.slabs), default=0)
    if band.add is not None and band.add < -lowest:
        problems.add((*place, "add"), "takes more off than the cheapest slab costs")


def _day_types(tariff: Tariff, problems: Problems) -> None:
    names = [each.name for each in tariff.day_types]
    for index in duplicates(names):
        problems.add(("day_types", index, "name"), f"'{names[index]}' stands twice")
    for index, each in enumerate(tariff.day_types):
        place: Path = ("day_types", index)
        if each.name == OTHER_DAYS:
            problems.add((*place, "name"), f"'{OTHER_DAYS}' is every day no type claims")
        if not (each.weekdays or each.holidays or each.second_saturdays):
            problems.add(place, "claims no day: wanted weekdays, holidays or second_saturdays")
        if each.holidays and tariff.calendar is None:
            problems.add((*place, "holidays"), "needs a `calendar` that lists them")


def _fixed(fixed: FixedCharge, place: Path, problems: Problems) -> None:
    if fixed.load_step_w < 1:
        problems.add((*place, "load_step"), "wanted more than zero, in kW or kVA")
    if fixed.per is Per.CONNECTION:
        for name, given in (
            ("load_step", fixed.load_step_w != 1),
            ("load_min", fixed.load_min_w != 0),
            ("demand_floor_percent", fixed.demand_floor_ppm is not None),
        ):
            if given:
                problems.add((*place, name), "needs `per` kw or kva")
    floor = fixed.demand_floor_ppm
    if floor is not None and not 0 <= floor <= PPM:
        problems.add((*place, "demand_floor_percent"), "wanted 0 to 100")
    if floor is not None and fixed.every is Every.DAY:
        problems.add((*place, "every"), "billing on the month's demand needs a charge per month")


def _names(tariff: Tariff, problems: Problems) -> None:
    taken = list(OWN_COMPONENTS)
    places: list[tuple[Path, str]] = [
        *((("fixed", i, "name"), each.name) for i, each in enumerate(tariff.fixed)),
        *((("levies", i, "name"), each.name) for i, each in enumerate(tariff.levies)),
    ]
    for place, name in places:
        if name in taken:
            problems.add(place, f"'{name}' is taken or reserved")
        taken.append(name)
    problems.names(
        [
            (("name",), tariff.name),
            (("currency",), tariff.currency),
            *((("bands", i, "name"), each.name) for i, each in enumerate(tariff.bands)),
            *((("day_types", i, "name"), each.name) for i, each in enumerate(tariff.day_types)),
            *places,
        ]
    )
    if tariff.calendar is not None:
        problems.names([(("calendar",), tariff.calendar)])


def _references(tariff: Tariff, problems: Problems) -> None:
    """A percent is of what is charged before it; a minimum of what is charged before levies."""
    before = list(tariff.components[: tariff.components.index(MINIMUM)])
    if tariff.minimum is not None:
        if not tariff.minimum.of:
            problems.add(("minimum", "of"), "is empty")
        _known(tariff.minimum.of, before, ("minimum", "of"), problems)
    before = list(tariff.components[: len(tariff.components) - len(tariff.levies)])
    for index, levy in enumerate(tariff.levies):
        _levy(levy, before, ("levies", index), problems)
        before.append(levy.name)
    for name in tariff.rounding:
        if name not in tariff.components:
            problems.add(("rounding", name), "is no component of this tariff")


def _levy(levy: Levy, before: Sequence[str], place: Path, problems: Problems) -> None:
    if levy.percent_ppm is not None and not levy.of:
        problems.add((*place, "of"), "a percent needs `of`: the components it is taken of")
    if levy.slabs:
        slab_order(levy.slabs, (*place, "slabs"), problems)
        if levy.of:
            problems.add((*place, "of"), "a levy per unit is of energy; leave `of` out")
    _known(levy.of, before, (*place, "of"), problems)


def _known(names: Sequence[str], before: Sequence[str], place: Path, problems: Problems) -> None:
    for index in duplicates(names):
        problems.add(place, f"'{names[index]}' stands twice")
    for name in names:
        if name not in before:
            problems.add(place, f"'{name}' is no component charged before it")


def _export(tariff: Tariff, problems: Problems) -> None:
    export = tariff.export
    if export.surplus_month is not None:
        if export.surplus_month not in MONTHS:
            problems.add(("export", "surplus_month"), "wanted 1 to 12")
        if export.mode is not ExportMode.NET:
            problems.add(("export", "surplus_month"), "only net metering carries a surplus")
    if export.mode is ExportMode.NET and tariff.bands:
        problems.add(
            ("export", "mode"),
            "net metering with time-of-day bands is not supported: use mode `credit`",
        )


def _billing(tariff: Tariff, problems: Problems) -> None:
    if tariff.billing.day not in BILLING_DAYS:
        problems.add(("billing", "day"), f"{tariff.billing.day}; wanted 1 to 28")
