"""A scrape, read as strictly as the text format 0.0.4 is written, and a service that is scraped."""

import re
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

from msgspec import Struct
from tests.crash.running import House, decoded_log

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.e+-]+|NaN|[+-]Inf)")
HEAD = re.compile(rf"# (HELP|TYPE) ({NAME}) (.+)")
UNITS = ("_seconds", "_bytes", "_rows", "_reads", "_total", "_info", "_open", "_max")
FLAGS = frozenset({"ready", "intake_held", "store_trouble", "decoder_meters"})
Labels = tuple[tuple[str, str], ...]


class Metric(Struct):
    """A metric with its samples."""

    kind: str
    samples: dict[tuple[str, Labels], float]


def parsed(text: str) -> dict[str, Metric]:
    """Every metric by name; asserts what Prometheus would reject, and our own rules of names."""
    assert text.endswith("\n")
    metrics: dict[str, Metric] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith("#"):
            head = HEAD.fullmatch(line)
            assert head, line
            what, name, words = head.groups()
            if what == "TYPE":
                assert name not in metrics, f"{name} comes in two places"
                assert words in {"counter", "gauge", "histogram"}, line
                metrics[name], current = Metric(words, {}), name
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, value = sample[1], sample[2] or "", float(sample[7])
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert current in {name, base}, f"{name} stands under {current}"
        key = name, tuple(re.findall(LABEL, labels))
        assert key not in metrics[current].samples, line
        metrics[current].samples[key] = value
    for name, metric in metrics.items():
        _check(name, metric)
    return metrics


def _check(name: str, metric: Metric) -> None:
    plain = name.removeprefix("meteringest_")
    assert plain != name, name
    assert plain.endswith(UNITS) or plain in FLAGS, f"{name} names no unit"
    assert (metric.kind == "counter") == name.endswith("_total"), name
    if metric.kind == "histogram":
        buckets = [
            (float(dict(labels)["le"]), count)
            for (series, labels), count in metric.samples.items()
            if series == f"{name}_bucket"
        ]
        if not buckets:
            assert not metric.samples
            return
        assert buckets == sorted(buckets), f"{name}: {buckets}"
        assert buckets[-1] == (float("inf"), metric.samples[f"{name}_count", ()])


class Watch:
    """The watcher's side of a running service."""

    def __init__(self, house: House) -> None:
        listening = [e for e in decoded_log(house.folder) if e["event"] == "watch_listening"]
        self.url = f"http://127.0.0.1:{listening[-1]['port']}"

    def ask(self, place: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + place, timeout=10) as answer:  # noqa: S310 (ours)
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> dict[str, Metric]:
        status, text = self.ask("/metrics")
        assert status == 200
        return parsed(text)

    def value(self, name: str, **labels: str) -> float:
        """One figure; 0 when nothing has moved it yet."""
        metric = self.metrics().get(f"meteringest_{name}")
        if metric is None:
            return 0.0
        wanted = set(labels.items())
        return sum(
            value
            for (series, found), value in metric.samples.items()
            if series == f"meteringest_{name}" and wanted <= set(found)
        )


def open_house(folder: Path, *, settings: str = "") -> tuple[House, Watch]:
    """A service that runs, and its watcher."""
    house = House(folder, settings=settings)
    house.start()
    return house, Watch(house)
