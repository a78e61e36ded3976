-- Registers of daily, billing, instantaneous and other profiles: one narrow row per value.
-- The value is part of the key: a correction stands beside what it corrects, see m.registers_v.
CREATE TABLE IF NOT EXISTS m.registers $on_cluster
(
    meter         UInt32          CODEC(Delta(4), ZSTD(1)) COMMENT 'meter number of m.meters',
    at            DateTime('UTC') CODEC(Delta(4), ZSTD(1)) COMMENT 'capture time, UTC',
    profile       String          CODEC(ZSTD(1)) COMMENT 'daily, billing, instantaneous, event_log, push or as a layout calls it',
    class         UInt16          CODEC(ZSTD(1)) COMMENT 'interface class of the captured object',
    obis          String          CODEC(ZSTD(1)) COMMENT 'logical name of the captured object',
    attribute     Int8            CODEC(ZSTD(1)) COMMENT 'captured attribute: 2 the value, 5 the time of a maximum demand',
    value         Int64           CODEC(ZSTD(1)) COMMENT 'the number as the meter sent it; a point in time in UTC seconds',
    scaler        Int8            CODEC(ZSTD(1)) COMMENT 'power of ten: the quantity is value * 10^scaler',
    unit          UInt8           CODEC(ZSTD(1)) COMMENT 'DLMS unit code: 7 s, 27 W, 30 Wh, 31 VAh, 33 A, 35 V, 44 Hz, 255 none, 0 not told',
    deviation_min Int16           CODEC(ZSTD(1)) COMMENT 'clock deviation as sent, min; -32768 unspecified',
    clock_status  UInt8           CODEC(ZSTD(1)) COMMENT 'clock status byte as sent',
    flags         UInt32          CODEC(ZSTD(1)) COMMENT 'bit mask of the checks that fired',
    dcu           UInt32          CODEC(ZSTD(1)) COMMENT 'concentrator it came through, 0 unknown',
    counter       UInt32          CODEC(ZSTD(1)) COMMENT 'invocation counter of the frame that carried it',
    ver           UInt64          CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position: the higher one wins'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(at)
ORDER BY (meter, profile, obis, attribute, at, value, scaler)
SETTINGS $durable
;;
-- What meters report to have happened.
CREATE TABLE IF NOT EXISTS m.events $on_cluster
(
    meter         UInt32          CODEC(Delta(4), ZSTD(1)) COMMENT 'meter number of m.meters',
    at            DateTime('UTC') CODEC(Delta(4), ZSTD(1)) COMMENT 'when it happened, by the meter, UTC',
    source        String          CODEC(ZSTD(1)) COMMENT 'alert, event_log or event_notification',
    obis          String          CODEC(ZSTD(1)) COMMENT 'logical name of the object that told it',
    code          UInt32          CODEC(ZSTD(1)) COMMENT 'event code of a log, 0 for a bit',
    bit           Int16           CODEC(ZSTD(1)) COMMENT 'bit of the event status word, -1 for a code',
    meaning       String          CODEC(ZSTD(1)) COMMENT 'what it means, empty where nobody said',
    deviation_min Int16           CODEC(ZSTD(1)) COMMENT 'clock deviation as sent, min; -32768 unspecified',
    clock_status  UInt8           CODEC(ZSTD(1)) COMMENT 'clock status byte as sent',
    flags         UInt32          CODEC(ZSTD(1)) COMMENT 'bit mask of the checks that fired',
    dcu           UInt32          CODEC(ZSTD(1)) COMMENT 'concentrator it came through, 0 unknown',
    counter       UInt32          CODEC(ZSTD(1)) COMMENT 'invocation counter of the frame that carried it',
    ver           UInt64          CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position: the higher one wins'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(at)
ORDER BY (meter, at, source, obis, code, bit)
SETTINGS $durable
;;
-- Rejects that were decoded again and are none any more; the key is that of m.rejects.
CREATE TABLE IF NOT EXISTS m.reject_resolutions $on_cluster
(
    position    UInt64               CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position of the reject',
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)) COMMENT 'when the reject was received, UTC',
    dcu         UInt32               CODEC(ZSTD(1)) COMMENT 'concentrator the reject came through',
    at          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)) COMMENT 'when it was decoded again, UTC',
    meter       UInt32               CODEC(ZSTD(1)) COMMENT 'whose it is',
    outcome     String               CODEC(ZSTD(1)) COMMENT 'decoded, or accepted_before: another copy of it was taken',
    reads       UInt32               CODEC(ZSTD(1)) COMMENT 'reads it brought',
    registers   UInt32               CODEC(ZSTD(1)) COMMENT 'registers it brought',
    events      UInt32               CODEC(ZSTD(1)) COMMENT 'events it brought',
    ver         UInt64               CODEC(Delta(8), ZSTD(1)) COMMENT 'journal position: the higher one wins'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(received_at)
ORDER BY (position, dcu, received_at)
SETTINGS $durable
;;
-- The value received last of every register and time.
CREATE OR REPLACE VIEW m.registers_v $on_cluster AS
SELECT meter, at, profile, class, obis, attribute, value, scaler, unit, deviation_min, clock_status, flags, dcu, counter, ver
FROM m.registers FINAL
ORDER BY meter, profile, obis, attribute, at, ver DESC
LIMIT 1 BY meter, profile, obis, attribute, at
;;
CREATE OR REPLACE VIEW m.events_v $on_cluster AS
SELECT meter, at, source, obis, code, bit, meaning, deviation_min, clock_status, flags, dcu, counter, ver
FROM m.events FINAL
;;
-- Every reject, and whether it was decoded again since.
CREATE OR REPLACE VIEW m.rejects_v $on_cluster AS
SELECT r.position AS position, r.at AS at, r.dcu AS dcu, r.peer AS peer, r.meter AS meter, r.layer AS layer, r.kind AS kind, r.offset AS offset, r.counter AS counter, r.raw AS raw,
    toUInt8(s.ver > 0) AS resolved, s.outcome AS outcome, s.meter AS resolved_meter, s.at AS resolved_at
FROM (SELECT position, at, dcu, peer, meter, layer, kind, offset, counter, raw FROM m.rejects FINAL) AS r
LEFT JOIN (SELECT position, dcu, received_at, at, meter, outcome, ver FROM m.reject_resolutions FINAL) AS s
    ON s.position = r.position AND s.dcu = r.dcu AND s.received_at = r.at
