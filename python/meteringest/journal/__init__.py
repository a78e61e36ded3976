"""How far the journal has come, and the task that keeps syncing it."""
