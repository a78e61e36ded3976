"""What a question may do: the only policy of the service is to read, within limits.

Rule 1: the statement is checked (statements.py), the engine's handle is set to readonly = 1, and
the engine's user holds no grant on sources (engine.py): each alone would have a hole.
Rule 2: a setting is passed on only if it is listed here; one that bounds cost never beyond
the endpoint's own bound.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from meteringest.store.face.question import Question
from meteringest.store.face.refusal import Refusal
from meteringest.store.face.settings import EndpointSettings
from meteringest.store.face.statements import admit, check_parameters


class Task(Struct, frozen=True):
    """A question that may run: statements that prepare a fresh handle, then the one to answer."""

    prepare: tuple[str, ...]
    sql: str
    format: str
    parameters: Mapping[str, str]
    reads: bool
    streamed: bool


class Policy(Protocol):
    """Decides over each question before the engine sees it."""

    def allow(self, question: Question) -> Task:
        """The task to run; raises Refusal."""
        ...


class ReadOnly:
    """Reading statements, bounded in time, memory and size."""

    def __init__(self, settings: EndpointSettings) -> None:
        """Takes the bounds."""
        self._streamed = {
            "max_execution_time": settings.execution_max_s,
            "max_memory_usage": settings.memory_bytes_max,
            "max_result_rows": settings.result_rows_max,
            "max_threads": settings.threads_max,
        }
        self._whole = {**self._streamed, "max_result_bytes": settings.result_bytes_max}

    def allow(self, question: Question) -> Task:
        """Reading statements pass, with the settings of theirs that are on the list."""
        try:
            text = question.sql.decode()
        except UnicodeDecodeError as error:
            raise Refusal(62, "SYNTAX_ERROR", "the statement is not UTF-8") from error
        statement = admit(text)
        check_parameters(statement, question.parameters)
        form = statement.format or question.default_format
        if not _NAME.fullmatch(form):
            raise Refusal(73, "UNKNOWN_FORMAT", f"Unknown format {form!r}")
        streamed = statement.streams and not question.whole and form in STREAMED_FORMATS
        bounds = self._streamed if streamed else self._whole
        return Task(
            prepare=(*_use(question.database), _set(question.settings, bounds), "SET readonly = 1"),
            sql=_SETTINGS_ANSWER if statement.words == _HANDSHAKE else statement.sql,
            format=form,
            parameters=question.parameters,
            reads=True,
            streamed=streamed,
        )


def _set(wanted: Mapping[str, str], bounds: Mapping[str, int]) -> str:
    values = {name: str(bound) for name, bound in bounds.items()}
    for name, value in wanted.items():
        if name in _BOUNDED:
            values[name] = str(_within(name, value, bounds.get(name, 0)))
        elif _listed(name):
            values[name] = value
        else:
            words = f"Cannot modify '{name}' setting in readonly mode."
            raise Refusal(164, "READONLY", words)
    return "SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in values.items())


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _use(database: str) -> tuple[str, ...]:
    """The store's own database unless another is asked for."""
    if not re.fullmatch(r"\w*", database):
        raise Refusal(81, "UNKNOWN_DATABASE", f"Database {database} does not exist")
    return (f"USE `{database or 'm'}`",)


def _within(name: str, value: str, bound: int) -> int:
    """The smaller of the two; 0 means "no bound" to the engine, so here it means ours."""
    try:
        wanted = int(float(value))
    except (ValueError, OverflowError) as error:
        raise Refusal(27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", f"{name} = {value!r}") from error
    if wanted <= 0 or bound == 0:
        return max(wanted, bound)
    return min(wanted, bound)


def _listed(name: str) -> bool:
    if not _NAME.fullmatch(name) or name in _UNLISTED:
        return False
    return name in _LISTED or name.startswith(_LISTED_PREFIX)


# Formats whose blocks may simply follow one another.
STREAMED_FORMATS = frozenset(
    {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "TSVRaw"}
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LISTED_PREFIX = "output_format_"
_UNLISTED = frozenset({"output_format_schema"})  # It writes a file.
_LISTED = frozenset(
    {
        *("date_time_input_format", "date_time_output_format", "session_timezone", "extremes"),
        *("cast_string_to_dynamic_use_inference", "join_use_nulls", "group_by_use_nulls"),
        *("max_block_size", "max_rows_to_read", "max_bytes_to_read", "max_columns_to_read"),
        *("max_rows_to_group_by", "max_rows_in_join", "max_bytes_in_join", "transform_null_in"),
        *(
            "format_csv_delimiter",
            "prefer_column_name_to_alias",
            "union_default_mode",
            "log_comment",
        ),
        *("limit", "offset", "aggregate_functions_null_for_empty", "use_uncompressed_cache"),
    }
)
_BOUNDED = frozenset(
    {
        *("max_execution_time", "max_memory_usage", "max_result_rows", "max_result_bytes"),
        "max_threads",
    }
)
# A client asks first which settings it may send. The engine would answer for readonly = 1, "none",
# and the client would refuse on its own what this endpoint takes.
_HANDSHAKE = (
    *("select", "name", ",", "value", ",", "readonly", "from", "system", ".", "settings"),
    *("limit", "10000", "format", "native"),
)
_WRITABLE = ", ".join(
    quoted(name)
    for name in sorted(
        _LISTED
        | _BOUNDED
        | {"cancel_http_readonly_queries_on_client_close"}
        | {"send_progress_in_http_headers", "http_headers_progress_interval_ms"}
    )
)
_SETTINGS_ANSWER = f"""SELECT name, value, toUInt8(name NOT IN ({_WRITABLE}) AND
(NOT startsWith(name, '{_LISTED_PREFIX}') OR name = 'output_format_schema')) AS readonly
FROM system.settings"""  # noqa: S608 (constants)
