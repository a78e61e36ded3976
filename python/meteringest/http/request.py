"""One HTTP request, whole and within its server's bound."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct


class Request(Struct, frozen=True):
    """One HTTP request, its header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query string."""
        return urlsplit(self.target).path

    @property
    def fields(self) -> dict[str, str]:
        """The query string's."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))
