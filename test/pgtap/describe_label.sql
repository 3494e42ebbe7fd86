-- What columns say about the label, against R; three real data sets.
--
-- References: R 4.2, base functions alone.  Cells: levels of at least 20 rows, the
-- others together, NA by itself; of numbers the values, or findInterval() of the
-- starts sort(v)[floor(1:9 * n / 10) + 1], of what fills a tenth and of what follows
-- it.  With P, N the rows of either class and pos, neg those of a cell (both plus a
-- half where one is 0): log(pos / P) - log(neg / N), sum(woe * (pos / P - neg / N));
-- qchisq(0.95, k - 1) * (1 / P + 1 / N); chisq.test(correct = FALSE), cells that
-- expect fewer than 5 rows of a class pooled; AUC by rank(); prop.test(correct =
-- FALSE)$conf.int is Wilson's interval.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(35);

CREATE FUNCTION pg_temp.far(a float8, b float8) RETURNS float8 LANGUAGE sql AS
$$ SELECT CASE WHEN a = b THEN 0 ELSE abs(a - b) / greatest(abs(b), 1e-300) END $$;

-- by hand
CREATE TEMP TABLE leads AS
SELECT i, i % 4 = 0 OR i % 10 = 3 AS won,
	   CASE WHEN i % 7 = 0 THEN NULL WHEN i % 3 = 0 THEN 'Oslo' WHEN i = 1 THEN 'rare' ELSE 'Paris' END AS city,
	   i % 40 AS clicks, CASE WHEN i % 5 > 0 THEN 0 ELSE i % 50 + 1 END AS visits, (i * 7919 % 1009) / 8.0 AS amount, i % 2 = 0 AS even
FROM generate_series(1, 1000) i;
CREATE TEMP TABLE f AS SELECT lead_frame(won, l, '{"exclude": ["i"]}') AS frame FROM leads l;
CREATE TEMP TABLE cells AS SELECT d.* FROM f, lead_describe_label(frame) d;
CREATE TEMP TABLE columns AS SELECT d.* FROM f, lead_describe_label_columns(frame) d;
SELECT results_eq($$SELECT level, rows, positives FROM cells WHERE "column" = 'city' ORDER BY cell$$,
	$$SELECT level, count(*), count(*) FILTER (WHERE won) FROM (SELECT won, CASE WHEN city IS NULL THEN '(null)' WHEN city = 'rare' THEN '(other)' ELSE city END AS level FROM leads) l
	  GROUP BY level ORDER BY level LIKE '(%', level = '(null)', 2 DESC$$, 'levels: the most frequent first, rare ones together, NULL last');
SELECT results_eq($$SELECT "column", sum(rows), sum(positives) FROM cells WHERE "column" <> 'won' GROUP BY 1 ORDER BY 1$$,
	$$SELECT c, count(*)::numeric, count(*) FILTER (WHERE won)::numeric FROM leads, unnest('{amount,city,clicks,even,visits}'::text[]) c GROUP BY c ORDER BY c$$, 'every row is in one cell');
SELECT ok(bool_and(c.rows = n AND c.positives = p), 'bins hold what lies between their ends')
FROM cells c, LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE won) AS p FROM leads, LATERAL (SELECT CASE c."column" WHEN 'clicks' THEN clicks WHEN 'visits' THEN visits ELSE amount END AS x) v
	WHERE x >= lower AND (x < upper OR (x = upper AND c.level LIKE '%]') OR lower = upper AND x = lower)) l WHERE c."column" IN ('clicks', 'visits', 'amount');
