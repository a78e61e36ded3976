"""Who asks: names and passwords out of the settings, compared in constant time."""

import base64
from collections.abc import Mapping

from meteringest.model import Secret
from meteringest.store.face.refusal import Refusal

_NOBODY = Secret("\0 no password is this")


def user_of(
    headers: Mapping[str, str], parameters: Mapping[str, str], users: Mapping[str, Secret]
) -> str:
    """The user's name, once the password is right; a Refusal that does not say which was wrong."""
    name, password = _presented(headers, parameters)
    # The comparison happens for unknown names too, so that they take as long.
    right = Secret(password) == users.get(name, _NOBODY)
    if not right:
        hint = "" if users else "; no user is configured, see endpoint.users"
        raise Refusal(
            516,
            "AUTHENTICATION_FAILED",
            f"{name}: Authentication failed: password is incorrect, or there is no user with such "
            f"name{hint}.",
        )
    return name


def _presented(headers: Mapping[str, str], parameters: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:  # not base64, not ASCII, not UTF-8
            return "", ""
        return name, password
    return (
        headers.get("x-clickhouse-user", parameters.get("user", "default")),
        headers.get("x-clickhouse-key", parameters.get("password", "")),
    )
