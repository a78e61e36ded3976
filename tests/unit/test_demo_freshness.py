"""From stored to charged, by what a stranger sees: percentiles of reads, not of ranges."""

from collections.abc import Sequence

from meteringest_sim.demo.freshness import Freshness, Looks

BATCHES = [(1, 10, 98, 1_000), (1, 20, 1, 2_000), (1, 30, 1, 3_000), (1, 40, 9, 9_000)]


def test_a_range_is_charged_when_the_watermark_has_passed_it() -> None:
    """The last range is not charged yet and still waits; the first has most of the reads."""
    clock = iter((1_500, 2_500, 7_000, 20_000))
    charged = 0

    def query(sql: str) -> Sequence[Sequence[object]]:
        return BATCHES if "m.batches" in sql else [(1, charged)]

    looks = Looks(lambda: next(clock))
    for charged in (9, 9, 10, 30):  # noqa: B007 (query sees it)
        looks.look(query)
    assert looks.found(query) == Freshness(p50_s=1.5, p99_s=11.0, max_s=11.0)


def test_nothing_charged_is_nothing_found() -> None:
    looks = Looks(lambda: 0)
    assert looks.found(lambda _: []) == Freshness()
