# ruff: noqa: PYI021, PYI054 - the core has no Python source for docstrings; defaults are spelt out.
from collections.abc import Callable
from typing import Any, final

@final
class Fleet:
    def __new__(
        cls,
        seed: int,
        meters: int,
        dcus: int,
        first_meter: int = 1,
        interval_s: int = 1800,
        *,
        first_counter: int = 1,
        mixed: bool = True,
        confirmed: bool = False,
    ) -> Fleet: ...
    def meters_of(self, dcu: int) -> tuple[int, int]: ...
    def slot_at(self, utc_s: int) -> int: ...
    def start_s(self, slot: int) -> int: ...
    def frames(
        self,
        dcu: int,
        first_slot: int,
        slots: int,
        per_push: int,
        *,
        skip: int = 0,
        take: int | None = None,
    ) -> Frames: ...
    def frame(
        self,
        meter: int,
        first_slot: int,
        slots: int,
        *,
        counter: int | None = None,
        shift_s: int = 0,
        added_wh: int = 0,
        wrong_key: bool = False,
    ) -> bytes: ...
    def truth(self, meter: int, slot: int) -> tuple[int, list[int]]: ...
    def sums(self, dcu: int, first_slot: int, slots: int) -> list[int]: ...
    def meter(self, meter: int) -> tuple[str, str, int, str, bool, bool, int]: ...
    def keys(self, meter: int) -> tuple[bytes, bytes]: ...
    def registry_csv(self) -> bytes: ...
    def dcus_csv(self) -> str: ...

@final
class Frames:
    @property
    def octets(self) -> bytes: ...
    @property
    def reads(self) -> int: ...
    @property
    def sums(self) -> list[int]: ...
    def __len__(self) -> int: ...
    def span(self, index: int) -> tuple[int, int]: ...
    def meter(self, index: int) -> int: ...

@final
class Link:
    """One connection's bytes on their way to frames; any thread may use it."""

    def __new__(
        cls,
        link_id: int,
        framing: str = "auto",
        *,
        dcu: int = 0,
        peer: str = "",
        frame_bytes_max: int = 65_543,
        pending_bytes_max: int = 8_388_608,
        acked: int | None = None,
    ) -> Link:
        """A link before its first byte.

        `framing` is auto, wrapper, hdlc, mbus, uplink or prime-dc; any other is a ConfigError.
        `dcu` and `peer` stand in the rows of what the link brings. On an uplink the bytes begin
        after the hello, and with `acked` the next envelope is `acked + 1`: a gap closes the link.
        """

    @property
    def link_id(self) -> int:
        """The number that replies and acknowledgements name the link by."""

    @property
    def waiting(self) -> int:
        """Bytes of whole frames and rejects that wait for `Decoder.decode`."""

    @property
    def closed(self) -> str | None:
        """Why the link is lost and must be closed ("layer: kind at offset"), or None."""

    def feed(self, chunk: bytes) -> int:
        """Copies `chunk`, splits it, and returns what is waiting now.

        Hostile bytes never raise: they become rejects, and at worst `closed`. Feeding a link that
        already has `pending_bytes_max` waiting raises InvariantError: decode first.
        """

    def feed_datagram(self, chunk: bytes, bytes_max: int) -> int:
        """Like `feed`, for one datagram: what is not whole in it becomes a reject at once.

        One of more than `bytes_max` bytes is one reject with the first `bytes_max` of them.
        """

    def finish(self) -> None:
        """The stream has ended: half a frame becomes a reject."""

