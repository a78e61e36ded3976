-- The read contract for billing services, version 1. A column is never changed or taken away; what must change becomes a v2 beside it.
-- Names, types and comments here are what docs/read-contract.md lists; tests hold the three together.
CREATE OR REPLACE VIEW m.v1_interval_reads $on_cluster
(
    account        UInt64          COMMENT 'consumer account the meter served at the start of the interval, 0 none',
    meter          UInt32          COMMENT 'meter number of m.meters',
    serial         String          COMMENT 'serial number on the plate of the meter',
    interval_start DateTime('UTC') COMMENT 'start of the interval, UTC',
    interval_s     UInt32          COMMENT 'length of the interval, s',
    import_wh      UInt32          COMMENT 'active energy imported, Wh, before any transformer multiplier',
    export_wh      UInt32          COMMENT 'active energy exported, Wh, before any transformer multiplier',
    import_vah     UInt32          COMMENT 'apparent energy imported, VAh, before any transformer multiplier',
    export_vah     UInt32          COMMENT 'apparent energy exported, VAh, before any transformer multiplier',
    present        UInt16          COMMENT 'bit set: the channel was in the read; bit 0 import_wh, 1 export_wh, 2 import_vah, 3 export_vah',
    quality        String          COMMENT 'VALID, ESTIMATED, MANUAL or SUSPECT; withdrawn reads are not shown',
    flags          UInt32          COMMENT 'bit mask of the checks that fired, as in m.reads',
    version        UInt64          COMMENT 'journal position: a correction has a higher one'
) AS
SELECT
    arrayFirst(x -> r.interval_start >= x.1 AND r.interval_start < x.2, l.links).3 AS account,
    r.meter AS meter, k.serial AS serial, r.interval_start AS interval_start, toUInt32(r.interval_s) AS interval_s,
    r.imp_wh AS import_wh, r.exp_wh AS export_wh, r.imp_vah AS import_vah, r.exp_vah AS export_vah, r.present AS present,
    transform(r.quality, [0, 1, 2, 3], ['VALID', 'ESTIMATED', 'MANUAL', 'SUSPECT'], 'REJECTED') AS quality,
    r.flags AS flags, r.ver AS version
FROM (SELECT meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, exp_vah, present, quality, flags, ver FROM m.reads FINAL WHERE quality != 4) AS r
LEFT JOIN (SELECT meter, serial FROM m.meters FINAL) AS k ON k.meter = r.meter
LEFT JOIN (SELECT meter, groupArray((from_time, to_time, account)) AS links FROM m.account_links_v GROUP BY meter) AS l ON l.meter = r.meter
;;
CREATE OR REPLACE VIEW m.v1_daily_consumption $on_cluster
(
    account    UInt64 COMMENT 'consumer account the meter served, 0 none',
    meter      UInt32 COMMENT 'meter number of m.meters',
    day        Date   COMMENT 'Indian day (UTC+05:30) in which the intervals start',
    import_wh  UInt64 COMMENT 'active energy imported, Wh, of VALID, ESTIMATED and MANUAL reads, before any transformer multiplier',
    export_wh  UInt64 COMMENT 'active energy exported, Wh, of the same reads',
    import_vah UInt64 COMMENT 'apparent energy imported, VAh, of the same reads',
    export_vah UInt64 COMMENT 'apparent energy exported, VAh, of the same reads',
    seconds    UInt32 COMMENT 'how much of the day these reads cover, s; 86400 is all of it',
    intervals  UInt32 COMMENT 'how many of these reads there are',
    estimated  UInt32 COMMENT 'of these, ESTIMATED',
    suspect    UInt32 COMMENT 'SUSPECT reads, which are not in the sums',
    version    UInt64 COMMENT 'newest version of any read of the day'
) AS
SELECT
    account, meter, toDate(interval_start, 'Asia/Kolkata') AS day,
    sumIf(c.import_wh, c.quality != 'SUSPECT') AS import_wh,
    sumIf(c.export_wh, c.quality != 'SUSPECT') AS export_wh,
    sumIf(c.import_vah, c.quality != 'SUSPECT') AS import_vah,
    sumIf(c.export_vah, c.quality != 'SUSPECT') AS export_vah,
    toUInt32(sumIf(c.interval_s, c.quality != 'SUSPECT')) AS seconds,
    toUInt32(countIf(c.quality != 'SUSPECT')) AS intervals,
    toUInt32(countIf(c.quality = 'ESTIMATED')) AS estimated,
    toUInt32(countIf(c.quality = 'SUSPECT')) AS suspect,
    max(c.version) AS version
