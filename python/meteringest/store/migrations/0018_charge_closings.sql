-- What a day closed with is read a day at a time, so it lies day by day: among the charges, a month's partition had to be read for one day of it.
CREATE TABLE IF NOT EXISTS m.charge_closings $on_cluster
(
    day      Date                  CODEC(ZSTD(1)) COMMENT 'local day',
    account  UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'consumer account',
    closing  String                CODEC(ZSTD(1)) COMMENT 'month to date, with which the next day opens',
    ver      UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'as in m.charge_days: the higher one counts'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(day)
ORDER BY (day, account)
SETTINGS $durable
;;
-- Earlier releases kept it in m.charge_days, whose column stays and is not written any more: run again this adds nothing new. Where it is empty nothing is said, and the account is charged from its first day once more.
INSERT INTO m.charge_closings SELECT day, account, closing, ver FROM m.charge_days FINAL WHERE closing != '' SETTINGS max_partitions_per_insert_block = 0
;;
ALTER TABLE m.charge_days $on_cluster COMMENT COLUMN closing 'empty, or what releases before m.charge_closings kept in it'
;;
ALTER TABLE m.charge_history $on_cluster COMMENT COLUMN closing 'empty'
