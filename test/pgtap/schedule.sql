-- When a cron schedule was due, and what lead_schedule() refuses.  Jobs that run: test/t/020_jobs.pl.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(50);

-- By hand, from 12 March 2025, a Wednesday, 10:07:30 GMT.
SELECT is(leadscore.cron_due(schedule, '2025-03-12 10:07:30+00', zone), due::timestamptz, format('%s in %s', schedule, zone))
FROM (VALUES
	('* * * * *', 'GMT', '2025-03-12 10:07:00+00'),
	('*/15 * * * *', 'GMT', '2025-03-12 10:00:00+00'),
	('8 * * * *', 'GMT', '2025-03-12 09:08:00+00'),
	('7 10 * * *', 'GMT', '2025-03-12 10:07:00+00'),
	('30 3 * * *', 'GMT', '2025-03-12 03:30:00+00'),
	('30 3 * * *', 'Asia/Kolkata', '2025-03-11 22:00:00+00'),
	('30 22 * * *', 'America/New_York', '2025-03-12 02:30:00+00'),
	('5,10-14/2 */6 * jan,Mar *', 'GMT', '2025-03-12 06:14:00+00'),
	('0 9 * * mon-fri', 'GMT', '2025-03-12 09:00:00+00'),
	('0 9 * * 7', 'GMT', '2025-03-09 09:00:00+00'),
	('0 9 * * sun', 'GMT', '2025-03-09 09:00:00+00'),
	('0 9 1 * 1', 'GMT', '2025-03-10 09:00:00+00'),
	('0 9 1 * *', 'GMT', '2025-03-01 09:00:00+00'),
	('0 9 */30 * 6', 'GMT', '2025-03-01 09:00:00+00'),
	('0 0 29 2 *', 'GMT', '2024-02-29 00:00:00+00'),
	('0 0 30 2 *', 'GMT', NULL),
	('0 0 $ * *', 'GMT', '2025-02-28 00:00:00+00'),
	('@hourly', 'GMT', '2025-03-12 10:00:00+00'),
	('@daily', 'GMT', '2025-03-12 00:00:00+00'),
	('@weekly', 'GMT', '2025-03-09 00:00:00+00'),
	('@monthly', 'GMT', '2025-03-01 00:00:00+00'),
	('@yearly', 'GMT', '2025-01-01 00:00:00+00'),
	('@reboot', 'GMT', NULL),
	('30 seconds', 'GMT', '2025-03-12 10:07:00+00'),
	('  0	9 * * *  ', 'GMT', '2025-03-12 09:00:00+00')) AS v(schedule, zone, due);

-- Minute by minute: at every minute of ten weeks, the last one that fits.
CREATE FUNCTION pg_temp.wrong(schedule text, fits text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format($q$
		WITH minutes AS (
			SELECT t, max(t) FILTER (WHERE %s) OVER (ORDER BY t) AS due
			FROM (SELECT t, extract(minute FROM t) AS mi, extract(hour FROM t) AS h, extract(day FROM t) AS d,
					extract(month FROM t) AS mo, extract(dow FROM t) AS w
				  FROM generate_series(timestamp '2024-01-25', '2024-04-05', '1 minute') AS t) AS parts
		)
		SELECT count(*) FROM minutes
		WHERE due IS NOT NULL AND extract(epoch FROM t)::bigint %% (37 * 60) = 0
			AND leadscore.cron_due(%L, t AT TIME ZONE 'GMT', 'GMT') IS DISTINCT FROM due AT TIME ZONE 'GMT'$q$, fits, schedule) INTO n;
	RETURN n;
END;
$$;
SELECT is(pg_temp.wrong(schedule, fits), 0::bigint, 'minute by minute: ' || schedule)
FROM (VALUES
	('17 */5 * * *', 'mi = 17 AND h % 5 = 0'),
	('0-59/20 8-18 * * 1-5', 'mi % 20 = 0 AND h BETWEEN 8 AND 18 AND w BETWEEN 1 AND 5'),
	('0 12 13 * 5', 'mi = 0 AND h = 12 AND (d = 13 OR w = 5)'),
	('0 12 */2 * 5', 'mi = 0 AND h = 12 AND d % 2 = 1 AND w = 5'),
	('45 23 29-31 2,3 *', 'mi = 45 AND h = 23 AND d BETWEEN 29 AND 31 AND mo IN (2, 3)')) AS v(schedule, fits);

SELECT throws_ok(format('SELECT leadscore.cron_due(%L, now(), %L)', schedule, 'GMT'), '22023', NULL, 'no schedule: ' || schedule)
FROM (VALUES ('60 * * * *'), ('* 24 * * *'), ('* * 0 * *'), ('* * * 13 *'), ('* * * * 8'), ('* * * *'), ('* * * * * *'), (''),
	('5/2 * * * *'), ('9-5 * * * *'), ('*/0 * * * *'), ('a * * * *'), ('* * * foo *'), ('1,,2 * * * *'), ('0 seconds'), ('@often')) AS v(schedule);

SELECT throws_ok($$SELECT lead_schedule('nobody', 'retrain', '* * * * *')$$, '42704', 'model "nobody" does not exist', 'a job of no model');
SELECT throws_ok($$SELECT lead_schedule('nobody', 'dance', '* * * * *')$$, '22023', 'unknown action "dance"', 'an action that is none');
SELECT throws_ok($$SELECT lead_unschedule('nobody', 'retrain')$$, '42704', 'model "nobody" has no job "retrain"', 'no job to end');
SELECT throws_ok($$CALL lead_run_job('nobody', 'dance')$$, '22023', 'unknown action "dance"', 'a run of an action that is none');
SELECT * FROM finish();
ROLLBACK;
