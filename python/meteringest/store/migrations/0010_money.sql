-- Rules as they were loaded: tariffs, calendars, fuel adjustments and disconnection policies. The text is the truth; a version is never changed.
CREATE TABLE IF NOT EXISTS m.rules $on_cluster
(
    kind           String                COMMENT 'tariff, calendar, fuel or policy',
    name           String                COMMENT 'as in the file',
    id             String                COMMENT 'digest of the content; charges, bills and decisions name it',
    area           String                COMMENT 'of a policy: the area path it is for',
    effective_from Date                  COMMENT 'first local day',
    effective_to   Date                  COMMENT 'last local day, 2149-06-06 open',
    revision       UInt32                COMMENT 'of two with the same first day the higher one counts',
    text           String                COMMENT 'the file, as loaded',
    loaded_by      String                COMMENT 'who loaded it',
    loaded_at      DateTime64(3, 'UTC')  COMMENT 'when, UTC',
    ver            UInt64                COMMENT 'place in the order of all changes to rules and accounts'
)
ENGINE = $replacing_ver
ORDER BY (kind, name, id)
SETTINGS $durable
;;
-- What an account is charged by, from a local day on. Every version stays: m.account_terms_v shows the newest.
CREATE TABLE IF NOT EXISTS m.account_terms $on_cluster
(
    account        UInt64                COMMENT 'consumer account',
    effective_from Date                  COMMENT 'first local day',
    payment        String                COMMENT 'prepaid or postpaid',
    tariff         String                COMMENT 'name of the tariff',
    class          String                COMMENT 'consumer class, for the policy',
    area           String                COMMENT 'area path, for the policy',
    load_w         UInt32                COMMENT 'sanctioned load, W (VA where the tariff is per kVA)',
    net_metered    UInt8                 COMMENT '1 when export is set against import',
    recover_ppm    UInt32                COMMENT 'share of every recharge that goes to arrears, parts per million',
    recover_month  Decimal(18, 6)        COMMENT 'what goes from the balance to arrears in a month, a part of it each day',
    closed         UInt8                 COMMENT '1 from this day on the account is closed',
    author         String                COMMENT 'who said so',
    reason         String                COMMENT 'why',
    at             DateTime64(3, 'UTC')  COMMENT 'when it was entered, UTC',
    ver            UInt64                COMMENT 'the higher one counts'
)
ENGINE = $replacing
ORDER BY (account, effective_from, ver)
SETTINGS $durable
;;
-- Which meter serves an account, and when; a meter without a row serves the account its registry entry names.
CREATE TABLE IF NOT EXISTS m.account_meters $on_cluster
(
    account        UInt64                COMMENT 'consumer account',
    meter          UInt32                COMMENT 'meter number of m.meters',
    from_time      DateTime('UTC')       COMMENT 'from this instant, UTC',
    to_time        DateTime('UTC')       COMMENT 'until this instant, UTC; 2106-02-07 06:28:15 open',
    multiplier_ppm UInt64                COMMENT 'of its transformers, parts per million',
    removed        UInt8                 COMMENT '1 takes the link back',
    author         String                COMMENT 'who said so',
    reason         String                COMMENT 'why',
    at             DateTime64(3, 'UTC')  COMMENT 'when it was entered, UTC',
    ver            UInt64                COMMENT 'the higher one counts'
)
ENGINE = $replacing
ORDER BY (account, meter, from_time, ver)
SETTINGS $durable
;;
-- Money other than charges. A row is never changed; what was wrong is answered by another row.
CREATE TABLE IF NOT EXISTS m.entries $on_cluster
(
    account   UInt64               CODEC(Delta(8), ZSTD(1)) COMMENT 'consumer account',
    id        String               CODEC(ZSTD(1)) COMMENT 'made from kind, origin and reference: the same entry twice is one',
    kind      String               CODEC(ZSTD(1)) COMMENT 'opening, payment, refund, adjustment, transfer, conversion, recovery, late_payment or reversal',
    book      String               CODEC(ZSTD(1)) COMMENT 'prepaid, postpaid or arrears',
    amount    Decimal(18, 6)       CODEC(ZSTD(1)) COMMENT 'in favour of the consumer if positive',
    origin    String               CODEC(ZSTD(1)) COMMENT 'gateway of a payment, office of an adjustment',
    reference String               CODEC(ZSTD(1)) COMMENT 'its number there',
    other     UInt64               CODEC(ZSTD(1)) COMMENT 'the other account of a transfer, 0 none',
    author    String               CODEC(ZSTD(1)) COMMENT 'who entered it',
    reason    String               CODEC(ZSTD(1)) COMMENT 'why',
    paid_at   DateTime64(3, 'UTC') CODEC(ZSTD(1)) COMMENT 'when it counts from, UTC',
    at        DateTime64(3, 'UTC') CODEC(ZSTD(1)) COMMENT 'when it was entered, UTC',
    ver       UInt64               CODEC(Delta(8), ZSTD(1)) COMMENT 'place in the order of all changes to rules and accounts',
    INDEX by_reference reference TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = $replacing
ORDER BY (account, id, amount)
SETTINGS $durable, index_granularity = 1024
;;
-- Payments that were not taken, with what was wrong.
CREATE TABLE IF NOT EXISTS m.refused_entries $on_cluster
(
    at        DateTime64(3, 'UTC') COMMENT 'when, UTC',
    account   UInt64               COMMENT 'as it was given',
    kind      String               COMMENT 'of the entry that was wanted',
    amount    String               COMMENT 'as it was given',
    origin    String               COMMENT 'gateway or office',
    reference String               COMMENT 'its number there',
    problem   String               COMMENT 'unknown_account, other_amount, other_account, negative, inexact or another word of docs/accounts.md',
    found     String               COMMENT 'what it was held against'
)
ENGINE = $replacing
ORDER BY (at, origin, reference, account)
SETTINGS $durable
;;
-- One row per account and local day: its charges as a function of all inputs before `ver`.
CREATE TABLE IF NOT EXISTS m.charge_days $on_cluster
(
    account     UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'consumer account',
    day         Date                  CODEC(ZSTD(1)) COMMENT 'local day',
    payment     String                CODEC(ZSTD(1)) COMMENT 'prepaid or postpaid: which book it is owed in',
    tariff      String                CODEC(ZSTD(1)) COMMENT 'id of the tariff version, empty when nothing could be charged',
    amount      Decimal(18, 6)        CODEC(ZSTD(1)) COMMENT 'owed for the day, sum of amounts',
    energy_uwh  Int64                 CODEC(T64, ZSTD(1)) COMMENT 'energy charged, in millionths of a Wh (or VAh)',
    kinds       Array(String)         CODEC(ZSTD(1)) COMMENT 'accrual, settlement, day or month, one for each line',
    components  Array(String)         CODEC(ZSTD(1)) COMMENT 'what for, one for each line',
    amounts     Array(Decimal(18, 6)) CODEC(ZSTD(1)) COMMENT 'how much, one for each line',
    energies    Array(Int64)          CODEC(ZSTD(1)) COMMENT 'for how much energy, one for each line, in millionths of a Wh (or VAh)',
    reads       UInt32                CODEC(ZSTD(1)) COMMENT 'reads charged',
    estimated   UInt32                CODEC(ZSTD(1)) COMMENT 'of these, estimated',
    held        Array(String)         CODEC(ZSTD(1)) COMMENT 'what could not be charged, and why',
    over        UInt8                 CODEC(ZSTD(1)) COMMENT '1 when the local day had ended',
    up_to       DateTime('UTC')       CODEC(ZSTD(1)) COMMENT 'end of the last interval charged, UTC',
    closing     String                CODEC(ZSTD(1)) COMMENT 'month to date, with which the next day opens',
    made_from   UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'newest position among the reads and registers of the day, 0 none',
    at          DateTime64(3, 'UTC')  CODEC(ZSTD(1)) COMMENT 'when it was computed, UTC',
    ver         UInt64                CODEC(Delta(8), ZSTD(1)) COMMENT 'snapshot of the inputs: the higher one counts'
)
ENGINE = $replacing_ver
PARTITION BY toYYYYMM(day)
ORDER BY (account, day)
SETTINGS $durable
;;
-- Every version of every day, written before the newest stands in m.charge_days: corrections are differences of its rows.
-- Versions from before the day had ended are kept for a week, `closing` is not kept.
CREATE TABLE IF NOT EXISTS m.charge_history $on_cluster
AS m.charge_days
ENGINE = $replacing
PARTITION BY toYYYYMM(day)
ORDER BY (account, day, ver)
TTL toDateTime(at) + INTERVAL 7 DAY DELETE WHERE over = 0
SETTINGS $durable
;;
-- How far the workers have charged: one row for each shard of accounts and source of changes.
CREATE TABLE IF NOT EXISTS m.worker_cursors $on_cluster
(
    shard  UInt16               COMMENT 'account modulo the number of shards; 65535 all of them',
    source String               COMMENT 'node N: reads of that ingest node; rules, entered, registry: changes to rules and accounts; days: local days that ended; clock: up to when days have ended; sweeps: how many',
    at     DateTime64(3, 'UTC') COMMENT 'when, UTC',
    ver    UInt64               COMMENT 'position, version or UTC second up to which everything is charged'
)
ENGINE = $replacing_ver
ORDER BY (shard, source)
SETTINGS $durable
;;
-- Bills of postpaid accounts; a corrected bill is a new version.
CREATE TABLE IF NOT EXISTS m.bills $on_cluster
(
    account     UInt64                COMMENT 'consumer account',
    period_from Date                  COMMENT 'first local day',
    period_to   Date                  COMMENT 'last local day',
    bill        String                COMMENT 'its number',
    tariffs     Array(String)         COMMENT 'ids of the tariff versions charged by',
    components  Array(String)         COMMENT 'what for, one for each line',
    amounts     Array(Decimal(18, 6)) COMMENT 'how much, one for each line',
    energy_uwh  Int64                 COMMENT 'energy charged, in millionths of a Wh (or VAh)',
    charged     Decimal(18, 6)        COMMENT 'sum of amounts',
    brought     Decimal(18, 6)        COMMENT 'owed from before',
    received    Decimal(18, 6)        COMMENT 'paid and adjusted in the period',
    due         Decimal(18, 6)        COMMENT 'to be paid: charged + brought - received',
    issued_on   Date                  COMMENT 'local day',
    due_on      Date                  COMMENT 'last local day to pay without a late-payment charge',
    author      String                COMMENT 'who issued it',
    at          DateTime64(3, 'UTC')  COMMENT 'when, UTC',
    ver         UInt64                COMMENT 'the higher one counts'
)
ENGINE = $replacing
ORDER BY (account, period_from, ver)
SETTINGS $durable
;;
-- What is to be told or switched, and why; delivering it is somebody else's.
CREATE TABLE IF NOT EXISTS m.outbox $on_cluster
(
    account  UInt64               COMMENT 'consumer account',
    id       String               COMMENT 'made from what it is about: the same decision twice is one',
    kind     String               COMMENT 'notice, disconnect, reconnect or operator',
    subject  String               COMMENT 'which notice, or which supply',
    meter    UInt32               COMMENT 'meter to be switched, 0 none',
    place    String               COMMENT 'clause of the policy it rests on',
    says     String               COMMENT 'what the clause says here',
    policy   String               COMMENT 'id of the policy',
    evidence String               COMMENT 'the figures it saw, JSON',
    at       DateTime64(3, 'UTC') COMMENT 'when it was decided, UTC',
    ver      UInt64               COMMENT 'the higher one counts'
)
ENGINE = $replacing_ver
ORDER BY (account, id)
SETTINGS $durable
