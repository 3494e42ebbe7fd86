-- Options: what each takes, and that every mistake is named.
CREATE SCHEMA options_test;
SET search_path = options_test, public;
SET timezone = 'UTC';
\pset format unaligned
\i test/lib/error_of.psql

CREATE TABLE leads AS
SELECT i % 3 = 0 OR i % 13 = 0 AS won,
	   CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Paris' ELSE 'Rome' END AS city,
	   i % 5 AS clicks, (i % 11) / 4.0 AS amount, 1 + i % 2 AS weight, (i % 3) / 10.0 AS base,
	   '2024-01-01 00:00+00'::timestamptz + i * interval '7 hours' AS created,
	   '2024-01-01'::date + i AS day, i % 7 AS seller
FROM generate_series(0, 299) i;

-- what a call of each kind says to an option: nothing, or the error
CREATE FUNCTION try_options(options jsonb) RETURNS TABLE (call text, says text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT q.call, error_of(q.query) FROM (VALUES
		('frame', format('SELECT lead_frame(won, l, %L)::text::leadframe FROM leads l', options)),
		('train', format('SELECT lead_train(won, l, %L) FROM leads l', options)),
		('fit', format('SELECT lead_fit((SELECT lead_frame(won, l) FROM leads l), %L)', options))
	) q(call, query);
END;
$$;

-- ---- every option with a value that it takes, and where it acts ----
SET client_min_messages = error;
SELECT o.option, max(t.says) FILTER (WHERE t.call = 'frame') AS frame,
	   max(t.says) FILTER (WHERE t.call = 'train') AS train,
	   max(t.says) FILTER (WHERE t.call = 'fit') AS fit
FROM unnest('{
	"{\"allow\": [\"city\"]}", "{\"allow\": \"city\"}", "{\"exclude\": []}", "{\"exclude\": \"city\"}",
	"{\"exclude\": [\"city\", \"amount\"]}", "{\"lambda\": 1, \"alpha\": 0.5}", "{\"lambda\": 0}", "{\"lambda\": 0.5}", "{\"lambda\": 1e12}",
	"{\"class_weight\": \"balanced\"}", "{\"class_weight\": {\"false\": 1, \"true\": 2.5}}",
	"{\"columns\": {}}", "{\"columns\": {\"city\": {}}}", "{\"confidence\": 0.9}", "{\"correct\": true}",
	"{\"covariance\": false}", "{\"firth\": true}", "{\"firth\": false}",
	"{\"group\": \"seller\"}", "{\"max_distinct\": 10}", "{\"max_iterations\": 50}", "{\"max_levels\": 2}",
	"{\"min_count\": 1}", "{\"offset\": \"base\"}", "{\"reference\": \"first\"}",
	"{\"reference\": \"most frequent\"}", "{\"robust\": true}", "{\"separation\": \"ridge\"}",
	"{\"separation\": \"firth\"}", "{\"separation\": \"error\"}", "{\"standardize\": false}",
	"{\"time\": \"created\"}", "{\"time\": \"day\"}", "{\"timezone\": \"Europe/Oslo\"}",
	"{\"tolerance\": 1e-8}", "{\"unseen\": \"other\"}", "{\"unseen\": \"error\"}",
	"{\"untrainable\": \"error\"}", "{\"untrainable\": \"null\"}", "{\"weight\": \"weight\"}",
	"{\"columns\": {\"clicks\": {\"as\": \"number\"}}}", "{\"columns\": {\"clicks\": {\"as\": \"categorical\"}}}",
	"{\"columns\": {\"amount\": {\"bins\": 4}}}", "{\"columns\": {\"city\": {\"max_levels\": 1}}}",
	"{\"columns\": {\"city\": {\"min_count\": 80}}}", "{\"columns\": {\"created\": {\"parts\": [\"hour\", \"dow\"]}}}",
	"{\"columns\": {\"day\": {\"parts\": \"dow\"}}}", "{\"columns\": {\"city\": {\"reference\": \"Rome\"}}}",
	"{\"columns\": {\"city\": {\"reference\": \"first\"}}}", "{\"columns\": {\"amount\": {\"transform\": \"log1p\"}}}",
	"{\"columns\": {\"amount\": {\"transform\": \"none\"}}}", "{\"columns\": {\"city\": {\"unseen\": \"error\"}}}"
	}'::jsonb[]) WITH ORDINALITY o(option, n),
	try_options(o.option) t
GROUP BY o.n, o.option ORDER BY o.n;

-- ---- values that they do not take ----
SELECT o.option, t.says FROM unnest('{
	"{\"exclude\": null}", "{\"exclude\": 1}", "{\"exclude\": [1]}", "{\"exclude\": {\"city\": true}}", "{\"exclude\": [\"\"]}",
	"{\"exclude\": [[\"city\"]]}", "{\"allow\": true}",
	"{\"alpha\": \"0.5\"}", "{\"alpha\": 1.5}", "{\"alpha\": -0.1}", "{\"class_weight\": 2}",
	"{\"class_weight\": \"even\"}", "{\"class_weight\": {\"true\": 2}}", "{\"class_weight\": {\"0\": 1, \"1\": 2}}",
	"{\"class_weight\": {\"false\": 0, \"true\": 2}}", "{\"class_weight\": {\"false\": \"1\", \"true\": 2}}",
	"{\"class_weight\": [1, 2]}", "{\"columns\": []}", "{\"columns\": {\"city\": 5}}", "{\"columns\": [{\"city\": {}}]}",
	"{\"confidence\": 95}", "{\"confidence\": 0}", "{\"confidence\": 1}", "{\"correct\": \"true\"}", "{\"correct\": 1}",
	"{\"covariance\": null}", "{\"firth\": \"yes\"}", "{\"group\": 1}", "{\"group\": \"\"}", "{\"group\": [\"seller\"]}",
	"{\"lambda\": \"1\"}", "{\"lambda\": -1}", "{\"lambda\": 1e13}", "{\"lambda\": 1e400}", "{\"lambda\": null}",
	"{\"max_distinct\": 0}", "{\"max_distinct\": 10000001}", "{\"max_distinct\": 1.5}",
	"{\"max_iterations\": 0}", "{\"max_levels\": 0}", "{\"max_levels\": 5001}", "{\"min_count\": 0}", "{\"min_count\": 2147483648}",
	"{\"min_count\": \"20\"}", "{\"offset\": true}", "{\"reference\": \"Rome\"}", "{\"reference\": 1}", "{\"robust\": 0}",
	"{\"separation\": \"none\"}", "{\"separation\": \"Ridge\"}", "{\"standardize\": \"no\"}", "{\"time\": {}}", "{\"timezone\": 2}",
	"{\"timezone\": \"Mars/Olympus\"}", "{\"tolerance\": 0}", "{\"tolerance\": 1}", "{\"unseen\": \"ignore\"}",
	"{\"untrainable\": null}", "{\"weight\": null}",
	"{\"columns\": {\"city\": {\"as\": \"text\"}}}", "{\"columns\": {\"amount\": {\"bins\": 1}}}", "{\"columns\": {\"amount\": {\"bins\": 256}}}",
	"{\"columns\": {\"amount\": {\"bins\": [1, 2]}}}", "{\"columns\": {\"city\": {\"max_levels\": 0}}}", "{\"columns\": {\"city\": {\"min_count\": -1}}}",
	"{\"columns\": {\"created\": {\"parts\": [\"minute\"]}}}", "{\"columns\": {\"created\": {\"parts\": 3}}}", "{\"columns\": {\"city\": {\"reference\": 3}}}",
	"{\"columns\": {\"amount\": {\"transform\": \"log\"}}}", "{\"columns\": {\"city\": {\"unseen\": true}}}"
	}'::jsonb[]) WITH ORDINALITY o(option, n), LATERAL (
		SELECT error_of(format('SELECT lead_train(won, l, %L) FROM leads l', o.option))) t(says)
