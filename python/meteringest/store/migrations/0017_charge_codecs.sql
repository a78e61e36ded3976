-- The words of a charge are the same in nearly every row: a quicker codec takes a fifth off what writing a day costs, for a tenth more room. Old parts follow as they are merged.
ALTER TABLE m.charge_days $on_cluster MODIFY COLUMN kinds CODEC(LZ4), MODIFY COLUMN components CODEC(LZ4), MODIFY COLUMN tariff CODEC(LZ4), MODIFY COLUMN payment CODEC(LZ4)
;;
ALTER TABLE m.charge_history $on_cluster MODIFY COLUMN kinds CODEC(LZ4), MODIFY COLUMN components CODEC(LZ4), MODIFY COLUMN tariff CODEC(LZ4), MODIFY COLUMN payment CODEC(LZ4)
