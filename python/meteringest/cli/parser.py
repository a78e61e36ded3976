"""Every command with its arguments, one example at the least, and the function that runs it."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from meteringest.cli import aside, proof, records, replay, retime, rules, service, tools
from meteringest.cli.arguments import count
from meteringest.cli.decided_parser import add_decided_commands, add_dry_run
from meteringest.cli.money_parser import add_load, add_money_commands
from meteringest.cli.outcome import MEANING
from meteringest.cli.worker import add_worker_commands
from meteringest.registry.columns import FORMS

Run = Callable[[argparse.Namespace], int]

STATUSES = "exit status:\n" + "\n".join(f"  {code:<4} {text}" for code, text in MEANING.items())
ABOUT = """\
DLMS/COSEM meter frames in over TCP, durable before they are acknowledged, into ClickHouse.
Without a settings file everything runs on defaults, on loopback, in ./data."""


class _Parser(argparse.ArgumentParser):
    """Keeps line breaks of examples, and takes a part's own arguments only when they are needed.

    Another part's command (`owner`) is imported when its arguments are parsed, so that
    `meteringest version` loads nothing of the simulator.
    """

    def __init__(self, *, owner: str = "", **options: object) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)  # type: ignore[arg-type]
        self._owner = owner

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if self._owner:
            command = import_module(self._owner)
            command.add_arguments(self)
            self.set_defaults(run=command.run)
            self._owner = ""
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="meteringest", description=ABOUT, epilog=STATUSES)
    _globals(top, default=None)
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, what: str, *examples: str, owner: str = "") -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(
            name, help=what, description=what, epilog=_examples(*examples), owner=owner
        )
        _globals(made, default=argparse.SUPPRESS)
        return made

    _service_commands(command)
    _registry_commands(command)
    _tool_commands(command)
    _rules_commands(command)
    add_money_commands(command, _examples, partial(_globals, default=argparse.SUPPRESS))
    add_worker_commands(command, _examples, partial(_globals, default=argparse.SUPPRESS))
    add_decided_commands(command, _examples, partial(_globals, default=argparse.SUPPRESS))
    return top


def _examples(*lines: str) -> str:
    return "examples:" + "".join(f"\n  meteringest {line}" for line in lines)


def _globals(each: argparse.ArgumentParser, default: object) -> None:
    """Understood before and after the command's name."""
    each.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=default,
        help="settings file (./meteringest.toml when it is there)",
    )
    each.add_argument(
        "--debug",
        action="store_true",
        default=False if default is None else default,
        help="tracebacks with errors",
    )


def _service_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    serve = command(
        "serve",
        "Run the service until SIGTERM or Ctrl-C.",
        "serve",
        "serve --config /etc/meteringest.toml",
        "serve --salvage    # once, after a copy of the folder: docs/journal.md",
    )
    serve.add_argument(
        "--salvage",
        action="store_true",
        help="go past damage in the journal: rows lost in it are given up and reported",
    )
    serve.set_defaults(run=service.serve)
    migrate = command("migrate", "Bring the ClickHouse tables up to date.", "migrate")
    migrate.set_defaults(run=service.migrate)
    status = command(
        "status",
        "Lag, rates, rejects by kind, connections and disk.",
        "status",
        "status --json | jq .lag_s",
    )
    status.add_argument("--json", action="store_true", help="one JSON object")
    status.set_defaults(run=service.status)
    kept = command(
        "aside",
        "Rows ClickHouse refuses for what is in them, kept on disk with its reason.",
        "aside",
        "aside --json | jq .reason",
    )
    kept.add_argument("--json", action="store_true", help="one JSON object a line")
    kept.set_defaults(run=aside.list_kept)
    query = command(
        "query",
        "One read-only SQL statement, on the running service or on the store itself.",
        'query "SELECT count() FROM m.reads"',
        'query "SELECT kind, count() FROM m.rejects GROUP BY kind" --format CSVWithNames',
    )
    query.add_argument("sql", metavar="SQL")
    query.add_argument(
        "--format",
        default="",
        help="any ClickHouse output format (a table on a terminal, else TSVWithNames)",
    )
    query.set_defaults(run=service.query)
    reload = command(
        "reload", "Make the running service read registry and layouts again.", "reload"
    )
    reload.set_defaults(run=service.reload)
    replay.add_arguments(
        command(
            "replay-rejects",
            "Decode stored rejects again, after a meter, key or layout was added.",
            "replay-rejects --kind no_layout --dry-run",
            "replay-rejects --meter 1207 --since 2026-11-20",
        )
    )
    retime.add_arguments(
        command(
            "retime",
            "Tell stored reads anew, after the time policy of a meter or model was put right.",
            "retime --model acme-x1 --since 2026-11-01 --until 2026-11-21 --dry-run",
            "retime --meter 1207 --since 2026-11-20 --until 2026-11-21",
        )
    )
    proof.add_reconcile_arguments(
        command(
            "reconcile",
            "Count what was received on a day again, in the tables themselves.",
            "reconcile --day 2026-11-20",
            "reconcile --day 2026-11-20 --dcu sub-division-4 --json",
        )
    )
    journal = command("journal", "The journal: verify.", "journal verify")
    actions = journal.add_subparsers(metavar="ACTION", required=True)
    verified = actions.add_parser(
        "verify",
        help="read every byte again; name each file that is missing, altered or moved",
        epilog=_examples("journal verify", "journal verify --json"),
    )
    proof.add_verify_arguments(verified)
    _globals(verified, default=argparse.SUPPRESS)


