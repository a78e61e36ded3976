"""Every error this service raises on purpose; imports nothing of ours.

Hostile bytes are not errors: they become reject rows. What is left is our I/O and our bugs.
"""


class MeterIngestError(Exception):
    """The root: catching it means catching only what we raised."""


class InvariantError(MeterIngestError):
    """Something that cannot be was seen; the process must stop rather than go on."""

    def __init__(self, invariant: str, seen: str) -> None:
        """Names the broken invariant (see docs/invariants.md) and what was seen instead."""
        super().__init__(invariant, seen)
        self.invariant = invariant
        self.seen = seen

    def __str__(self) -> str:
        """One line for the log."""
        return f"{self.invariant}: {self.seen}"


class ConfigError(MeterIngestError):
    """A setting that cannot be used; nothing was started."""

    def __init__(self, path: str, reason: str) -> None:
        """Names the setting (`file: $.path`) and what is wrong with it."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """One line for the person who typed it."""
        return f"{self.path}: {self.reason}"


class UsageError(MeterIngestError):
    """Something asked for that cannot be meant; nothing was done."""

    def __init__(self, argument: str, reason: str) -> None:
        """Names what was asked for, as it is typed, and what is wanted instead."""
        super().__init__(argument, reason)
        self.argument = argument
        self.reason = reason

    def __str__(self) -> str:
        """One line for the person who typed it."""
        return f"{self.argument}: {self.reason}"


class AccountUnknown(MeterIngestError):
    """Asked about an account that nothing was ever entered for."""

    def __init__(self, account: int) -> None:
        """Names it."""
        super().__init__(account)
        self.account = account

    def __str__(self) -> str:
        """One line for the person who typed it."""
        return f"account {self.account} is unknown: no terms, no meter, no money"


class RegistryError(MeterIngestError):
    """Rows of a registry file that cannot be taken; none of the file was applied."""

    def __init__(self, file: str, problems: tuple[str, ...]) -> None:
        """`problems` hold one line each: row, column, what was found, what is wanted."""
        super().__init__(file, problems)
        self.file = file
        self.problems = problems

    def __str__(self) -> str:
        """The file and every problem found, a line each."""
        return "\n".join(
            (f"{self.file}: {len(self.problems)} problem(s), nothing imported", *self.problems)
        )


class RulesError(MeterIngestError):
    """A file of rules (tariff, calendar, policy) that cannot be charged or decided by."""

    def __init__(self, file: str, problems: tuple[str, ...]) -> None:
        """`problems` hold one line each: file, line, path, what is wrong and what is wanted."""
        super().__init__(file, problems)
        self.file = file
        self.problems = problems

    def __str__(self) -> str:
        """The file and every problem found, a line each."""
        return "\n".join((f"{self.file}: {len(self.problems)} problem(s)", *self.problems))


class CommandError(MeterIngestError):
    """A command the service could not answer because of an error of the program itself."""

    def __init__(self, question: str, reason: str) -> None:
        """Names what was asked; the service's log says where it went wrong."""
        super().__init__(question, reason)
        self.question = question
        self.reason = reason

    def __str__(self) -> str:
        """One line for the person who typed it."""
        return f"internal error in {self.question}: {self.reason}; the service's log says where"


class LinkError(MeterIngestError):
    """A listener that cannot be opened, or a peer that broke the session's rules."""

    def __init__(self, where: str, reason: str) -> None:
        """Names the listener or peer and what went wrong."""
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        """One line for the log."""
        return f"{self.where}: {self.reason}"


class JournalError(MeterIngestError):
    """The journal cannot go on; what it has synced is safe."""

    def __init__(self, path: str, reason: str) -> None:
        """Names the file and what went wrong."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """One line for the log."""
        return f"journal {self.path}: {self.reason}"


class JournalFull(JournalError):
    """No room for another record; nothing of it was written."""


class JournalCorrupt(JournalError):
    """Bytes in the middle of the journal are not what was written."""


class JournalLocked(JournalError):
    """Another process has this data folder open."""


class StoreError(MeterIngestError):
    """ClickHouse did not do what was asked."""

    def __init__(self, where: str, reason: str) -> None:
        """Names the store and the engine's own words."""
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        """One line for the log."""
        return f"store {self.where}: {self.reason}"


class StoreUnavailable(StoreError):
    """The store may answer later: retry, the journal keeps what is owed."""


class StoreRefused(StoreError):
    """The store understood and said no: repeating will not help."""
