-- What readers use; FINAL is inside, so that no reader can forget it.
CREATE OR REPLACE VIEW m.reads_v $on_cluster AS
SELECT meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, exp_vah, volt_cv, curr_ma, varh_q1, varh_q2, varh_q3, varh_q4, volt_r_cv, volt_y_cv, volt_b_cv, curr_r_ma, curr_y_ma, curr_b_ma, present, quality, flags, status, deviation_min, clock_status, dcu, counter, ver
FROM m.reads FINAL
WHERE quality != 4
;;
CREATE OR REPLACE VIEW m.read_history_v $on_cluster AS
SELECT meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, exp_vah, volt_cv, curr_ma, varh_q1, varh_q2, varh_q3, varh_q4, volt_r_cv, volt_y_cv, volt_b_cv, curr_r_ma, curr_y_ma, curr_b_ma, present, quality, flags, status, deviation_min, clock_status, dcu, counter, ver
FROM m.read_history FINAL
;;
CREATE OR REPLACE VIEW m.rejects_v $on_cluster AS
SELECT position, at, dcu, peer, meter, layer, kind, offset, counter, raw
FROM m.rejects FINAL
;;
-- Frames in = accepted + quarantined + duplicates; reads in = stored + quarantined + duplicates.
-- frames_missing and reads_missing are what the sums leave over: 0, or something was lost.
CREATE OR REPLACE VIEW m.conservation_v $on_cluster AS
SELECT
    day, dcu,
    sum(l.frames) AS frames,
    sum(l.frames_accepted) AS frames_accepted,
    sum(l.frames_quarantined) AS frames_quarantined,
    sum(l.frames_duplicate) AS frames_duplicate,
    toInt64(frames) - toInt64(frames_accepted + frames_quarantined + frames_duplicate) AS frames_missing,
    sum(l.reads) AS reads,
    sum(l.reads_stored) AS reads_stored,
    sum(l.reads_quarantined) AS reads_quarantined,
    sum(l.reads_duplicate) AS reads_duplicate,
    sum(l.reads_changed) AS reads_changed,
    toInt64(reads) - toInt64(reads_stored + reads_quarantined + reads_duplicate) AS reads_missing
FROM m.intake_ledger AS l FINAL
GROUP BY day, dcu
;;
-- How far each ingest node's journal is stored: a reader's cursor never goes past it.
CREATE OR REPLACE VIEW m.watermark_v $on_cluster AS
SELECT node, max(next) AS stored, max(received_at_max) AS received_at, max(at) AS stored_at, sum(b.reads) AS reads
FROM m.batches AS b FINAL
GROUP BY node
;;
-- Meters in use against the reads they have in [from, to): m.completeness(from = …, to = …).
CREATE OR REPLACE VIEW m.completeness $on_cluster AS
SELECT
    r.meter AS meter, r.serial AS serial, r.dcu AS dcu, r.feeder AS feeder,
    intDiv(toUInt32({to:DateTime('UTC')}) - toUInt32({from:DateTime('UTC')}), r.interval_s) AS expected,
    toUInt64(c.stored) AS stored,
    toInt64(expected) - toInt64(stored) AS missing
FROM (SELECT meter, serial, dcu, feeder, interval_s FROM m.meters FINAL WHERE active = 1 AND interval_s > 0) AS r
LEFT JOIN
(
    SELECT meter, count() AS stored
    FROM m.reads FINAL
    WHERE interval_start >= {from:DateTime('UTC')} AND interval_start < {to:DateTime('UTC')} AND quality != 4
    GROUP BY meter
) AS c ON c.meter = r.meter
;;
-- The registry without its keys.
CREATE OR REPLACE VIEW m.meters_v $on_cluster AS
SELECT meter, serial, system_title, dcu, security, layout, interval_s, time_policy, phase, sanctioned_load_w, account, feeder, village, active, ver
FROM m.meters FINAL
