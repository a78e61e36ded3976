"""Who may send what: meters, concentrators and their sealed keys."""
