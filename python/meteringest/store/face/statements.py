"""Which statements the endpoint passes on: those that read, and reach nothing but the store.

The engine refuses most of the rest by itself (its user holds no grant on sources, each question
runs with readonly = 1). What it lets through is refused here: the scalar function file(), which no
grant covers and which reads any file; system.stack_trace, which signals every thread; INTO OUTFILE
and KILL QUERY, which readonly does not stop; a SETTINGS clause in a subquery, which readonly
overlooks; several statements in one.

Rule 1: what the engine is given is put together from the tokens seen here, comments left out, so
the two cannot disagree about where a comment ends.
Rule 2: whatever this file does not know for certain is refused: quotes of other alphabets,
heredocs, escapes in names. A statement refused wrongly costs a rewording; one let through, a file.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from meteringest.store.face.refusal import Refusal


class Kind(StrEnum):
    """What a token is, as far as deciding needs it."""

    SPACE = "space"
    COMMENT = "comment"
    TEXT = "text"
    QUOTED = "quoted"
    WORD = "word"
    SIGN = "sign"


class Token(Struct, frozen=True):
    """A piece of the statement as it was written."""

    kind: Kind
    text: str

    @property
    def word(self) -> str:
        """A name in lower case, its quotes taken off; a sign as it is."""
        bare = self.text[1:-1] if self.kind is Kind.QUOTED else self.text
        return bare.lower()


class Statement(Struct, frozen=True):
    """A statement that may run."""

    sql: str
    words: tuple[str, ...]

    @property
    def format(self) -> str | None:
        """The name after a closing FORMAT."""
        if len(self.words) > _FORMAT_WORDS and self.words[-2] == "format":
            return self.sql.split()[-1]
        return None

    @property
    def streams(self) -> bool:
        """Whether its answer is rows that may be sent as they come."""
        return self.words[0] in {"select", "with", "("}


def admit(sql: str) -> Statement:
    """The statement to run, or a Refusal that says what to reword."""
    tokens = [token for token in _tokens(sql) if token.kind is not Kind.COMMENT]
    meant = [token for token in tokens if token.kind is not Kind.SPACE]
    while meant and meant[-1].text == ";":
        tokens.remove(meant.pop())
    words = tuple(token.word for token in meant if token.kind is not Kind.TEXT)
    if not words:
        raise Refusal(62, "SYNTAX_ERROR", "Empty query")
    first = next((word for word in words if word != "("), "")
    if first not in _READING:
        raise Refusal(*_READONLY, f"{first.upper()} is not a reading statement; {_READING_LIST}")
    if ";" in words:
        raise Refusal(62, "SYNTAX_ERROR", "one statement a request, please")
    if _sets(words):
        raise Refusal(*_READONLY, "Cannot modify settings in a statement; send them beside it")
    refused = _REFUSED.intersection(words)
    if refused:
        raise Refusal(*_READONLY, f"`{min(refused)}` reaches beyond the store")
    return Statement("".join(token.text for token in tokens).strip(), words)


def check_parameters(statement: Statement, parameters: Mapping[str, str]) -> None:
    """A parameter may stand for a name (`{x:Identifier}`), so it may not bring a refused one in."""
    if "identifier" not in statement.words:
        return
    for name, value in parameters.items():
        if not _PLAIN_NAME.fullmatch(value) or _REFUSED.intersection(value.lower().split(".")):
            raise Refusal(*_READONLY, f"parameter {name} is no plain name")


def _sets(words: tuple[str, ...]) -> bool:
    """Whether a SETTINGS clause stands anywhere: in a subquery the engine would take it."""
    return any(
        word == "settings" and words[max(at - 2, 0) : at] != ("system", ".")
        for at, word in enumerate(words)
    )


def _tokens(sql: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        if found is None:
            raise Refusal(
                62, "SYNTAX_ERROR", f"this endpoint does not take {sql[at : at + 12]!r} at {at}"
            )
        kind = Kind(str(found.lastgroup))
        # A comment leaves a space behind, so that it cannot join what stood around it.
        text = " " if kind is Kind.COMMENT else found[0]
        tokens.append(Token(Kind.SPACE if kind is Kind.COMMENT else kind, text))
        at = found.end()
    return tokens


_READONLY = (164, "READONLY")
_FORMAT_WORDS = 2
_READING = frozenset({"select", "with", "show", "describe", "desc", "exists", "explain"})
_READING_LIST = "SELECT, WITH, SHOW, DESCRIBE, EXISTS and EXPLAIN are"
_REFUSED = frozenset(
    {
        "file",  # the scalar function reads any file, whatever the grants
        "outfile",
        "infile",
        "python",  # chDB's: objects of this very process
        "executable",
        "stack_trace",  # system.stack_trace signals every thread of the service
        "merge",  # opens tables by a pattern, so by names that are not seen here
    }
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]+")
# A word that begins with a digit must be a number and nothing else; names are ASCII; in quoted
# names nothing is escaped.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+)
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<text>'(?:[^'\\\0]|\\[^\0]|'')*+')
  | (?P<quoted>`[^`\\\0]*`|"[^"\\\0]*")
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*
      |(?:0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9][0-9_]*(?:[eE][0-9]*)?)(?![A-Za-z0-9_]))
  | (?P<sign>[()\[\]{},.;:+\-*%=<>!?|^~@]|/(?!\*))
    """,
    re.VERBOSE | re.DOTALL,
)
