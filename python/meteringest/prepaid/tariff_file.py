"""A tariff file becomes a Tariff, or a refusal that names every line and why.

Rule 1: this and rules_file.py are the only files of money that open files.
Rule 2: nothing is repaired: a gap, an overlap or a wrong sign is for its author to settle.
"""

import re
from decimal import Decimal
from pathlib import Path

from meteringest.prepaid.calendar import DayType
from meteringest.prepaid.money import MICRO, PPM
from meteringest.prepaid.rounding import CENT_OF_A_MONTH, Rounding
from meteringest.prepaid.rules_file import (
    DAYS_MAX,
    MONTH_AMOUNT_MAX,
    RATE_MAX,
    Problems,
    convert,
    read_text,
)
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.tariff import (
    Basis,
    Billing,
    Every,
    Export,
    ExportMode,
    FixedCharge,
    LatePayment,
    Levy,
    Minimum,
    Per,
    Sign,
    Tariff,
)
from meteringest.prepaid.tariff_checks import check
from meteringest.prepaid.tariff_schema import (
    BandWritten,
    FixedWritten,
    LevyWritten,
    SlabWritten,
    TariffWritten,
)
from meteringest.prepaid.time_of_day import Band
from meteringest.prepaid.toml_lines import Path as Place

DEFAULT = "default"
DECIMALS_MAX = 6
KW_DECIMALS = 3
LOAD_KW_MAX = 1_000_000
LEVY_SIGNS = {
    "duty": Sign.CHARGE,
    "surcharge": Sign.CHARGE,
    "rebate": Sign.CREDIT,
    "subsidy": Sign.CREDIT,
}
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")


def load(file: Path) -> Tariff:
    """Reads, converts and checks one file."""
    return parse(read_text(file), str(file))


def parse(text: str, file: str = "tariff", *, standing: bool = False) -> Tariff:
    """The same from text; `file` is only a name for the refusal, `standing` as in Problems."""
    written = convert(text, TariffWritten, file, standing=standing)
    problems = Problems(standing=standing)
    tariff = _tariff(written, problems)
    check(tariff, problems)
    problems.refuse(file, text)
    return tariff


def _tariff(written: TariffWritten, problems: Problems) -> Tariff:
    decimals = written.decimals
    if not 0 <= decimals <= DECIMALS_MAX:
        problems.add(("decimals",), f"{decimals}; wanted 0 to {DECIMALS_MAX}")
        decimals = 2
    rounding = _rounding(written, problems)
    return Tariff(
        name=written.name,
        title=written.title,
        source=written.source,
        currency=written.currency,
        decimals=decimals,
        effective_from=written.effective_from,
        effective_to=written.effective_to,
        revision=written.revision,
        offset_min=_offset(written.utc_offset, problems),
        basis=written.basis,
        slabs=_slabs(written.slabs, ("slabs",), problems),
        bands=tuple(_band(each, ("bands", i), problems) for i, each in enumerate(written.bands)),
        settlement_band=written.settlement_band,
        day_types=tuple(
            DayType(
                name=each.name,
                weekdays=each.weekdays,
                holidays=each.holidays,
                second_saturdays=each.second_saturdays,
            )
            for each in written.day_types
        ),
        calendar=written.calendar,
        fixed=tuple(
            _fixed(each, ("fixed", i), problems, decimals) for i, each in enumerate(written.fixed)
        ),
        minimum=_minimum(written, problems, decimals),
        levies=tuple(_levy(each, ("levies", i), problems) for i, each in enumerate(written.levies)),
        export=_export(written, problems),
        billing=Billing(
            day=written.billing.day,
            due_days=problems.whole(written.billing.due_days, ("billing", "due_days"), DAYS_MAX),
        ),
        late_payment=_late(written, problems),
        rounding={name: rule for name, rule in rounding.items() if name != DEFAULT},
        rounding_default=rounding.get(DEFAULT, CENT_OF_A_MONTH),
    )


def _offset(written: str, problems: Problems) -> int:
    found = _OFFSET.fullmatch(written)
    reason = f"'{written}' is no offset; wanted +HH:MM or -HH:MM"
    if not found:
        problems.add(("utc_offset",), reason)
        return 0
    if not written.isascii():
        problems.unless_standing(("utc_offset",), reason)
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


def _slabs(written: tuple[SlabWritten, ...], place: Place, problems: Problems) -> tuple[Slab, ...]:
    return tuple(
        Slab(
            rate=problems.micro(each.rate, (*place, i, "rate"), most=RATE_MAX),
            up_to_uwh=None
            if each.up_to_kwh is None
            else problems.micro(each.up_to_kwh, (*place, i, "up_to_kwh")) * 1_000,
        )
        for i, each in enumerate(written)
    )


