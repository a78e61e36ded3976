"""Counters as a Prometheus scrape reads them (text exposition format 0.0.4)."""

from collections.abc import Mapping

PREFIX = "meteringest_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(counters: Mapping[str, float]) -> str:
    """One line a series, with a TYPE line before each metric's first."""
    lines: list[str] = []
    seen = ""
    for key, value in sorted(counters.items(), key=lambda series: _metric(series[0])):
        if (metric := _metric(key)) != seen:
            kind = "counter" if metric.endswith("_total") else "gauge"
            lines.append(f"# TYPE {PREFIX}{metric} {kind}")
            seen = metric
        lines.append(f"{PREFIX}{key} {value:.17g}")
    return "\n".join(lines) + "\n"


def _metric(key: str) -> str:
    return key.partition("{")[0]