ORDER BY o.n;
SELECT error_of(format('SELECT lead_train(won, l, %L) FROM leads l', o)) FROM unnest('{"[]", "1", "\"lambda\"", "null", "true"}'::jsonb[]) o;
-- SQL's NULL is no options, and so is an empty object
SELECT lead_frame(won, l, NULL)::text = lead_frame(won, l, '{}')::text AS same FROM leads l;

-- ---- options that there are not ----
SELECT o.option, t.* FROM unnest('{"{\"lamda\": 1}", "{\"\": 1}", "{\"LAMBDA\": 1}", "{\"columns\": {\"city\": {\"lambda\": 1}}}",
	"{\"columns\": {\"größe\": {\"größe\": 1}}}"}'::jsonb[]) WITH ORDINALITY o(option, n), try_options(o.option) t
ORDER BY o.n, t.call COLLATE "C";

-- ---- options that name no column ----
SELECT o.option, t.* FROM unnest('{"{\"exclude\": [\"city\", \"town\"]}", "{\"allow\": [\"town\"]}", "{\"columns\": {\"town\": {}}}",
	"{\"weight\": \"town\"}", "{\"offset\": \"town\"}", "{\"group\": \"town\"}", "{\"time\": \"town\"}", "{\"exclude\": \"CITY\"}",
	"{\"exclude\": \"größe\"}"}'::jsonb[])
	WITH ORDINALITY o(option, n), try_options(o.option) t ORDER BY o.n, t.call COLLATE "C";

