-- What every account is charged by, from which local day on: of two rows for one day the newer.
CREATE OR REPLACE VIEW m.account_terms_v $on_cluster AS
SELECT
    account, effective_from,
    argMax(t.payment, t.ver) AS payment,
    argMax(t.tariff, t.ver) AS tariff,
    argMax(t.class, t.ver) AS class,
    argMax(t.area, t.ver) AS area,
    argMax(t.load_w, t.ver) AS load_w,
    argMax(t.net_metered, t.ver) AS net_metered,
    argMax(t.recover_ppm, t.ver) AS recover_ppm,
    argMax(t.recover_month, t.ver) AS recover_month,
    argMax(t.closed, t.ver) AS closed,
    max(t.ver) AS ver
FROM m.account_terms AS t
GROUP BY account, effective_from
;;
-- Which meter serves an account, and when. A meter that no standing row links serves the account its registry entry names, for all time.
CREATE OR REPLACE VIEW m.account_links_v $on_cluster AS
SELECT account, meter, from_time, to_time, multiplier_ppm, ver
FROM
(
    SELECT
        account, meter, from_time,
        argMax(l.to_time, l.ver) AS to_time,
        argMax(l.multiplier_ppm, l.ver) AS multiplier_ppm,
        argMax(l.removed, l.ver) AS removed,
        max(l.ver) AS ver
    FROM m.account_meters AS l
    GROUP BY account, meter, from_time
)
WHERE removed = 0
UNION ALL
SELECT account, meter, toDateTime(0, 'UTC') AS from_time, toDateTime(4294967295, 'UTC') AS to_time, toUInt64(1000000) AS multiplier_ppm, toUInt64(0) AS ver
FROM (SELECT meter, account FROM m.meters FINAL WHERE account != 0)
WHERE meter NOT IN
(
    SELECT meter
    FROM (SELECT account, meter, from_time, argMax(l.removed, l.ver) AS removed FROM m.account_meters AS l GROUP BY account, meter, from_time)
    WHERE removed = 0
)
;;
-- Money other than charges; the same entry twice is one.
CREATE OR REPLACE VIEW m.entries_v $on_cluster AS
SELECT account, id, kind, book, amount, origin, reference, other, author, reason, paid_at, at, ver
FROM m.entries FINAL
;;
-- What every account has: entries less the newest charges of every day, one column for each book; arrears are below zero.
CREATE OR REPLACE VIEW m.balances_v $on_cluster AS
SELECT
    account,
    sum(b.prepaid) AS prepaid,
    sum(b.postpaid) AS postpaid,
    sum(b.arrears) AS arrears,
    argMax(b.recharge, b.recharge_at) AS last_recharge,
    max(b.recharge_at) AS last_recharge_at,
    max(b.up_to) AS up_to
FROM
(
    SELECT
        account,
        if(book = 'prepaid', amount, toDecimal64(0, 6)) AS prepaid,
        if(book = 'postpaid', amount, toDecimal64(0, 6)) AS postpaid,
        if(book = 'arrears', amount, toDecimal64(0, 6)) AS arrears,
        if(kind = 'payment' AND book = 'prepaid', amount, toDecimal64(0, 6)) AS recharge,
        if(kind = 'payment' AND book = 'prepaid', paid_at, toDateTime64(0, 3, 'UTC')) AS recharge_at,
        toDateTime(0, 'UTC') AS up_to
    FROM m.entries FINAL
    UNION ALL
    SELECT
        account,
        if(payment = 'prepaid', -amount, toDecimal64(0, 6)) AS prepaid,
        if(payment = 'postpaid', -amount, toDecimal64(0, 6)) AS postpaid,
        toDecimal64(0, 6) AS arrears,
        toDecimal64(0, 6) AS recharge,
        toDateTime64(0, 3, 'UTC') AS recharge_at,
        c.up_to AS up_to
    FROM m.charge_days AS c FINAL
) AS b
GROUP BY account
