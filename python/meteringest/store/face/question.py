"""From an HTTP request to a question: statement, parameters, settings, how the answer is wanted.

Rule 1: no I/O; the whole body is at hand, its size already bounded.
Rule 2: what ClickHouse's HTTP interface calls a parameter is one of three things: the transport's,
a value for the statement (`param_x`), or a setting of the engine.
"""

from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP

from msgspec import Struct

from meteringest.http.request import Request
from meteringest.store.face.refusal import Refusal


class Question(Struct, frozen=True):
    """What is to be run, and how."""

    sql: bytes
    database: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    query_id: str
    default_format: str
    whole: bool
    compressed: bool


def question_of(request: Request, body: bytes) -> Question:
    """The question a request asks; `body` is its body, unpacked."""
    fields = request.fields
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        fields |= _form(kind, body)
        body = b""
    sql = b"\n".join(part for part in (fields.get("query", "").encode(), body) if part)
    return Question(
        sql=sql,
        database=fields.get("database", ""),
        parameters={
            name.removeprefix(_PARAMETER): value
            for name, value in fields.items()
            if name.startswith(_PARAMETER)
        },
        settings={
            name: value
            for name, value in fields.items()
            if name not in _TRANSPORT and not name.startswith(_PARAMETER)
        },
        query_id=fields.get("query_id", ""),
        default_format=fields.get("default_format")
        or request.headers.get("x-clickhouse-format", "TabSeparated"),
        whole=fields.get("wait_end_of_query") == "1",
        compressed=fields.get("enable_http_compression", "1") == "1",
    )


def _form(kind: str, body: bytes) -> dict[str, str]:
    """A form's text fields; files would be external tables, which a read-only session cannot."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body
    )
    if not message.is_multipart():
        raise Refusal(36, "BAD_ARGUMENTS", "the multipart form cannot be read")
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        if part.get_filename():
            raise Refusal(
                48, "NOT_IMPLEMENTED", "external data is not taken here; use an Array parameter"
            )
        name = str(part.get_param("name", "", header="content-disposition"))
        content = part.get_payload(decode=True)
        try:
            fields[name] = content.decode() if isinstance(content, bytes) else ""
        except UnicodeDecodeError as error:
            raise Refusal(36, "BAD_ARGUMENTS", f"form field {name} is not UTF-8") from error
    return fields


_PARAMETER = "param_"
# Read by the transport, or without meaning here: a session of the endpoint holds no state, because
# nothing can be SET or created in it.
_TRANSPORT = frozenset(
    {
        *(
            "query",
            "database",
            "user",
            "password",
            "query_id",
            "default_format",
            "quota_key",
            "role",
        ),
        *("session_id", "session_timeout", "session_check", "client_protocol_version"),
        *("wait_end_of_query", "buffer_size", "compress", "decompress", "enable_http_compression"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "stacktrace"),
        "cancel_http_readonly_queries_on_client_close",
    }
)
