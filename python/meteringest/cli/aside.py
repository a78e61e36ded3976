"""`meteringest aside`: what ClickHouse refuses and waits on disk, read from the folder alone."""

import argparse

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.config import load
from meteringest.store.aside import FOLDER, Aside
from meteringest.store.shelf import FolderShelf


def list_kept(args: argparse.Namespace) -> int:
    """One line a block; works whether the service runs or not."""
    config = load(args.config).config
    shelf = FolderShelf(config.data_dir / FOLDER)
    aside = Aside(shelf, bytes_max=config.store.aside_bytes_max)
    kept = aside.kept()
    if args.json:
        write_out(b"".join(msgspec.json.encode(each) + b"\n" for each in kept))
    elif not kept:
        write_out("nothing is set aside\n")
    else:
        write_out(
            "".join(
                f"{each.table}\t{each.rows} rows\tpositions {each.first} to {each.next}\t"
                f"{aside.path(each)}\n\t{each.reason}\n"
                for each in kept
            )
        )
    return Outcome.DONE
