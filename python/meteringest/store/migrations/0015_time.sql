-- How far each clock was ahead of UTC, so that a read can be told anew when its meter's policy was wrong; models of meters;
-- and what rejects need to be decoded again by themselves.
ALTER TABLE m.reads $on_cluster ADD COLUMN IF NOT EXISTS offset_min Int16 DEFAULT 330 CODEC(ZSTD(1)) COMMENT 'clock ahead of UTC as it was understood, min: interval end + this is what the clock showed' AFTER clock_status
;;
ALTER TABLE m.read_history $on_cluster ADD COLUMN IF NOT EXISTS offset_min Int16 DEFAULT 330 CODEC(ZSTD(1)) COMMENT 'clock ahead of UTC as it was understood, min: interval end + this is what the clock showed' AFTER clock_status
;;
CREATE OR REPLACE VIEW m.reads_v $on_cluster AS
SELECT meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, exp_vah, volt_cv, curr_ma, varh_q1, varh_q2, varh_q3, varh_q4, volt_r_cv, volt_y_cv, volt_b_cv, curr_r_ma, curr_y_ma, curr_b_ma, present, quality, flags, status, deviation_min, clock_status, offset_min, dcu, counter, ver
FROM m.reads FINAL
WHERE quality != 4
;;
CREATE OR REPLACE VIEW m.read_history_v $on_cluster AS
SELECT meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, exp_vah, volt_cv, curr_ma, varh_q1, varh_q2, varh_q3, varh_q4, volt_r_cv, volt_y_cv, volt_b_cv, curr_r_ma, curr_y_ma, curr_b_ma, present, quality, flags, status, deviation_min, clock_status, offset_min, dcu, counter, ver
FROM m.read_history FINAL
;;
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS model String COMMENT 'meter model, of which it takes what its row does not say'
;;
CREATE OR REPLACE VIEW m.meters_v $on_cluster AS
SELECT meter, serial, system_title, dcu, security, layout, interval_s, time_policy, phase, sanctioned_load_w, account, feeder, village, active, ver, model
FROM m.meters FINAL
;;
ALTER TABLE m.rejects $on_cluster ADD COLUMN IF NOT EXISTS part String DEFAULT 'frame' COMMENT 'frame, or row: one row of a body that was taken'
;;
ALTER TABLE m.rejects $on_cluster ADD COLUMN IF NOT EXISTS hint String COMMENT 'what its envelope called the meter'
;;
ALTER TABLE m.rejects $on_cluster ADD COLUMN IF NOT EXISTS flags UInt32 COMMENT 'of a row: the flags its read would have had'
;;
CREATE OR REPLACE VIEW m.rejects_v $on_cluster AS
SELECT r.position AS position, r.at AS at, r.dcu AS dcu, r.peer AS peer, r.meter AS meter, r.layer AS layer, r.kind AS kind, r.offset AS offset, r.counter AS counter, r.raw AS raw,
    r.part AS part, r.hint AS hint, r.flags AS flags,
    toUInt8(s.ver > 0) AS resolved, s.outcome AS outcome, s.meter AS resolved_meter, s.at AS resolved_at
FROM (SELECT position, at, dcu, peer, meter, layer, kind, offset, counter, raw, part, hint, flags FROM m.rejects FINAL) AS r
LEFT JOIN (SELECT position, dcu, received_at, at, meter, outcome, ver FROM m.reject_resolutions FINAL) AS s
    ON s.position = r.position AND s.dcu = r.dcu AND s.received_at = r.at