FROM m.v1_interval_reads AS c
GROUP BY account, meter, day
;;
CREATE OR REPLACE VIEW m.v1_charges $on_cluster
(
    account     UInt64               COMMENT 'consumer account',
    day         Date                 COMMENT 'local day of the tariff',
    payment     String               COMMENT 'prepaid or postpaid: the book the charge is owed in',
    tariff      String               COMMENT 'id of the tariff version it was charged by',
    kind        String               COMMENT 'accrual (by the interval), settlement (against the register), day or month',
    component   String               COMMENT 'what for: energy, a fixed charge, a levy, as the tariff names it',
    amount      Decimal(18, 6)       COMMENT 'owed if positive, in the currency of the tariff',
    energy_wh   Decimal(18, 6)       COMMENT 'energy it is for, Wh (VAh for a tariff in kVAh), after the multiplier',
    over        UInt8                COMMENT '1 when the local day had ended: before that the amount still grows',
    charged_to  DateTime('UTC')      COMMENT 'end of the last interval in it, UTC',
    computed_at DateTime64(3, 'UTC') COMMENT 'when it was computed, UTC',
    version     UInt64               COMMENT 'snapshot of the inputs: the highest counts, and only that is shown'
) AS
SELECT
    account, day, payment, tariff, kind, component, amount,
    toDecimal64(toDecimal128(energy, 6) / 1000000, 6) AS energy_wh,
    over, up_to AS charged_to, at AS computed_at, ver AS version
FROM
(
    SELECT account, day, payment, tariff, kinds, components, amounts, energies, over, up_to, at, ver
    FROM m.charge_days FINAL
)
ARRAY JOIN kinds AS kind, components AS component, amounts AS amount, energies AS energy
;;
CREATE OR REPLACE VIEW m.v1_balances $on_cluster
(
    account          UInt64               COMMENT 'consumer account',
    prepaid          Decimal(18, 6)       COMMENT 'what the prepaid book has, below zero when owed',
    postpaid         Decimal(18, 6)       COMMENT 'what the postpaid book has, below zero when owed',
    arrears          Decimal(18, 6)       COMMENT 'old debt, below zero when owed',
    last_recharge    Decimal(18, 6)       COMMENT 'last payment into the prepaid book, 0 none',
    last_recharge_at DateTime64(3, 'UTC') COMMENT 'when it was paid, UTC; 1970 never',
    charged_to       DateTime('UTC')      COMMENT 'charges up to here are in the balance, UTC; 1970 none'
) AS
SELECT account, prepaid, postpaid, arrears, last_recharge, last_recharge_at, up_to AS charged_to
FROM m.balances_v
;;
CREATE OR REPLACE VIEW m.v1_statement_lines $on_cluster
(
    account   UInt64          COMMENT 'consumer account',
    book      String          COMMENT 'prepaid, postpaid or arrears',
    day       Date            COMMENT 'local day the line counts from',
    kind      String          COMMENT 'charge, or the kind of the entry: opening, payment, refund, adjustment, transfer, conversion, recovery, late_payment, reversal',
    what      String          COMMENT 'component of a charge, reason of an entry',
    reference String          COMMENT 'tariff version of a charge, origin and reference of an entry',
    amount    Decimal(18, 6)  COMMENT 'in favour of the consumer if positive; the lines of a book add up to its balance',
    energy_wh Decimal(18, 6)  COMMENT 'energy of a charge, Wh (VAh for a tariff in kVAh); of the component energy only, 0 elsewhere',
    id        String          COMMENT 'of the line: unique in the account, the same whenever it is read',
    version   UInt64          COMMENT 'of a charge: snapshot of its inputs; of an entry: its place in the order of entries'
) AS
SELECT
    account, payment AS book, day, 'charge' AS kind, component AS what, tariff AS reference,
    -sum(c.amount) AS amount,
    toDecimal64(sum(if(c.component = 'energy', c.energy_wh, toDecimal64(0, 6))), 6) AS energy_wh,
    concat('charge/', toString(day), '/', component) AS id, max(c.version) AS version
FROM m.v1_charges AS c
GROUP BY account, payment, day, component, tariff
UNION ALL
SELECT
    account, book, toDate(paid_at, 'Asia/Kolkata') AS day, kind, reason AS what,
    concat(origin, ' ', reference) AS reference, amount, toDecimal64(0, 6) AS energy_wh, id, ver AS version
