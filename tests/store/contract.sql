-- Rows for the read contract: account 100 is prepaid on meter 7 and, from noon of the Indian day 2026-05-04, on meter 8;
-- account 200 is postpaid on meter 9.
INSERT INTO m.meters
    (meter, serial, interval_s, account, active, ver)
VALUES
    (7, 'S7', 43200, 100, 1, 1),
    (8, 'S8', 43200, 0, 1, 1),
    (9, 'S9', 43200, 200, 1, 1)
;;
INSERT INTO m.account_meters
    (account, meter, from_time, to_time, multiplier_ppm, ver)
VALUES
    (100, 7, '2020-01-01 00:00:00', '2026-05-04 06:30:00', 1000000, 5),
    (100, 8, '2026-05-04 06:30:00', '2106-02-07 06:28:15', 2000000, 6)
;;
INSERT INTO m.reads
    (meter, interval_start, interval_s, imp_wh, exp_wh, imp_vah, present, quality, ver)
VALUES
    (7, '2026-05-03 18:30:00', 43200, 1000, 5, 1100, 7, 0, 10),
    (7, '2026-05-03 18:30:00', 43200, 1500, 5, 1600, 7, 1, 14),
    (8, '2026-05-04 06:30:00', 43200, 300, 0, 0, 1, 0, 11),
    (9, '2026-05-03 18:30:00', 43200, 90, 0, 0, 1, 3, 12),
    (9, '2026-05-04 06:30:00', 43200, 70, 0, 0, 1, 4, 13)
;;
INSERT INTO m.charge_days
    (account, day, payment, tariff, amount, energy_uwh, kinds, components, amounts, energies, reads, estimated, held, over, up_to, at, ver)
VALUES
    (100, '2026-05-04', 'prepaid', 't1', 14.5, 2100000001, ['accrual', 'accrual', 'day'], ['energy', 'energy', 'fixed'], [7.5, 3, 4], [1500000001, 600000000, 0], 2, 1, [], 1, '2026-05-04 18:30:00', '2026-05-04 18:31:00', 40),
    (100, '2026-05-04', 'prepaid', 't1', 99, 0, [], [], [], [], 0, 0, [], 0, '2026-05-04 06:30:00', '2026-05-04 06:31:00', 30),
    (200, '2026-05-04', 'postpaid', 't1', 4, 0, ['day'], ['fixed'], [4], [0], 0, 0, ['quality_suspect'], 1, '2026-05-04 18:30:00', '2026-05-04 18:31:00', 41),
    (200, '2026-05-05', 'postpaid', 't1', 5, 90000000, ['settlement', 'day'], ['energy', 'fixed'], [1, 4], [90000000, 0], 1, 0, ['quality_suspect'], 1, '2026-05-05 18:30:00', '2026-05-05 18:31:00', 42),
    (200, '2026-05-06', 'postpaid', 't1', 4, 0, ['day'], ['fixed'], [4], [0], 1, 0, [], 1, '2026-05-06 18:30:00', '2026-05-06 18:31:00', 43),
    (200, '2026-05-07', 'postpaid', 't1', 4, 0, ['day'], ['fixed'], [4], [0], 0, 0, [], 0, '2026-05-06 18:30:00', '2026-05-06 18:31:00', 44)
;;
INSERT INTO m.charge_history
    (account, day, payment, tariff, amount, energy_uwh, over, up_to, at, ver)
VALUES
    (100, '2026-05-04', 'prepaid', 't1', 13.25, 1900000000, 1, '2026-05-04 18:30:00', '2026-05-04 18:30:30', 38),
    (100, '2026-05-04', 'prepaid', 't1', 14.5, 2100000001, 1, '2026-05-04 18:30:00', '2026-05-04 18:31:00', 40),
    (100, '2026-05-04', 'prepaid', 't1', 13.25, 1900000000, 1, '2026-05-04 18:30:00', '2026-05-04 18:30:30', 38)
;;
INSERT INTO m.entries
    (account, id, kind, book, amount, origin, reference, reason, paid_at, at, ver)
VALUES
    (100, 'e1', 'payment', 'prepaid', 500.25, 'upi', 'r1', '', '2026-05-03 18:29:59.999', '2026-05-03 18:30:01', 20),
    (100, 'e1', 'payment', 'prepaid', 500.25, 'upi', 'r1', '', '2026-05-03 18:29:59.999', '2026-05-03 18:30:01', 20),
    (100, 'e2', 'conversion', 'arrears', -80, 'office', 'c1', 'old debt', '2026-05-03 18:30:00', '2026-05-03 18:30:01', 21),
    (200, 'e3', 'late_payment', 'postpaid', -1.5, 'billing', 'l1', '', '2026-05-03 18:30:00', '2026-05-03 18:30:01', 22)
;;
INSERT INTO m.bills
    (account, period_from, period_to, bill, tariffs, components, amounts, energy_uwh, charged, brought, received, due, issued_on, due_on, author, at, ver)
VALUES
    (200, '2026-04-01', '2026-04-30', '200-20260401', ['t1'], ['energy', 'fixed'], [100, 20], 5000000000, 120, 10, 30, 100, '2026-05-01', '2026-05-16', 'asha', '2026-05-01 04:00:00', 1),
    (200, '2026-04-01', '2026-04-30', '200-20260401', ['t1'], ['energy', 'fixed'], [98, 20], 4900000000, 118, 10, 30, 98, '2026-05-03', '2026-05-16', 'asha', '2026-05-03 04:00:00', 2)
;;
INSERT INTO m.batches
    (node, first, next, received_at_max, reads, token, at)
VALUES
    (1, 10, 15, '2026-05-04 18:30:20', 5, 't', '2026-05-04 18:30:21')
;;
INSERT INTO m.worker_cursors
    (shard, source, at, ver)
VALUES
    (0, 'node 1', '2026-05-04 18:31:00', 15),
    (1, 'node 1', '2026-05-04 18:31:00', 13)