SELECT results_eq($$SELECT level, lower, upper FROM cells WHERE "column" = 'visits' ORDER BY cell $$, $$VALUES ('0', 0::float8, 0::float8), ('[1, 26)', 1, 26), ('[26, 46]', 26, 46)$$, 'a number that fills a bin stands alone');
SELECT ok(bool_and(pg_temp.far(rate, positives::float8 / rows) < 1e-15 AND pg_temp.far(share, rows / 1000.0) < 1e-15), 'rates and shares') FROM cells;
SELECT ok(bool_and(pg_temp.far(c.information_value, s.iv) < 1e-12 AND s.n = c.cells AND s.one = 1), 'the parts add up to the information value')
FROM columns c JOIN (SELECT "column", sum(iv) AS iv, count(*) AS n, count(DISTINCT (information_value, auc)) AS one FROM cells GROUP BY 1) s USING ("column");
SELECT ok(bool_and(strength = CASE WHEN information_value < 0.02 THEN 'none' WHEN information_value < 0.1 THEN 'weak' WHEN information_value < 0.3 THEN 'medium' WHEN information_value < 0.5 THEN 'strong' ELSE 'suspicious' END), 'words') FROM columns;
SELECT cmp_ok(pg_temp.far(c.auc, greatest(e.auc, 1 - e.auc)), '<', 1e-12::float8, 'AUC of a number alone is that of lead_evaluate')
FROM columns c, LATERAL (SELECT (lead_evaluate((amount / 200)::float8, won)).auc FROM leads) e WHERE c."column" = 'amount';
SELECT is(c.direction, CASE WHEN e.auc > 0.5 THEN 'rising' ELSE 'falling' END, 'its direction')
FROM columns c, LATERAL (SELECT (lead_evaluate((amount / 200)::float8, won)).auc FROM leads) e WHERE c."column" = 'amount';
SELECT is((lowest_level, highest_level)::text, (SELECT (min(level) FILTER (WHERE lo), min(level) FILTER (WHERE hi))::text
	FROM (SELECT level, rate = min(rate) OVER () AS lo, rate = max(rate) OVER () AS hi FROM cells WHERE "column" = 'city' AND rows >= 20) x), 'the lowest and the highest rate') FROM columns WHERE "column" = 'city';
SELECT is(note, 'label (equal to the label on every labelled row)', 'the label''s own column is noted') FROM columns WHERE "column" = 'won';
SELECT ok((SELECT a.frame = b.frame FROM f a, (SELECT lead_frame(won, l, '{"exclude": ["i"]}') AS frame FROM (SELECT * FROM leads ORDER BY amount DESC) l) b), 'the same frame in any order');

-- noise is what chance gives: about one column in twenty exceeds it
CREATE TEMP TABLE noise AS
SELECT hashint4(i) & 1 AS y, s.* FROM generate_series(1, 2000) i, LATERAL (SELECT (hashint4(i + 1000000) & 7)::text AS a, (hashint4(i * 3 + 5000000) & 15)::text AS b, hashint4(i * 7 + 9000000) AS c) s;
SELECT ok(bool_and(NOT beyond_chance AND information_value < 3 * chance_value), 'noise') FROM lead_describe_label_columns((SELECT lead_frame(y, n, '{"exclude": ["y"]}') FROM noise n)) WHERE "column" <> 'c';

