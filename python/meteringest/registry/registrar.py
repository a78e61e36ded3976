"""The registry at work: imports applied as a whole, listings, and rows for the decoder.

Rule 1: numbers are given on first sight, dense, and never given again; a meter is never deleted,
only taken out of use.
Rule 2: what an import does not mention stays: an absent column keeps its values, and an empty
key cell keeps the key, so that keys need not travel with every correction.
Rule 3: calls block; run them through an Offload. One import at a time.
"""

import threading
from collections.abc import Iterable
from itertools import islice

import msgspec

from meteringest.csv_rows import Imported, ImportPart
from meteringest.errors import ConfigError, StoreUnavailable
from meteringest.registry.dcus import DcuNames, import_dcus
from meteringest.registry.layouts import Layouts
from meteringest.registry.meters import Defaults, MeterImport
from meteringest.registry.models import Model
from meteringest.registry.rows import (
    DCU_FIELDS,
    DCUS,
    KEY_FIELDS,
    KEYS_OTHER,
    METER_FIELDS,
    METERS,
    DecoderRow,
    Listing,
    Meter,
    MeterBook,
    NextKeys,
    OtherKeys,
    RegistryStore,
)
from meteringest.registry.sealing import SETTING, MasterKey
from meteringest.registry.time_policies import ruled

BOOK_ROWS = 10_000
SAVE_ROWS = 50_000
NO_MODEL = Model(name="none", source="")


class Registrar:
    """The registry of one store."""

    def __init__(
        self,
        store: RegistryStore,
        book: MeterBook,
        defaults: Defaults,
        master_key: MasterKey | None,
    ) -> None:
        """`book` learns of every change; load_book fills it at the start."""
        self.dcus = DcuNames()
        self._store = store
        self._book = book
        self._defaults = defaults
        self._master_key = master_key
        self._one_at_a_time = threading.Lock()
        self._behind = False
        """An insert went unanswered: the store may have rows that nobody here was told of."""

    def learn(self, layouts: Layouts) -> None:
        """Layouts, models and zones were read again; load_book then tells the decoder."""
        with self._one_at_a_time:
            self._defaults = msgspec.structs.replace(
                self._defaults, layouts=layouts.names, models=layouts.models, zones=layouts.zones
            )

    def load_book(self) -> int:
        """Tells the decoder and the directory all there is; returns the count of meters in use."""
        self.dcus.replace(self._store.load(DCUS))
        meters = (Meter(*row) for row in self._store.load(METERS))  # type: ignore[arg-type]
        count = 0
        while page := list(islice(meters, BOOK_ROWS)):
            count += self._publish(page)
        return count

    def import_rows(self, parts: Iterable[ImportPart]) -> Imported:
        """All parts of one file, or none when any row does not fit the registry."""
        taken = list(parts)
        with self._one_at_a_time:
            if self._behind:
                self.load_book()
                self._behind = False
            try:
                return self._import(taken)
            except StoreUnavailable:
                self._behind = True
                raise

    def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Rows in which some text contains the match; of keys only whether there are any.

        Sealed keys are not looked through: what stands in them is random.
        """
        fields = DCU_FIELDS if listing.table == DCUS else METER_FIELDS
        wanted = listing.match.casefold()
        rows = (
            dict(zip(fields, row, strict=True))
            for row in self._store.load(listing.table)
            if any(
                wanted in value.casefold()
                for name, value in zip(fields, row, strict=True)
                if isinstance(value, str) and name not in KEY_FIELDS
            )
        )
        found = list(islice(rows, listing.limit))
        for row in found:
            for name in KEY_FIELDS:
                if name in row:
                    row[name] = "sealed" if row[name] else ""
        return found

    def _import(self, parts: list[ImportPart]) -> Imported:
        if parts and parts[0].table == DCUS:
            done = import_dcus(parts, self._store, self._defaults.problems_max)
            self.dcus.replace(self._store.load(DCUS))
            return done
        return self._import_meters(parts)

    def _import_meters(self, parts: list[ImportPart]) -> Imported:
        work = MeterImport(self._store, self._defaults, self._master_key)
        work.check(parts)
        dcus_added = work.add_dcus()
        if dcus_added:
            self.dcus.replace(self._store.load(DCUS))
        changes = work.changes(parts)
        while page := list(islice(changes, SAVE_ROWS)):
            self._store.save(METERS, page)
            self._publish(page)
        return msgspec.structs.replace(work.done, dcus_added=dcus_added)

    def _publish(self, page: list[Meter]) -> int:
        """The decoder learns only of what is saved."""
        active = [self._decoder_row(meter) for meter in page if meter.active]
        gone = [meter.meter for meter in page if not meter.active]
        if gone:
            self._book.remove_meters(gone)
        if active:
            self._book.upsert_meters(active)
            turning = [self._next_keys(meter) for meter in page if _turns(meter)]
            if turning:
                self._book.set_next_keys(turning)
            more = [self._other_keys(meter) for meter in page if _has_more(meter)]
            if more:
                self._book.set_other_keys(more)
        return len(active)

    def _decoder_row(self, meter: Meter) -> DecoderRow:
        return (
            meter.meter,
            meter.serial,
            bytes.fromhex(meter.system_title),
            meter.dcu,
            self._opened(meter, "encryption_key"),
            self._opened(meter, "authentication_key"),
            meter.security,
            meter.layout or self._model(meter).family,
            meter.interval_s,
            ruled(meter.time_policy or self._model(meter).time_policy, self._defaults.zones),
            meter.phase,
        )

    def _model(self, meter: Meter) -> Model:
        if not meter.model:
            return NO_MODEL
        model = self._defaults.models.get(meter.model)
        if model is None:
            reason = f"no file has the model {meter.model!r}, which meter {meter.serial} is of"
            raise ConfigError("registry.layouts_dir", reason)
        return model

    def _next_keys(self, meter: Meter) -> NextKeys:
        """A key that is not named stays as it is."""
        return (
            meter.meter,
            self._opened(meter, "next_encryption_key") or self._opened(meter, "encryption_key"),
            self._opened(meter, "next_authentication_key")
            or self._opened(meter, "authentication_key"),
        )

    def _other_keys(self, meter: Meter) -> OtherKeys:
        broadcast, dedicated, kek = (self._opened(meter, column) for column in KEYS_OTHER)
        return meter.meter, broadcast, dedicated, kek

    def _opened(self, meter: Meter, column: str) -> bytes:
        sealed: str = getattr(meter, column)
        if not sealed:
            return b""
        if self._master_key is None:
            raise ConfigError(SETTING, "not set, but the registry holds sealed keys")
        return self._master_key.open(meter.serial, column, sealed)


def _has_more(meter: Meter) -> bool:
    return bool(meter.active and any(getattr(meter, column) for column in KEYS_OTHER))


def _turns(meter: Meter) -> bool:
    return bool(meter.active and (meter.next_encryption_key or meter.next_authentication_key))
