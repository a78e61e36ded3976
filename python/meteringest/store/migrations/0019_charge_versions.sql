-- What a day was charged before and what it is charged now, in one place: since a day's first version after its end goes to m.charge_days alone, m.charge_history has it only once another one replaces it.
CREATE OR REPLACE VIEW m.v1_charge_versions $on_cluster
(
    account     UInt64               COMMENT 'consumer account',
    day         Date                 COMMENT 'local day of the tariff',
    version     UInt64               COMMENT 'snapshot of the inputs: a correction has a higher one',
    current     UInt8                COMMENT '1 for the version that counts',
    over        UInt8                COMMENT '1 when the local day had ended; versions from before are kept for a week',
    payment     String               COMMENT 'prepaid or postpaid: the book the charge is owed in',
    tariff      String               COMMENT 'id of the tariff version it was charged by',
    amount      Decimal(18, 6)       COMMENT 'owed for the day if positive, in the currency of the tariff',
    energy_wh   Decimal(18, 6)       COMMENT 'energy charged, Wh (VAh for a tariff in kVAh), after the multiplier',
    computed_at DateTime64(3, 'UTC') COMMENT 'when it was computed, UTC'
) AS
SELECT
    account, day, ver AS version, max(newest) AS current, any(ended) AS over, any(book) AS payment,
    any(priced_by) AS tariff, any(owed) AS amount,
    toDecimal64(toDecimal128(any(energy), 6) / 1000000, 6) AS energy_wh, max(made_at) AS computed_at
FROM
(
    SELECT account, day, ver, toUInt8(1) AS newest, over AS ended, payment AS book, tariff AS priced_by, amount AS owed, energy_uwh AS energy, at AS made_at
    FROM m.charge_days FINAL
    UNION ALL
    SELECT account, day, ver, toUInt8(0) AS newest, over AS ended, payment AS book, tariff AS priced_by, amount AS owed, energy_uwh AS energy, at AS made_at
    FROM m.charge_history FINAL
)
GROUP BY account, day, ver