-- real data
CREATE TEMP TABLE expected (set text, "column" text, cells int, iv float8, chance float8, p float8, auc float8);
INSERT INTO expected VALUES
	('olist', 'origin', 11, 0.22622757073169131, 0.024299888772225879, 3.0484949596555469e-25, 0.61475814977710441),
	('olist', 'landing_page_id', 65, 0.53042065152026052, 0.05486894473691864, 4.1200784861529154e-51, 0.69324880422151125),
	('codepro', 'city_tier', 3, 0.022434043400910625, 0.00095897963541710619, 4.5202276440346028e-31, 0.5381345237045797),
	('codepro', 'first_platform_c', 9, 0.96428671815770661, 0.0024820638265799235, 0, 0.713240757627565),
	('codepro', 'first_utm_medium_c', 48, 0.91183869287740127, 0.010243866510907172, 0, 0.71400369730507041),
	('codepro', 'first_utm_source_c', 13, 0.60385853451364002, 0.0033653829726084726, 0, 0.66082181867536904),
	('codepro', 'total_leads_droppped', 4, 0.42114074375619659, 0.0012508068530858723, 0, 0.65204377093042887),
	('codepro', 'referred_lead', 2, 0.20061775758423248, 0.00061485480726365151, 1.0312861208519289e-160, 0.53060173087942453),
	('codepro', 'assistance_interaction', 7, 0.00066469325119348306, 0.00061485480726365151, 0.73947177892051541, 0.50003990072648019),
	('codepro', 'payment_interaction', 2, 0.00039216713699687707, 0.00061485480726365151, 0.13182104384209603, 0.50019990392058777),
	('codepro', 'syllabus_interaction', 2, 6.9396667608005795e-05, 0.00061485480726365151, 0.51168705572589113, 0.5001201825252648),
	('campaign', 'goal', 10, 0.00032957555140113268, 0.0006767614961306497, 0.51027917236903042, 0.50245000585930066),
	('campaign', 'raised', 10, 2.0383033384751696, 0.0006767614961306497, 0, 0.70146732886612717),
	('campaign', 'days', 10, 0.00034970625585537267, 0.0006767614961306497, 0.46141538216079581, 0.50161521670882192),
	('campaign', 'backers', 10, 0.00042659126128535412, 0.0006767614961306497, 0.29943506680712023, 0.50149979650088072),
	('campaign', 'category', 5, 8.4622494400600745e-05, 0.0003795105028131673, 0.71451901086527458, 0.5024478760517731),
	('campaign', 'month', 12, 0.00063180158832087778, 0.00078700828450938042, 0.14897952643082282, 0.50717295695209907),
	('campaign', 'experience', 10, 0.00048621073306497048, 0.0006767614961306497, 0.20475365695053696, 0.50404485669614152),
	('campaign', 'video', 2, 3.151419928854912e-05, 0.00015365889591976672, 0.37475100125862976, 0.50140342656027082);
\set here `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
\if :here
\o /dev/null
\ir ../demo/explore.sql
\o
SELECT cmp_ok(greatest(abs(d.cells - e.cells), pg_temp.far(d.information_value, e.iv), pg_temp.far(d.chance_value, e.chance),
			  pg_temp.far(d.p_value, e.p), pg_temp.far(d.auc, e.auc)), '<', 1e-10::float8, format('%s, %s', e.set, e."column"))
FROM expected e JOIN explored USING (set), LATERAL lead_describe_label_columns(frame) d WHERE d."column" = e."column";
SELECT cmp_ok(max(greatest(abs(d.rows - e.rows), abs(d.positives - e.positives), pg_temp.far(d.rate_low, e.low), pg_temp.far(d.rate_high, e.high), pg_temp.far(d.woe, e.woe), pg_temp.far(d.iv, e.iv))), '<', 1e-10::float8, 'Olist: levels, one without a deal')
FROM (VALUES
	('organic search', 2296, 271, 0.10546759655315234::float8, 0.1318711368309258::float8, 0.12899971842270586::float8, 0.005024858967934127::float8),
	('other', 150, 4, 0.010417940822967982, 0.066553890512144526, -1.4571063835048008, 0.022798126967302452),
	('(null)', 60, 14, 0.14439561736642828, 0.35436270377601958, 0.95062181020980852, 0.0096970100878274196),
	('0b37d43dbde6452cdd94c17bf61a88e4', 27, 0, 0, 0.12455502974186702, -1.8671273081488264, 0.0070428104666133435)) e(level, rows, positives, low, high, woe, iv)
	JOIN (SELECT l.* FROM explored, lead_describe_label(frame) l WHERE set = 'olist') d USING (level);
SELECT is(count(*) FILTER (WHERE beyond_chance AND note IS NULL)::int, 1, 'campaign: nothing but the amount raised says anything') FROM explored, lead_describe_label_columns(frame) WHERE set = 'campaign';
SELECT results_eq($$SELECT "column", left(note, 10) FROM explored, lead_describe_label_columns(frame) WHERE set = 'olist' AND note IS NOT NULL$$,
	$$VALUES ('mql_id', 'identifier'), ('first_contact_date', 'time (a ti'), ('won', 'label (equ')$$, 'Olist: what a fit would leave out');
\else
SELECT skip('../shared/data is not here', 22);
\endif
SELECT * FROM finish();
ROLLBACK;
