"""The embedded store's read-only ClickHouse HTTP endpoint."""
