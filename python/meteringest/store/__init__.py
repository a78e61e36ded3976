"""ClickHouse, embedded or served: migrations, the writer, questions, the HTTP endpoint."""
