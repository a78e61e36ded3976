"""Policy at work: the facts of accounts become decisions, decisions become rows of the outbox."""