def _registry_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    for table, what, sample in (
        ("meters", "Meters: import from CSV, or list.", "Kabri"),
        ("dcus", "Concentrators: import from CSV, or list.", "sub-division-4"),
    ):
        group = command(table, what, f"{table} import {table}.csv", f"{table} list {sample} --json")
        actions = group.add_subparsers(metavar="ACTION", required=True)
        columns = ", ".join(FORMS[table].columns)
        takes = actions.add_parser(
            "import",
            help="all rows of a CSV file, or none",
            description=f"All rows of a CSV file, or none. Columns: {columns}.",
            epilog=_examples(f"{table} import {table}.csv", f"{table} import - < {table}.csv"),
        )
        takes.add_argument("file", metavar="FILE", help="with a heading line; - is standard input")
        takes.set_defaults(run=records.import_file, table=table, author="")
        lists = actions.add_parser(
            "list",
            help="registry rows, without keys",
            description="Registry rows, without keys.",
            epilog=_examples(f"{table} list", f"{table} list {sample} --json"),
        )
        lists.add_argument("match", nargs="?", default="", help="only rows with this text in them")
        lists.add_argument(
            "--limit", metavar="N", type=count(), default=1_000, help="at most so many (1000)"
        )
        lists.add_argument("--json", action="store_true", help="one JSON object a line")
        lists.set_defaults(run=records.list_rows, table=table)
        for each in (takes, lists):
            _globals(each, default=argparse.SUPPRESS)
    keygen = command(
        "keygen",
        "A new registry master key.",
        "keygen --out /etc/meteringest/master.key",
        "keygen > master.key",
    )
    keygen.add_argument("--out", metavar="FILE", type=Path, help="a new file only you can read")
    keygen.set_defaults(run=tools.keygen)


def _tool_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    decode = command(
        "decode",
        "Frames as readable trees; without HEX, JSON lines in and out.",
        "decode 000100010040000a0f0000000100…",
        "decode < frames.jsonl > decoded.jsonl",
    )
    tools.add_decode_arguments(decode)
    decode.set_defaults(run=tools.decode)
    command(
        "simulate",
        "A seeded fleet of meters and concentrators, with faults on request.",
        "simulate --meters 1000 --dcus 10",
        owner="meteringest_sim.command",
    )
    command(
        "demo",
        "The whole line on a simulated fleet, reconciled to the read.",
        "demo",
        owner="meteringest_sim.demo",
    )
    config = command(
        "config",
        "The effective settings, with meaning and defaults, as TOML.",
        "config",
        "config > meteringest.toml",
    )
    config.add_argument(
        "--reference", action="store_true", help="every setting as Markdown, without a file"
    )
    config.set_defaults(run=tools.config)
    version = command("version", "Versions of the program and its engine.", "version")
    version.set_defaults(run=tools.version)


def _rules_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    tariffs = command(
        "tariffs",
        "Tariffs: check files, show what they come to, load them.",
        "tariffs check domestic.toml",
        "tariffs show domestic.toml --calendar holidays.toml",
        "tariffs load domestic.toml holidays.toml",
    )
    actions = tariffs.add_subparsers(metavar="ACTION", required=True)
    checked = actions.add_parser(
        "check",
        help="good, or every problem with line and path",
        description="A file of any kind that `tariffs load` takes, checked without any store.",
        epilog=_examples("tariffs check domestic.toml", "tariffs check holidays.toml"),
    )
    checked.set_defaults(run=rules.check_tariff)
    shown = actions.add_parser(
        "show",
        help="as it was understood, with sample months",
        description="A tariff as it was understood, and what whole months of it come to.",
        epilog=_examples(
            "tariffs show domestic.toml",
            "tariffs show commercial.toml --calendar holidays.toml",
        ),
    )
    shown.add_argument("--calendar", metavar="FILE", type=Path, help="the calendar it names")
    shown.set_defaults(run=rules.show_tariff)
    policy = command(
        "policy",
        "Disconnection policies: check files, load them, try them.",
        "policy check uttar-pradesh.toml",
        "policy dry-run --at 2026-11-23T11:00",
    )
    parts = policy.add_subparsers(metavar="ACTION", required=True)
    policed = parts.add_parser(
        "check",
        help="good with its clauses, or every problem",
        description="A policy checked without any store, and every clause that may decide.",
        epilog=_examples("policy check uttar-pradesh.toml"),
    )
    policed.set_defaults(run=rules.check_policy)
    loads = (add_load(actions, _examples, "tariffs"), add_load(parts, _examples, "policy"))
    for each in (*loads, add_dry_run(parts, _examples)):
        _globals(each, default=argparse.SUPPRESS)
    for each in (checked, shown, policed):
        each.add_argument("file", metavar="FILE", type=Path)
        _globals(each, default=argparse.SUPPRESS)
