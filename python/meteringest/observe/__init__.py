"""Events become log lines and metrics."""

from meteringest.observe.counters import Counters
from meteringest.observe.log import LogLines
from meteringest.observe.observer import ServiceObserver
from meteringest.observe.prometheus import exposition

__all__ = ["Counters", "LogLines", "ServiceObserver", "exposition"]
