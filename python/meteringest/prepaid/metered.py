"""Reads become billable energy, or are held; registers become the difference to it."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meteringest.prepaid.money import UWH_PER_WH
from meteringest.prepaid.reads import CHARGED, Held, MeterLink, Quality, Read, Register, newest
from meteringest.prepaid.tariff import Basis, ExportMode, Per, Tariff

HOUR_S = 3_600


class Metered(Struct, frozen=True, kw_only=True):
    """Energy behind the transformers; whole micro-watt-hours whatever the multiplier."""

    meter: int
    billed_uwh: int
    export_uwh: int = 0
    start_s: int = 0
    interval_s: int = 0
    demand_w: int = 0
    demand_va: int = 0
    estimated: bool = False

    def held(self, reason: str) -> Held:
        """The same, not to be charged."""
        return Held(reason=reason, meter=self.meter, start_s=self.start_s)


def metered(
    tariff: Tariff, reads: Sequence[Read], links: Sequence[MeterLink], span: tuple[int, int]
) -> Iterator[Metered | Held]:
    """The newest version of each interval of the day, in order of time."""
    charged_to: dict[int, int] = {}
    for read in newest(reads):
        link = _link(links, read)
        reason = _unusable(tariff, read, span)
        if reason is None and link is None:
            reason = "meter_not_linked"
        if reason is None and read.start_s < charged_to.get(read.meter, read.start_s):
            reason = "overlaps_the_interval_before"
        if reason is not None or link is None:
            yield Held(
                reason=reason or "", meter=read.meter, start_s=read.start_s, found=read.quality.name
            )
            continue
        charged_to[read.meter] = read.start_s + read.interval_s
        yield _metered(tariff, read, link)


def _link(links: Sequence[MeterLink], read: Read) -> MeterLink | None:
    own = (each for each in links if each.meter == read.meter and each.holds(read))
    return max(own, key=lambda each: (each.ver, each.from_s), default=None)


def _unusable(tariff: Tariff, read: Read, span: tuple[int, int]) -> str | None:
    billed = read.imp_wh if tariff.basis is Basis.KWH else read.imp_vah
    exports = tariff.export.mode is not ExportMode.NONE
    end_s = read.start_s + read.interval_s
    if read.quality not in CHARGED:
        return f"quality_{read.quality.name.lower()}"
    if billed is None or (exports and read.exp_wh is None):
        return "channel_missing"
    demanded = {Per.KW: read.imp_wh, Per.KVA: read.imp_vah}
    if any(demanded.get(per) is None for per in tariff.demands):
        return "channel_missing"
    if min(billed, read.exp_wh or 0) < 0 or read.interval_s <= 0:
        return "negative_read"
    return None if span[0] <= read.start_s and end_s <= span[1] else "not_inside_the_day"


def _metered(tariff: Tariff, read: Read, link: MeterLink) -> Metered:
    wh, vah = read.imp_wh or 0, read.imp_vah or 0
    hours_ppm = link.multiplier_ppm * HOUR_S
    return Metered(
        meter=read.meter,
        billed_uwh=(wh if tariff.basis is Basis.KWH else vah) * link.multiplier_ppm,
        export_uwh=(read.exp_wh or 0) * link.multiplier_ppm,
        start_s=read.start_s,
        interval_s=read.interval_s,
        demand_w=wh * hours_ppm // (read.interval_s * UWH_PER_WH),
        demand_va=vah * hours_ppm // (read.interval_s * UWH_PER_WH),
        estimated=read.quality is Quality.ESTIMATED,
    )


def settled(
    tariff: Tariff,
    registers: Sequence[Register],
    links: Sequence[MeterLink],
    charged: Sequence[Metered],
) -> Iterator[Metered | Held]:
    """Of each meter with registers at both ends, the energy no interval has charged yet.

    Below zero when intervals were estimated too high; a register that ran backwards is held.
    """
    latest = {each.meter: each for each in sorted(registers, key=lambda each: each.ver)}
    for meter, register in sorted(latest.items()):
        multipliers = {each.multiplier_ppm for each in links if each.meter == meter}
        billed, exported = _deltas(tariff, register)
        reason = _unsettled(len(multipliers), min(billed, exported))
        if reason is not None:
            found = f"{billed} Wh or VAh billed, {exported} Wh exported"
            yield Held(reason=reason, meter=meter, found=found)
            continue
        multiplier_ppm = multipliers.pop()
        own = [each for each in charged if each.meter == meter]
        difference = Metered(
            meter=meter,
            billed_uwh=billed * multiplier_ppm - sum(each.billed_uwh for each in own),
            export_uwh=exported * multiplier_ppm - sum(each.export_uwh for each in own),
        )
        if difference.billed_uwh or difference.export_uwh:
            yield difference


def _unsettled(multipliers: int, least: int) -> str | None:
    if multipliers == 0:
        return "meter_not_linked"
    if multipliers > 1:
        return "multiplier_changed_inside_the_day"
    return "register_ran_backwards" if least < 0 else None


def _deltas(tariff: Tariff, register: Register) -> tuple[int, int]:
    exported = 0
    if tariff.export.mode is not ExportMode.NONE:
        exported = register.closing_exp_wh - register.opening_exp_wh
    if tariff.basis is Basis.KVAH:
        return register.closing_vah - register.opening_vah, exported
    return register.closing_wh - register.opening_wh, exported
