"""Instalments and what conversions left: entered in the service as soon as they are due."""

from collections.abc import Callable, Iterable

import trio

from meteringest.app.happenings import DuesEntered, DuesWait
from meteringest.errors import StoreError
from meteringest.events import Observer
from meteringest.offload import Offload
from meteringest.prepaid.ledger.recovering import Recovering

LOOK_S = 600.0
RETRY_S = 5.0


async def recover_dues(
    recovering: Recovering,
    touch: Callable[[Iterable[int]], None],
    offload: Offload,
    observer: Observer,
) -> None:
    """For ever; `touch` is told whose balance has changed."""
    while True:
        try:
            accounts = await offload(recovering.work)
        except StoreError as error:
            observer.emit(DuesWait(reason=str(error), wait_s=RETRY_S))
            await trio.sleep(RETRY_S)
            continue
        if accounts:
            observer.emit(DuesEntered(accounts=len(accounts)))
            touch(accounts)
        await trio.sleep(LOOK_S)