@final
class Decoder:
    """Frames to checked columns: registry, keys, layouts, invocation counters, duplicate windows.

    Any thread may use it; one call runs at a time. All calls let other threads run meanwhile.
    """

    def __new__(cls, node: int, config_json: bytes) -> Decoder:
        """A decoder that knows no meters and no layouts yet.

        `config_json` is one object; what it leaves out has its default, an unknown key is a
        ConfigError: `future_tolerance_s` 900, `too_old_days` 90, `registers_too_old_days` 1825,
        `duplicate_window` 96 (intervals of a meter), `open_keys_max` 65536 (expanded keys kept),
        `reject_raw_bytes_max` 4096 (of one reject), `reject_raw_bytes_per_peer_max` 1048576 and
        `rejects_per_peer_max` 10000 (of one peer in one batch), `rejects_bytes_per_peer_day_max`
        1 GiB and `rejects_bytes_day_max` 8 GiB (of one and of all peers in a day),
        `reject_peers_max` 65536 (budgets of peers kept apart), `transfer_bytes_max` 1048576 (of a
        message in blocks), `transfers_bytes_max` 67108864 (of all that wait) and
        `transfers_bytes_per_link_max` 8388608 (of one link or concentrator), `transfer_timeout_s`
        300, `wrong_key_after` 3 (failures in a row), `wrong_key_meters_max` 65536,
        `key_overlap_days` 7, `other_counters_per_meter_max` 64 (of keys beside the global unicast
        ones), `associations_max` 65536 (over all links), `hash_seed` 0 (keys the duplicate
        windows; a snapshot only fits the seed it was made under).
        """

    @property
    def node(self) -> int:
        """The number of this ingest node."""

    @property
    def uplinks_taken(self) -> dict[int, int]:
        """The highest envelope sequence taken from each concentrator."""

    @property
    def footprint(self) -> dict[str, int]:
        """`meters` that may send, and bytes held: registry, state, open_keys, transfers."""

    def upsert_meters(
        self,
        rows: list[tuple[int, str, bytes, int, bytes, bytes, str, str, int, str]]
        | list[tuple[int, str, bytes, int, bytes, bytes, str, str, int, str, str]],
    ) -> None:
        """Adds or replaces meters; the next `decode` knows them.

        A row is (meter, serial, system title, dcu, encryption key, authentication key, security,
        layout, interval_s, time policy), and the phase may follow. Title and keys may be empty;
        `security` is none, encrypt, authenticate or encrypt+authenticate; the layout must be set.
        Rows that cannot be taken raise one RegistryError that names each; the others are taken.
        """

    def set_next_keys(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        """Names the keys that meters are to turn to; empty ones end a rotation.

        A row is (meter, next encryption key, next authentication key). The first frame that
        verifies under them turns the meter; `key_overlap_days` later its old key is none. Replacing
        a meter by `upsert_meters` forgets its next keys.
        """

    def set_other_keys(self, rows: list[tuple[int, bytes, bytes, bytes]]) -> None:
        """Names the keys of meters beside their global unicast ones; empty ones are none.

        A row is (meter, broadcast key, dedicated key, the key that wraps others). Replacing a meter
        by `upsert_meters` forgets them.
        """

    def remove_meters(self, ids: list[int]) -> None:
        """Their frames are from now on those of unknown meters; their counters are kept."""

    def set_layouts(self, json: bytes, families: bytes | None = None) -> None:
        """Replaces all layouts: an array of objects, each one file of meteringest/layouts.

        `families` is an object of names and the layouts that go by each: a meter of a family may
        push by any of them, and a body is tried against the first before the others.
        A layout that cannot be is a ConfigError, and the old ones stay.
        """

    def set_profiles(self, json: bytes, event_codes: bytes) -> None:
        """Replaces all profiles of registers and events, and what event codes mean.

        `json` is an array of objects, each one file of meteringest/layouts with table "registers";
        `event_codes` is one object with `source`, `bits` and `codes`. What cannot be is a
        ConfigError, and the old ones stay.
        """

    def survey(
        self,
        rejects: list[tuple[int, int, int, str, bytes, bytes, tuple[int, int, int] | None]],
    ) -> list[tuple[int, int, int, int, int, int, int, str]]:
        """What rejects would bring if they were decoded again; changes nothing.

        A reject is (position, receive time in ms, concentrator, peer, raw bytes, what its envelope
        called the meter or nothing, and (meter, counter, flags) when it is one row of a body); of
        each comes (meter, counter, mark, first interval start, last one, first register time, last
        one, layer/kind it would be refused as).
        """

    def reconsider(
        self,
        rejects: list[tuple[int, int, int, str, bytes, bytes, tuple[int, int, int] | None]],
        accepted: list[tuple[int, int]],
        standing: list[tuple[int, int, int, int]],
        registers: list[tuple[int, int, str, str, int, int, int]],
        marks: list[tuple[int, int]],
        now_ms: int,
    ) -> tuple[Batch, list[tuple[int, int, int, str]]]:
        """Decodes rejects again; the batch must reach the journal like any other.

        `accepted` holds (meter, counter) of frames that left a row in the store, `standing`
        (meter, interval start, version, counter) of stored reads, `registers` (meter, time,
        profile, logical name, attribute, version, counter) of stored registers: of every meter
        that the survey named. `marks` are the survey's, by meter: a reject whose meter has sent
        since is refused (check/bad_sequence) and may be surveyed anew. Of each reject comes (reads,
        registers, events stored, layer/kind it is still refused as).
        """

    def reads_marks(self, meters: list[int]) -> list[tuple[int, int]]:
        """Of each meter, a number that changes with everything accepted of its reads."""

    def retime(
        self,
        rows: bytes,
        wanted: tuple[int, int],
        fetched: tuple[int, int],
        marks: list[tuple[int, int]],
        now_ms: int,
        *,
        dry: bool = False,
    ) -> tuple[Batch, dict[str, int]]:
        """Applies the present time policies to stored reads; the batch must reach the journal.

        `rows` are the newest versions of some meters' reads between `fetched`, RowBinary, in the
        order of meters and interval starts; of these the ones between `wanted` are asked for (both
        first start and the one after the last). `marks` are reads_marks before they were fetched: a
        meter that has sent since is left alone and counted as `busy`. `wider` is 1 when a read
        moves beyond `fetched`: nothing is done then. The other counts: `seen`, `moved`,
        `withdrawn`, `undecided`, `unknown`.
        """

    def decode(self, links: list[Link], now_ms: int) -> Batch:
        """Takes all waiting frames of `links`, in order, as received at `now_ms`.

        Counters and windows have moved when this returns, so the batch must reach the journal.
        When it cannot, the process must be restarted: a repeated frame would count as a duplicate
        of one that was never written.
        """

    def snapshot(self) -> bytes:
        """Counters, windows and uplink marks, to be kept with the position decoded up to."""

    def restore(self, snapshot: bytes) -> None:
        """Continues from a snapshot; JournalCorrupt when it is damaged or of another hash seed."""

    def replay(self, record: bytes, first: int) -> None:
        """Takes a journal record (whose first row has position `first`) into counters and windows.

        After `restore`, every record from the snapshot's position on must be replayed in order.
        """

    def records_lost(self, now_s: int) -> None:
        """Records that it was to replay are gone: what was stored until now is not known.

        Reads that start before `now_s` (seconds since 1970) plus `future_tolerance_s` and are in no
        window are UNCHECKED from here on: the writer keeps whatever version they replace.
        """

@final
class Batch:
    """What one `Decoder.decode` made; never changes."""

    @property
    def rows(self) -> int:
        """Positions the record takes; 0 is nothing to journal."""

    @property
    def record(self) -> bytes:
        """The journal record, as `Decoder.replay` and the gathering into blocks read it."""

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """Frames and reads by outcome, and `rejected` by kind.

        `frames` = `frames_accepted` + `frames_quarantined` + `frames_duplicate`; `reads` =
        `reads_accepted` + `reads_quarantined` + `reads_duplicate`; `reads_changed` are among the
        accepted; `registers` and `events` are rows of other profiles;
        `wrong_keys`, when there are any, are failures in a row by meter.
        """

    @property
    def replies(self) -> list[tuple[int, bytes]]:
        """(link id, bytes to send once the record is durable), in order."""

    @property
    def uplink(self) -> list[tuple[int, int]]:
        """(link id, highest sequence taken), to be acknowledged once the record is durable."""

    @property
    def waits(self) -> bool:
        """Whether blocks wait for the rest of their message.

        A later `decode`, which may be one without links, quarantines them when their time is up.
        """

@final
class Journal:
    """Append-only segments in a folder that belongs to this process alone.

    Any thread may use it. What goes wrong raises JournalError or one of its kinds; after a failed
    write or sync every further append and sync raises, and only a restart helps.
    """

    def __new__(
        cls,
        path: str,
        *,
        node: int,
        segment_bytes: int,
        created_s: int,
        free_bytes_min: int = 268_435_456,
        pending_bytes_max: int = 268_435_456,
        salvage: bool = False,
    ) -> Journal:
        """Opens the folder, made when missing, and repairs what a crash left.

        A new journal's first position is `created_s` << 20. `free_bytes_min` is the free disk and
        `pending_bytes_max` the unsynced memory beyond which `append` raises JournalFull. Damage is
        JournalCorrupt, or with `salvage` gone past and reported; a folder in use is JournalLocked.
        """

    @property
    def recovery(self) -> dict[str, Any]:
        """What opening found: `records`, `torn_bytes`, `appended`, `stored`, `skipped`.

        `skipped` is a list of (segment, offset, end, first, next): bytes [offset, end) of the
        segment were gone past, and rows [first, next) with them.
        """

    @property
    def first(self) -> int:
        """The oldest position that is kept."""

    @property
    def appended(self) -> int:
        """The position after the last appended row."""

    @property
    def durable(self) -> int:
        """The position after the last row that is safe on disk."""

    @property
    def stored(self) -> int:
        """The position up to which `release` was told that the store has everything."""

    @property
    def bytes_on_disk(self) -> int:
        """How much the segments hold."""

    def free_bytes(self) -> int:
        """What the disk has left for this process."""

    def append(self, batch: Batch, now_ms: int) -> int:
        """Takes the batch's record into memory; returns the position after its last row."""

    def append_record(self, record: bytes, rows: int, now_ms: int) -> int:
        """The same for a record that is at hand as bytes."""

    def on_append(self, wake: Callable[[], object] | None) -> None:
        """Calls `wake` after each append in the thread that appended; None for nobody."""

    def sync(self) -> int:
        """Blocks until everything appended before is safe; returns the durable position.

        JournalFull leaves what was appended in memory, and the next sync tries it again.
        """

    def gather(
        self, first: int, *, rows_max: int, until: int | None = None, bytes_max: int = 268_435_456
    ) -> Gathered | None:
        """Merges the durable records from `first` on; None when there are none.

        Whole records up to `rows_max` rows and `bytes_max` bytes, one at least; with `until`,
        exactly the records up to there, or JournalError when no record ends there.
        """

    def records(
        self, first: int, *, rows_max: int, bytes_max: int = 268_435_456
    ) -> list[tuple[int, int, int, bytes]]:
        """(first position, rows, receive time in ms, record) of the durable records."""

    def replay_into(self, decoder: Decoder, first: int) -> int:
        """Replays all durable records from `first` on; returns the position after the last."""

    def received_ms_at(self, position: int) -> int | None:
        """When the record at `position` was appended; None when nothing durable is there."""

    def release(self, stored: int, keep_from: int | None = None) -> int:
        """Notes durably that the store has everything before `stored`; returns the bytes freed.

        Segments wholly before both positions are removed, the newest never.
        """

    def write_checkpoint(self, name: str, checkpoint: bytes) -> None:
        """Replaces the bytes under `name` (a-z and _), durably, wholly or not at all."""

    def read_checkpoint(self, name: str) -> bytes | None:
        """What was last written under `name`."""

@final
class SimulatedDisk:
    """A folder in memory with its page cache, which fails on demand; for simulations."""

    def __new__(cls) -> SimulatedDisk:
        """Empty, and without faults."""

    @property
    def syncs(self) -> int:
        """How often something was made durable."""

    @property
    def killed_in_write(self) -> int:
        """How many processes `kill_in_write` has ended."""

    def journal(
        self,
        *,
        node: int,
        segment_bytes: int,
        created_s: int,
        free_bytes_min: int = 0,
        pending_bytes_max: int = 268_435_456,
        salvage: bool = False,
        seed: int = 0,
    ) -> Journal:
        """Opens the folder for the process of now, as `Journal` does; `seed` is its secret."""

    def kill(self) -> None:
        """Ends the process: what its journal still tries fails. The page cache stays."""

    def power_cut(self, seed: int) -> None:
        """Ends the process and the page cache; `seed` says what of it had reached the disk."""

    def meet(self, fault: str, bytes: int = 0) -> None:  # noqa: A002 (the native keyword)
        """What the next call of its kind runs into; several are met in order.

        `short_write` takes `bytes`, `kill_in_write` takes them and ends the process,
        `write_error` takes nothing, `sync_error` loses what it should have made durable.
        """

    def heal(self) -> None:
        """Forgets the faults that nothing has met yet, and any limit."""

    def limit(self, bytes: int | None) -> None:  # noqa: A002 (the native keyword)
        """How much all files together may hold."""

    def flip(self, name: str, bit: int) -> bool:
        """Turns one bit of a file over; False when it has no such bit."""

    def files(self) -> list[tuple[str, int]]:
        """Every name with its length."""

    def durable(self) -> SimulatedDisk:
        """A copy that holds only what is sure to survive a power cut now."""

@final
class Gathered:
    """Neighbouring journal records, merged into one sorted Native block for each table."""

    @property
    def first(self) -> int:
        """The position of its first row."""

    @property
    def next(self) -> int:
        """The position after its last row."""

    @property
    def reads(self) -> int:
        """Rows of m.reads and m.read_history in it."""

    @property
    def changed(self) -> list[tuple[int, int]]:
        """(meter, interval_start) of reads that may replace a stored one."""

    @property
    def received_ms(self) -> tuple[int, int]:
        """When its oldest and its newest record were received."""

    @property
    def blocks(self) -> list[tuple[str, bytes]]:
        """(table, Native block), to be inserted in this order."""

def inspect(line_json: bytes) -> bytes: ...
def verify_journal(journal: Journal) -> dict[str, Any]:
    """Reads every durable byte again and changes nothing; any thread, beside appends and syncs.

    `segments`, `records` and `bytes` were read, `released` segments left an entry; `given_up` holds
    (first, next) of rows lost to a salvage, `faults` (path, offset, what does not fit), `head` the
    digest that covers all segments which have a successor.
    """
