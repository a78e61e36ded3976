-- Interval reads: one wide row per meter and interval; absent channels are 0 with their bit in `present` unset.
CREATE TABLE IF NOT EXISTS m.reads $on_cluster
(
    meter          UInt32          CODEC(Delta(4), ZSTD(1)) COMMENT 'meter number of m.meters',
    interval_start DateTime('UTC') CODEC(Delta(4), ZSTD(1)) COMMENT 'start of the interval, UTC',
    interval_s     UInt16          CODEC(ZSTD(1)) COMMENT 'length of the interval, s',
    imp_wh         UInt32          CODEC(T64, ZSTD(1)) COMMENT 'active energy imported in the interval, Wh',
    exp_wh         UInt32          CODEC(T64, ZSTD(1)) COMMENT 'active energy exported in the interval, Wh',
    imp_vah        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'apparent energy imported in the interval, VAh',
    exp_vah        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'apparent energy exported in the interval, VAh',
    volt_cv        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'average voltage, 0.01 V',
    curr_ma        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'average current, 0.001 A',
    varh_q1        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant I, varh',
    varh_q2        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant II, varh',
    varh_q3        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant III, varh',
    varh_q4        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant IV, varh',
    volt_r_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase R, 0.01 V',
    volt_y_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase Y, 0.01 V',
    volt_b_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase B, 0.01 V',
    curr_r_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase R, 0.001 A',
    curr_y_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase Y, 0.001 A',
    curr_b_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase B, 0.001 A',
    present        UInt16          CODEC(T64, ZSTD(1)) COMMENT 'bit i set: channel i, counted from imp_wh, was in the read',
    quality        UInt8           CODEC(ZSTD(1)) COMMENT '0 VALID, 1 ESTIMATED, 2 MANUAL, 3 SUSPECT, 4 REJECTED (withdrawn)',
    flags          UInt32          CODEC(ZSTD(1)) COMMENT 'bit mask of the checks that fired',
    status         UInt32          CODEC(ZSTD(1)) COMMENT 'status word as the meter sent it',
    deviation_min  Int16           CODEC(ZSTD(1)) COMMENT 'clock deviation as sent, min; -32768 unspecified',
    clock_status   UInt8           CODEC(ZSTD(1)) COMMENT 'clock status byte as sent',
    dcu            UInt32          CODEC(ZSTD(1)) COMMENT 'concentrator it came through, 0 unknown',
    counter        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'invocation counter of the frame that carried it',
    ver            UInt64          CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position: the higher one wins',
    CONSTRAINT whole_minutes CHECK toUInt32(interval_start) % 60 = 0,
    CONSTRAINT known_quality CHECK quality <= 4
)
ENGINE = $replacing_ver
PARTITION BY $reads_partition
ORDER BY (meter, interval_start)
SETTINGS $durable, min_bytes_for_wide_part = 268435456 -- one file a fresh part: a third of the syncs
;;
-- Versions that a newer one replaced, written before the newer one is.
CREATE TABLE IF NOT EXISTS m.read_history $on_cluster
(
    meter          UInt32          CODEC(Delta(4), ZSTD(1)) COMMENT 'meter number of m.meters',
    interval_start DateTime('UTC') CODEC(Delta(4), ZSTD(1)) COMMENT 'start of the interval, UTC',
    interval_s     UInt16          CODEC(ZSTD(1)) COMMENT 'length of the interval, s',
    imp_wh         UInt32          CODEC(T64, ZSTD(1)) COMMENT 'active energy imported in the interval, Wh',
    exp_wh         UInt32          CODEC(T64, ZSTD(1)) COMMENT 'active energy exported in the interval, Wh',
    imp_vah        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'apparent energy imported in the interval, VAh',
    exp_vah        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'apparent energy exported in the interval, VAh',
    volt_cv        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'average voltage, 0.01 V',
    curr_ma        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'average current, 0.001 A',
    varh_q1        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant I, varh',
    varh_q2        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant II, varh',
    varh_q3        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant III, varh',
    varh_q4        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'reactive energy quadrant IV, varh',
    volt_r_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase R, 0.01 V',
    volt_y_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase Y, 0.01 V',
    volt_b_cv      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'voltage phase B, 0.01 V',
    curr_r_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase R, 0.001 A',
    curr_y_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase Y, 0.001 A',
    curr_b_ma      UInt32          CODEC(T64, ZSTD(1)) COMMENT 'current phase B, 0.001 A',
    present        UInt16          CODEC(T64, ZSTD(1)) COMMENT 'bit i set: channel i, counted from imp_wh, was in the read',
    quality        UInt8           CODEC(ZSTD(1)) COMMENT '0 VALID, 1 ESTIMATED, 2 MANUAL, 3 SUSPECT, 4 REJECTED (withdrawn)',
    flags          UInt32          CODEC(ZSTD(1)) COMMENT 'bit mask of the checks that fired',
    status         UInt32          CODEC(ZSTD(1)) COMMENT 'status word as the meter sent it',
    deviation_min  Int16           CODEC(ZSTD(1)) COMMENT 'clock deviation as sent, min; -32768 unspecified',
    clock_status   UInt8           CODEC(ZSTD(1)) COMMENT 'clock status byte as sent',
    dcu            UInt32          CODEC(ZSTD(1)) COMMENT 'concentrator it came through, 0 unknown',
    counter        UInt32          CODEC(T64, ZSTD(1)) COMMENT 'invocation counter of the frame that carried it',
    ver            UInt64          CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position: the higher one wins'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(interval_start)
ORDER BY (meter, interval_start, ver)
SETTINGS $durable
;;
-- What was received and could not be accepted, with its bytes.
-- Positions of two ingest nodes may coincide, so the key says a little more than the position.
CREATE TABLE IF NOT EXISTS m.rejects $on_cluster
(
    position UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position',
    at       DateTime64(3, 'UTC')  CODEC(Delta(8), ZSTD(1)) COMMENT 'when it was received, UTC',
    dcu      UInt32                CODEC(ZSTD(1)) COMMENT 'concentrator it came through, 0 unknown',
    peer     String                CODEC(ZSTD(1)) COMMENT 'address it came from',
    meter    UInt32                CODEC(ZSTD(1)) COMMENT 'meter number, 0 unknown',
    layer    String                CODEC(ZSTD(1)) COMMENT 'layer that refused it',
    kind     String                CODEC(ZSTD(1)) COMMENT 'why, in one word',
    offset   UInt32                CODEC(ZSTD(1)) COMMENT 'where in raw it went wrong, bytes',
    counter  UInt32                CODEC(ZSTD(1)) COMMENT 'invocation counter, 0 unknown',
    raw      String                CODEC(ZSTD(1)) COMMENT 'the bytes as received'
)
ENGINE = $replacing
PARTITION BY toYYYYMM(at)
ORDER BY (position, dcu, at)
SETTINGS $durable
;;
-- Counts per concentrator and receive day, one row per journal record: see m.conservation_v.
CREATE TABLE IF NOT EXISTS m.intake_ledger $on_cluster
(
    position           UInt64 CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position',
    day                Date   CODEC(ZSTD(1)) COMMENT 'receive day, UTC',
    dcu                UInt32 CODEC(ZSTD(1)) COMMENT 'concentrator, 0 unknown',
    frames             UInt64 CODEC(T64, ZSTD(1)) COMMENT 'frames received',
    frames_accepted    UInt64 CODEC(T64, ZSTD(1)) COMMENT 'frames whose reads were taken',
    frames_quarantined UInt64 CODEC(T64, ZSTD(1)) COMMENT 'frames kept as rejects',
    frames_duplicate   UInt64 CODEC(T64, ZSTD(1)) COMMENT 'frames sent again',
    reads              UInt64 CODEC(T64, ZSTD(1)) COMMENT 'reads in accepted frames',
    reads_stored       UInt64 CODEC(T64, ZSTD(1)) COMMENT 'reads written as a version',
    reads_quarantined  UInt64 CODEC(T64, ZSTD(1)) COMMENT 'reads kept as rejects',
    reads_duplicate    UInt64 CODEC(T64, ZSTD(1)) COMMENT 'reads already known with this value',
    reads_changed      UInt64 CODEC(T64, ZSTD(1)) COMMENT 'of reads_stored: with another value'
)
ENGINE = $replacing
PARTITION BY toYYYYMM(day)
ORDER BY (day, dcu, position)
SETTINGS $durable
;;
-- One row per inserted range, written after its blocks were accepted: the watermark.
CREATE TABLE IF NOT EXISTS m.batches $on_cluster
(
    node            UInt16               COMMENT 'ingest node',
    first           UInt64               COMMENT 'first journal position',
    next            UInt64               COMMENT 'position after the last',
    received_at_min DateTime64(3, 'UTC') COMMENT 'first receive time in it, 1970 unknown',
    received_at_max DateTime64(3, 'UTC') COMMENT 'last receive time in it, 1970 unknown',
    reads           UInt64               COMMENT 'rows of m.reads in it',
    token           String               COMMENT 'deduplication token of its blocks',
    at              DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored'
)
ENGINE = $replacing_at
ORDER BY (node, first)
SETTINGS $durable
