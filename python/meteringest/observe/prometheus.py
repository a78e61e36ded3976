"""Counters as a Prometheus scrape reads them (text exposition format 0.0.4)."""

import re
from collections.abc import Iterable, Iterator, Mapping

from meteringest.observe.catalogue import CATALOGUE

PREFIX = "meteringest_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(series: Mapping[str, float], promised: Iterable[str] = ()) -> str:
    """One line a series, metric by metric; each begins with what it is.

    What is `promised` is named even when it has no series yet.
    """
    histograms = {
        _metric(key).removesuffix(BUCKET) for key in series if _metric(key).endswith(BUCKET)
    }
    metrics: dict[str, list[str]] = {name: [] for name in promised}
    for key in series:
        metrics.setdefault(_family(_metric(key), histograms), []).append(key)
    lines: list[str] = []
    for metric in sorted(metrics):
        known = CATALOGUE.get(metric)
        histogram = known.histogram if known else metric in histograms
        lines += _head(metric, known.meaning if known else "", histogram=histogram)
        lines += (f"{PREFIX}{key} {series[key]:.17g}" for key in sorted(metrics[metric], key=_rank))
    return "\n".join(lines) + "\n"


def _head(metric: str, meaning: str, *, histogram: bool) -> Iterator[str]:
    kind = "histogram" if histogram else "counter" if metric.endswith("_total") else "gauge"
    if meaning:
        yield f"# HELP {PREFIX}{metric} {meaning}"
    yield f"# TYPE {PREFIX}{metric} {kind}"


def _metric(key: str) -> str:
    return key.partition("{")[0]


def _family(metric: str, histograms: set[str]) -> str:
    """A histogram's series have its name and an ending of theirs."""
    base = re.sub(r"_(bucket|sum|count)$", "", metric)
    return base if base in histograms else metric


def _rank(key: str) -> tuple[str, float, str]:
    """Buckets by their bounds, as numbers."""
    bound = re.search(r'[{,]le="([^"]+)"}$', key)
    return _metric(key), float(bound[1]) if bound else 0.0, key


BUCKET = "_bucket"
