"""The parts put together: the only place where siblings meet."""

from meteringest.app.migrating import migrate_store as migrate
from meteringest.app.offline import offline
from meteringest.app.proof import reconcile, verify_journal
from meteringest.app.serve import serve
from meteringest.app.working import work

__all__ = ["migrate", "offline", "reconcile", "serve", "verify_journal", "work"]
