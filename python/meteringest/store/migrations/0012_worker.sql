-- What a worker asks of new positions must not read old parts: one entry for about four million rows says which positions are in them.
ALTER TABLE m.reads $on_cluster ADD INDEX IF NOT EXISTS by_ver ver TYPE minmax GRANULARITY 64
;;
ALTER TABLE m.reads $on_cluster MATERIALIZE INDEX by_ver
;;
ALTER TABLE m.registers $on_cluster ADD INDEX IF NOT EXISTS by_ver ver TYPE minmax GRANULARITY 64
;;
ALTER TABLE m.registers $on_cluster MATERIALIZE INDEX by_ver