def _band(written: BandWritten, place: Place, problems: Problems) -> Band:
    percent, add, rate = written.percent, written.add, written.rate
    if [percent, add, rate].count(None) != 2:  # noqa: PLR2004
        problems.add(place, "wanted exactly one of `percent`, `add` and `rate`")
    return Band(
        name=written.name,
        from_min=problems.minute(written.from_, (*place, "from")),
        to_min=problems.minute(written.to, (*place, "to")),
        percent_ppm=None if percent is None else problems.ppm(percent, (*place, "percent")),
        add=None if add is None else problems.signed_micro(add, (*place, "add"), most=RATE_MAX),
        rate=None if rate is None else problems.micro(rate, (*place, "rate"), most=RATE_MAX),
        days=written.days,
    )


def _fixed(written: FixedWritten, place: Place, problems: Problems, decimals: int) -> FixedCharge:
    floor, step = written.demand_floor_percent, written.load_step
    most = _amount_max(written.per, written.every)
    return FixedCharge(
        name=written.name,
        amount=problems.micro(written.amount, (*place, "amount"), decimals, most),
        per=written.per,
        every=written.every,
        sign=Sign.CREDIT if written.credit else Sign.CHARGE,
        load_step_w=1 if step is None else _watts(step, (*place, "load_step"), problems),
        load_min_w=_watts(written.load_min, (*place, "load_min"), problems),
        demand_floor_ppm=None
        if floor is None
        else problems.ppm(floor, (*place, "demand_floor_percent")),
    )


def _amount_max(per: Per, every: Every) -> int:
    is_rate = per is not Per.CONNECTION or every is Every.DAY
    return RATE_MAX if is_rate else MONTH_AMOUNT_MAX


def _watts(written: Decimal, place: Place, problems: Problems) -> int:
    """Watts (or VA) of a load in kW (or kVA)."""
    return problems.micro(written, place, KW_DECIMALS, LOAD_KW_MAX * MICRO) * 1_000 // MICRO


def _minimum(written: TariffWritten, problems: Problems, decimals: int) -> Minimum | None:
    minimum = written.minimum
    if minimum is None:
        return None
    most = _amount_max(minimum.per, Every.MONTH)
    amount = problems.micro(minimum.amount, ("minimum", "amount"), decimals, most)
    return Minimum(amount=amount, of=minimum.of, per=minimum.per)


def _levy(written: LevyWritten, place: Place, problems: Problems) -> Levy:
    sign = LEVY_SIGNS.get(written.kind)
    if sign is None:
        problems.add((*place, "kind"), f"'{written.kind}'; wanted one of {', '.join(LEVY_SIGNS)}")
    if (written.percent is None) == (not written.slabs):
        problems.add(place, "wanted exactly one of `percent` and `slabs`")
    percent = None
    if written.percent is not None:
        percent = problems.ppm(written.percent, (*place, "percent"))
        if percent < 0:
            problems.add(
                (*place, "percent"),
                f"{written.percent} has the wrong sign; `kind` already says whether it is given",
            )
        if sign is Sign.CREDIT and percent > PPM:
            problems.unless_standing(
                (*place, "percent"), f"{written.percent}; wanted 0 to 100: more than all was given"
            )
    return Levy(
        name=written.name,
        sign=sign or Sign.CHARGE,
        of=written.of,
        percent_ppm=percent,
        slabs=_slabs(written.slabs, (*place, "slabs"), problems),
        only=written.only,
    )


def _export(written: TariffWritten, problems: Problems) -> Export:
    export = written.export
    if export is None:
        return Export()
    if export.mode is ExportMode.NET and written.basis is Basis.KVAH:
        problems.add(("export", "mode"), "net metering is of kWh; this tariff bills kVAh")
    rate = problems.micro(export.rate, ("export", "rate"), most=RATE_MAX)
    return Export(mode=export.mode, rate=rate, surplus_month=export.surplus_month)


def _late(written: TariffWritten, problems: Problems) -> LatePayment | None:
    late = written.late_payment
    if late is None:
        return None
    place: Place = ("late_payment", "percent_per_month")
    percent = problems.ppm(late.percent_per_month, place)
    if percent < 0:
        problems.add(place, f"{late.percent_per_month} has the wrong sign; wanted zero or more")
    grace_days = problems.whole(late.grace_days, ("late_payment", "grace_days"), DAYS_MAX)
    return LatePayment(percent_ppm_per_month=percent, grace_days=grace_days)


def _rounding(written: TariffWritten, problems: Problems) -> dict[str, Rounding]:
    rules = {}
    for name, rule in written.rounding.items():
        unit = problems.micro(rule.to, ("rounding", name, "to"), most=RATE_MAX)
        if unit == 0:
            problems.add(("rounding", name, "to"), f"{rule.to}; wanted more than zero")
        rules[name] = Rounding(unit=max(unit, 1), mode=rule.mode, at=rule.at)
    return rules
