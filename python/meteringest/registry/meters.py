"""One import of meters: every row against the registry first, then the rows that change it.

Rule 1: check sees every row before changes yields the first one.
Rule 2: only the stored rows that the file touches are held in memory.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from meteringest.csv_rows import Imported, ImportPart, Problems, decoded
from meteringest.errors import ConfigError
from meteringest.registry.dcus import DcuNumbers
from meteringest.registry.models import Model
from meteringest.registry.rows import (
    KEY_FIELDS,
    KEYS_OF_NOW,
    METERS,
    Meter,
    RegistryStore,
)
from meteringest.registry.sealing import SETTING, MasterKey
from meteringest.registry.time_policies import unknown_zone

Given = dict[str, object]

UNPROTECTED = "none"
AUTHENTICATED = frozenset({"authenticate", "encrypt+authenticate"})


class Defaults(Struct, frozen=True, kw_only=True):
    """What a row gets that does not say, and what it may name."""

    security: str
    interval_s: int
    layout_1ph: str
    layout_3ph: str
    layouts: frozenset[str]
    problems_max: int
    models: Mapping[str, Model] = {}
    zones: Mapping[str, str] = {}


class MeterImport:
    """Holds what the registry has of the file's meters while it is imported."""

    def __init__(
        self, store: RegistryStore, defaults: Defaults, master_key: MasterKey | None
    ) -> None:
        """Reads nothing yet."""
        self._store = store
        self._defaults = defaults
        self._master_key = master_key
        self._stored: dict[str, Meter] = {}
        self._holders: dict[str, str] = {}
        self._dcus = DcuNumbers()
        self._meter_max = 0
        self._ver = 1
        self._added = self._changed = self._unchanged = 0

    @property
    def done(self) -> Imported:
        """What was done, once changes is exhausted."""
        return Imported(
            rows=self._added + self._changed + self._unchanged,
            added=self._added,
            changed=self._changed,
            unchanged=self._unchanged,
        )

    def check(self, parts: list[ImportPart]) -> None:
        """Raises RegistryError with every row that does not fit."""
        self._load(parts)
        problems = Problems(parts[0].file if parts else "", self._defaults.problems_max)
        for row, given in decoded(parts):
            self._openable(given)
            for column, text in self._faults(given):
                problems.add(row, f"column {column}: {text}")
        problems.check()

    def add_dcus(self) -> tuple[str, ...]:
        """Numbers for concentrators that are named here first; returns their names."""
        return self._dcus.save_new(self._store)

    def changes(self, parts: list[ImportPart]) -> Iterator[Meter]:
        """Rows to save, numbered and sealed; those that are as before are only counted."""
        for _, given in decoded(parts):
            old = self._stored.get(str(given["serial"]))
            new = self._sealed(self._merged(given, old), given, old)
            if old is None:
                self._meter_max += 1
                self._added += 1
                yield msgspec.structs.replace(new, meter=self._meter_max, ver=self._ver)
            elif new != old:
                self._changed += 1
                yield msgspec.structs.replace(new, ver=self._ver)
            else:
                self._unchanged += 1

    def _load(self, parts: list[ImportPart]) -> None:
        serials: set[object] = set()
        titles: set[object] = set()
        for _, given in decoded(parts):
            serials.add(given["serial"])
            titles.add(given.get("system_title"))
        for row in self._store.load(METERS):
            meter = Meter(*row)  # type: ignore[arg-type]
            self._meter_max = max(self._meter_max, meter.meter)
            self._ver = max(self._ver, meter.ver + 1)
            if meter.serial in serials:
                self._stored[meter.serial] = meter
            if meter.system_title and meter.system_title in titles:
                self._holders[meter.system_title] = meter.serial
        self._dcus.load(self._store)

    def _openable(self, given: Given) -> None:
        """Raises unless the master key serves for this row's keys, old and new."""
        old = self._stored.get(str(given["serial"]))
        sealed = [getattr(old, name) for name in KEY_FIELDS] if old else []
        if self._master_key is not None:
            self._master_key.check(sealed)
        elif any(sealed) or any(given.get(name) for name in KEY_FIELDS):
            raise ConfigError(SETTING, MASTER_KEY_MISSING)

    def _faults(self, given: Given) -> Iterator[tuple[str, str]]:
        old = self._stored.get(str(given["serial"]))
        new = self._merged(given, old)
        holder = self._holders.get(new.system_title)
        if holder not in {None, new.serial}:
            yield "system_title", f"{new.system_title} belongs to meter {holder} already"
        if new.layout and new.layout not in self._defaults.layouts:
            yield "layout", _unknown("layout", new.layout, self._defaults.layouts)
        if new.model and new.model not in self._defaults.models:
            yield "model", _unknown("model", new.model, self._defaults.models)
        if problem := unknown_zone(new.time_policy, self._defaults.zones):
            yield "time_policy", problem
        for name in _keys_needed(new.security):
            if not (given.get(name) or (old and getattr(old, name))):
                yield name, f"found nothing; wanted a key, as security is {new.security}"

    def _merged(self, given: Given, old: Meter | None) -> Meter:
        """The row as it will be, its keys aside; defaults where nobody says."""
        serial = str(given["serial"])
        base = old or Meter(0, serial)
        said = {name: value for name, value in given.items() if name not in KEY_FIELDS}
        if "dcu" in said:
            said["dcu"] = self._dcus.number(said["dcu"])
        new = msgspec.structs.replace(base, **said)
        model = self._defaults.models.get(new.model)
        layout = self._defaults.layout_3ph if new.phase == "3ph" else self._defaults.layout_1ph
        if model and model.layouts:
            layout = ""  # its model's
        return msgspec.structs.replace(
            new,
            security=new.security or self._defaults.security,
            interval_s=new.interval_s or self._defaults.interval_s,
            layout=new.layout or layout,
        )

    def _sealed(self, new: Meter, given: Given, old: Meter | None) -> Meter:
        keys = {name: given[name] for name in KEY_FIELDS if given.get(name)}
        master = self._master_key
        if not keys or master is None:
            return new
        sealed = {
            name: master.seal(new.serial, name, key)
            for name, key in keys.items()
            if isinstance(key, bytes)
            and not (old and master.open(old.serial, name, getattr(old, name)) == key)
        }
        return msgspec.structs.replace(new, **sealed)


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
    return f"found {name!r}; wanted a known {what}; {hint}"


def _keys_needed(security: str) -> tuple[str, ...]:
    if security == UNPROTECTED:
        return ()
    return KEYS_OF_NOW if security in AUTHENTICATED else KEYS_OF_NOW[:1]


MASTER_KEY_MISSING = (
    "not set, so meter keys cannot be sealed; make one with `meteringest keygen --out FILE` "
    'away from data_dir, then set master_key = "file:FILE" under [registry]'
)
