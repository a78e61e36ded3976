"""Every metric by name: what it counts, and by which labels; docs/operations/metrics.md shows it.

Rule 1: a name ends in its unit, or in _total when it counts. What nothing has moved yet and has no
labels is shown as 0, so that an alarm on it is armed from the start.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct


class Metric(Struct, frozen=True):
    """What a metric means."""

    meaning: str
    labels: tuple[str, ...] = ()
    histogram: bool = False


def unmoved() -> Iterator[str]:
    """Counters without labels."""
    for name, metric in CATALOGUE.items():
        if name.endswith("_total") and not metric.labels:
            yield name


_WATERMARKS = {
    "journal_appended_rows": Metric("journal position after the last row received"),
    "journal_durable_rows": Metric("journal position below which every row is on disk"),
    "journal_stored_rows": Metric("journal position below which every row is in ClickHouse"),
    "lag_reads": Metric(
        "rows between two positions: to=durable waits for the disk, to=stored for ClickHouse",
        ("to",),
    ),
    "lag_seconds": Metric("how long the oldest of those rows has waited", ("to",)),
    "ack_latency_seconds": Metric(
        "from a batch's oldest frame being received to its acknowledgements being sent",
        histogram=True,
    ),
}
_INTAKE = {
    "links_open": Metric("links that are open", ("listener",)),
    "links_max": Metric("links the process has descriptors for, over all listeners"),
    "links_opened_total": Metric("links let in", ("listener",)),
    "links_refused_total": Metric("peers turned away, by the rule", ("listener", "rule")),
    "links_closed_total": Metric("links ended, by why", ("listener", "rule")),
    "link_failed_total": Metric("links ended by a fault of ours"),
    "charging_failed_total": Metric("charging passes that met a fault of ours"),
    "command_failed_total": Metric("commands that met a fault of ours"),
    "certificates_kept_total": Metric("times that certificate files could not be read again"),
    "accept_failed_total": Metric("accepts that found no descriptor or memory"),
    "received_bytes_total": Metric("bytes of links that have ended", ("listener",)),
    "frames_total": Metric("frames received"),
    "frames_accepted_total": Metric("frames whose reads were taken"),
    "frames_quarantined_total": Metric("frames kept as rejects"),
    "frames_duplicate_total": Metric("frames that brought nothing new"),
    "reads_total": Metric("reads in frames that were not refused whole"),
    "reads_accepted_total": Metric("reads on their way to ClickHouse"),
    "reads_quarantined_total": Metric("reads refused one by one"),
    "reads_duplicate_total": Metric("reads known before with the same value"),
    "reads_changed_total": Metric("accepted reads with another value than before"),
    "registers_total": Metric("register values accepted"),
    "events_total": Metric("meter events accepted"),
    "rejected_total": Metric("frames and reads refused, by kind", ("kind",)),
    "wrong_key_alarms_total": Metric("meters whose frames keep failing under their key"),
    "uplink_ahead_total": Metric("concentrators that were told more than the journal knows"),
    "batches_total": Metric("batches decoded and appended"),
    "batches_durable_total": Metric("batches on disk"),
    "frame_bytes_total": Metric("bytes of frames decoded"),
    "decode_seconds_total": Metric("time spent decoding"),
    "intake_pending_bytes": Metric("frames received and not yet in the journal"),
    "intake_held": Metric("1 while no socket is read or nothing acknowledged"),
    "intake_held_total": Metric("times that the line was full"),
    "journal_full_held_total": Metric("times that the disk had no room for a batch"),
    "drain_cut_total": Metric("stops that left something unacknowledged"),
}
_JOURNAL = {
    "journal_disk_bytes": Metric("the journal's files: what ClickHouse has not taken, and a rest"),
    "journal_syncs_total": Metric("groups synced"),
    "journal_sync_seconds_total": Metric("time spent syncing"),
    "journal_rows_synced_total": Metric("rows synced"),
    "journal_sync_held_total": Metric("syncs that found no room"),
    "checkpoint_skipped_total": Metric("decoder checkpoints that found no room"),
    "disk_free_bytes": Metric("what is free on the journal's disk"),
    "disk_reserve_bytes": Metric("below this much nothing is acknowledged"),
}
_STORE = {
    "store_insert_seconds": Metric(
        "from a range's first attempt to its being in ClickHouse, waits included", histogram=True
    ),
    "store_ranges_total": Metric("ranges stored"),
    "store_reads_total": Metric("reads stored"),
    "store_rows_total": Metric("rows stored, of all tables"),
    "store_rows_set_aside_total": Metric("rows ClickHouse refused for what is in them, kept aside"),
    "store_rows_aside_taken_total": Metric("of these, rows it has taken since"),
    "store_retries_total": Metric("attempts that have to be made again"),
    "store_refusing_total": Metric("refusals that no repetition will mend"),
    "store_trouble": Metric("1 while ClickHouse does not take what waits"),
    "store_trouble_seconds": Metric("how long it has not"),
    "block_cut_total": Metric("blocks that spanned more days than one insert may"),
    "endpoint_connections_open": Metric("connections of the read-only endpoint"),
    "endpoint_refused_total": Metric("requests refused, by ClickHouse's code", ("code",)),
    "endpoint_faulted_total": Metric("connections of the endpoint ended by a fault of ours"),
}
_OUTBOX = {
    "order_refused_total": Metric("payments and other orders refused: see m.refused_entries"),
    "dues_entered_total": Metric("times instalments and leftovers of conversions were entered"),
    "charge_backlog_reads": Metric("stored reads that no charge was made from yet"),
    "charge_age_seconds": Metric("how old the oldest of those is"),
    "outbox_notices_total": Metric("low-balance notices written to m.outbox"),
    "outbox_disconnects_total": Metric("disconnects decided, a row for each meter"),
    "outbox_reconnects_total": Metric("reconnects decided, a row for each meter"),
    "deciding_waits_total": Metric("times that a decision waited for the store"),
}
_PROCESS = {
    "ready": Metric("1 when /readyz says yes"),
    "uptime_seconds": Metric("since the start"),
    "build_info": Metric("always 1; the version is its label", ("version",)),
    "memory_resident_bytes": Metric("memory of the process"),
    "decoder_memory_bytes": Metric("memory of the decoder, by what for", ("part",)),
    "decoder_meters": Metric("meters that may send"),
    "cpu_seconds_total": Metric("processor time of the process"),
    "descriptors_open": Metric("open files and sockets"),
    "descriptors_max": Metric("how many there may be"),
    "watch_refused_total": Metric("connections of this listener turned away, by why", ("rule",)),
    "rejects_replayed_total": Metric("rejects decoded again"),
    "rejects_resolved_total": Metric("of those: rejects that are none any more"),
    "log_lines_left_out_total": Metric("log lines that a flood of their kind left out"),
    "log_write_errors_total": Metric("log lines that could not be written"),
    "metric_series_dropped_total": Metric("series that would have been too many"),
}
CATALOGUE: Mapping[str, Metric] = MappingProxyType(
    {**_WATERMARKS, **_INTAKE, **_JOURNAL, **_STORE, **_OUTBOX, **_PROCESS}
)