-- ---- options that contradict each other ----
SELECT o.option, error_of(format('SELECT lead_train(won, l, %L) FROM leads l', o.option)) FROM unnest('{
	"{\"firth\": true, \"lambda\": 1}", "{\"robust\": true, \"lambda\": 1}", "{\"robust\": true, \"firth\": true}",
	"{\"alpha\": 0.5}", "{\"alpha\": 0.5, \"lambda\": 0}",
	"{\"weight\": \"weight\", \"offset\": \"weight\"}", "{\"group\": \"seller\", \"weight\": \"seller\"}",
	"{\"weight\": \"weight\", \"exclude\": [\"weight\"]}", "{\"group\": \"seller\", \"exclude\": \"seller\"}",
	"{\"weight\": \"city\"}", "{\"offset\": \"created\"}", "{\"time\": \"clicks\"}", "{\"weight\": \"won\"}",
	"{\"time\": \"created\", \"columns\": {\"created\": {\"parts\": [\"hour\"]}}}"
	}'::jsonb[]) WITH ORDINALITY o(option, n) ORDER BY o.n;
-- on one column
SELECT o.option, error_of(format('SELECT lead_train(won, l, %L) FROM leads l', o.option)) FROM unnest('{
	"{\"columns\": {\"city\": {\"as\": \"number\"}}}", "{\"columns\": {\"city\": {\"bins\": 3}}}", "{\"columns\": {\"city\": {\"transform\": \"log1p\"}}}",
	"{\"columns\": {\"clicks\": {\"as\": \"categorical\", \"bins\": 3}}}", "{\"columns\": {\"clicks\": {\"transform\": \"log1p\", \"bins\": 3}}}",
	"{\"columns\": {\"city\": {\"parts\": [\"hour\"]}}}", "{\"columns\": {\"day\": {\"parts\": [\"hour\"]}}}", "{\"columns\": {\"clicks\": {\"parts\": \"dow\"}}}",
	"{\"columns\": {\"city\": {\"reference\": \"Bergen\"}}}", "{\"columns\": {\"created.hour\": {\"as\": \"number\"}}}",
	"{\"columns\": {\"created.hour\": {\"as\": \"number\"}, \"created\": {\"parts\": \"hour\"}}}"
	}'::jsonb[]) WITH ORDINALITY o(option, n) ORDER BY o.n;
SELECT error_of($$SELECT lead_train(won, s, '{"columns": {"x": {"transform": "log1p"}}}')
	FROM (SELECT won, clicks - 1 AS x FROM leads) s$$);

-- ---- options that change between rows ----
SELECT error_of($$SELECT lead_frame(won, l, CASE WHEN clicks < 3 THEN '{"exclude": "city"}'::jsonb END) FROM leads l$$);
SELECT error_of($$SELECT lead_train(won, l, jsonb_build_object('lambda', clicks)) FROM leads l$$);
SELECT lead_frame(won, l, CASE WHEN clicks < 3 THEN '{"exclude": "city"}'::jsonb ELSE '{ "exclude":"city" }' END)
	IS NOT NULL AS written_otherwise FROM leads l;

-- ---- what options do ----
RESET client_min_messages;
-- a part goes by its own name, too
SELECT name FROM lead_coefficients((SELECT lead_train(won, s, '{"exclude": ["created.dow"],
	"columns": {"created": {"parts": ["dow", "month"]}, "created.month": {"reference": "2"}}}')
	FROM (SELECT won, created FROM leads) s)) ORDER BY name COLLATE "C";
SELECT name FROM lead_coefficients((SELECT lead_fit(lead_frame(won, s, '{"columns": {"created": {"parts": ["dow", "month"]}}}'),
	'{"exclude": ["created.dow"], "columns": {"created.month": {"reference": "2"}}}')
	FROM (SELECT won, created FROM leads) s)) ORDER BY name COLLATE "C";
-- per call, and per column instead
SELECT name FROM lead_coefficients((SELECT lead_train(won, s, '{"min_count": 80, "reference": "first",
	"columns": {"seller": {"as": "categorical", "min_count": 1, "max_levels": 2, "reference": "(other)"}}}')
	FROM (SELECT won, city, seller FROM leads) s)) ORDER BY name COLLATE "C";
SELECT name FROM lead_coefficients((SELECT lead_train(won, s, '{"lambda": 1, "columns": {"amount": {"bins": 3}, "clicks": {"as": "categorical"}}}')
	FROM (SELECT won, city, amount, clicks FROM leads) s)) ORDER BY name COLLATE "C";
-- no covariance, another confidence
SELECT lead_covariance(lead_train(won, s, '{"covariance": false}')) IS NULL AS no_covariance,
	   array_length(lead_covariance(lead_train(won, s)), 1) AS covariance
FROM (SELECT won, clicks, amount FROM leads) s;
SELECT a.name, round(((a.ci_high - a.estimate) / a.std_error)::numeric, 6) AS z_90, round(((b.ci_high - b.estimate) / b.std_error)::numeric, 6) AS z_95
FROM lead_coefficients((SELECT lead_train(won, s, '{"confidence": 0.9}') FROM (SELECT won, clicks FROM leads) s)) a
JOIN lead_coefficients((SELECT lead_train(won, s) FROM (SELECT won, clicks FROM leads) s)) b USING (name) ORDER BY name;

SET client_min_messages = warning;
DROP SCHEMA options_test CASCADE;