FROM m.entries FINAL
;;
CREATE OR REPLACE VIEW m.v1_bills $on_cluster
(
    account     UInt64                COMMENT 'consumer account',
    bill        String                COMMENT 'its number, the same for every version',
    period_from Date                  COMMENT 'first local day',
    period_to   Date                  COMMENT 'last local day',
    version     UInt32                COMMENT '1, 2, …: a corrected bill is a new version',
    current     UInt8                 COMMENT '1 for the version that counts',
    issued_on   Date                  COMMENT 'local day on which this version was issued',
    due_on      Date                  COMMENT 'last local day to pay without a late-payment charge',
    tariffs     Array(String)         COMMENT 'ids of the tariff versions charged by',
    components  Array(String)         COMMENT 'what for, one for each of amounts',
    amounts     Array(Decimal(18, 6)) COMMENT 'how much for each component',
    energy_wh   Decimal(18, 6)        COMMENT 'energy charged, Wh (VAh for a tariff in kVAh)',
    charged     Decimal(18, 6)        COMMENT 'charges of the period: the sum of amounts',
    brought     Decimal(18, 6)        COMMENT 'owed from before the period',
    received    Decimal(18, 6)        COMMENT 'paid and adjusted in the period, less late-payment charges',
    due         Decimal(18, 6)        COMMENT 'to be paid: charged + brought - received',
    difference  Decimal(18, 6)        COMMENT 'due of this version less due of the version before; of the first version 0',
    author      String                COMMENT 'who issued it',
    issued_at   DateTime64(3, 'UTC')  COMMENT 'when, UTC'
) AS
SELECT
    account, bill, period_from, period_to, toUInt32(ver) AS version,
    ver = max(ver) OVER (PARTITION BY account, period_from) AS current,
    issued_on, due_on, tariffs, components, amounts,
    toDecimal64(toDecimal128(energy_uwh, 6) / 1000000, 6) AS energy_wh,
    charged, brought, received, due,
    due - lagInFrame(due, 1, due) OVER (PARTITION BY account, period_from ORDER BY ver ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS difference,
    author, at AS issued_at
FROM m.bills FINAL
;;
-- Late data: what has a version below `stored` is visible and stays so; what has one below `charged` is in the charges as well.
CREATE OR REPLACE VIEW m.v1_watermark $on_cluster
(
    node        UInt16               COMMENT 'ingest node',
    stored      UInt64               COMMENT 'every read of the node with a version below this is visible',
    received_at DateTime64(3, 'UTC') COMMENT 'the last of them was received then, UTC',
    stored_at   DateTime64(3, 'UTC') COMMENT 'when the last of them was stored, UTC',
    charged     UInt64               COMMENT 'every read of the node with a version below this is in the charges; 0 before the first pass'
) AS
SELECT w.node AS node, w.stored AS stored, w.received_at AS received_at, w.stored_at AS stored_at, c.charged AS charged
FROM m.watermark_v AS w
LEFT JOIN
(
    SELECT source, min(ver) AS charged FROM m.worker_cursors FINAL WHERE startsWith(source, 'node ') GROUP BY source
) AS c ON c.source = concat('node ', toString(w.node))
;;
CREATE OR REPLACE VIEW m.v1_safe_to_bill $on_cluster
(
    account   UInt64        COMMENT 'consumer account',
    day       Date          COMMENT 'local day',
    safe      UInt8         COMMENT '1: over, priced and complete; only a correction can change it',
    reason    String        COMMENT 'why it is not safe, empty when it is',
    over      UInt8         COMMENT '1 when the local day had ended',
    tariff    String        COMMENT 'id of the tariff version, empty when nothing could be charged',
    reads     UInt32        COMMENT 'reads charged',
    expected  UInt32        COMMENT 'reads the meters of the account make in the day, 0 when it has none',
    estimated UInt32        COMMENT 'of the reads charged, estimated',
    held      Array(String) COMMENT 'what could not be charged, and why',
    settled   UInt8         COMMENT '1 when the registers of both midnights made good what intervals did not charge',
    version   UInt64        COMMENT 'snapshot of the inputs the day was charged from'
) AS
SELECT
    c.account AS account, c.day AS day, reason = '' AS safe,
    multiIf(
        c.over = 0, 'the day is not over',
        c.tariff = '', if(empty(c.held), 'nothing could be charged', concat('held: ', c.held[1])),
        settled, '',
        notEmpty(c.held), concat('held: ', c.held[1]),
        c.reads < expected, concat(toString(c.reads), ' of ', toString(expected), ' reads'),
        '') AS reason,
    c.over AS over, c.tariff AS tariff, c.reads AS reads,
    toUInt32(arraySum(
        x -> intDiv(greatest(0, least(toInt64(x.2), began + 86400) - greatest(toInt64(x.1), began)), x.3),
        l.links)) AS expected,
    c.estimated AS estimated, c.held AS held, has(c.kinds, 'settlement') AS settled, c.ver AS version
FROM (SELECT account, day, toInt64(toUInt32(toDateTime(day, 'Asia/Kolkata'))) AS began, over, tariff, reads, estimated, held, kinds, ver FROM m.charge_days FINAL) AS c
LEFT JOIN
(
    SELECT account, groupArray((toUInt32(from_time), toUInt32(to_time), k.interval_s)) AS links
    FROM m.account_links_v AS v JOIN (SELECT meter, interval_s FROM m.meters FINAL WHERE interval_s > 0) AS k ON k.meter = v.meter
    GROUP BY account
) AS l ON l.account = c.account
