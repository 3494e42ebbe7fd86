-- Scores by name: the same bits as by value, and never those of yesterday's model.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT no_plan();

CREATE TABLE leads AS
SELECT i AS id, ('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city, i * 31 % 11 AS clicks,
	i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
FROM generate_series(1, 2000) AS i;
SELECT lives_ok($$SELECT lead_train_model('m', 'leads', 'won', key => 'id')$$, 'version 1');
SELECT lives_ok($$SELECT lead_train_model('m', 'leads', 'won', key => 'id', exclude => '{city}', gate => '{"promote": "never"}')$$, 'version 2');
SELECT is((SELECT array_agg(version ORDER BY version) FROM lead_versions('m') WHERE live), '{1}', 'version 1 is live');
CREATE TEMP TABLE v AS SELECT version, lead_model('m', version) AS model FROM lead_versions('m');
CREATE FUNCTION pg_temp.by_value(number integer) RETURNS float8 LANGUAGE sql
AS 'SELECT sum(lead_score((SELECT model FROM v WHERE version = number), l)) FROM leads l';

-- every way to say it
SELECT ok(bool_and(lead_score('m', l) = lead_score(v.model, l) AND lead_score('m@champion', l) = lead_score(v.model, l)
		AND lead_score('m@1', l) = lead_score(v.model, l) AND lead_score('m', to_jsonb(l)) = lead_score(v.model, l)
		AND lead_log_odds('m', l) = lead_log_odds(v.model, l) AND lead_log_odds('m', to_jsonb(l)) = lead_log_odds(v.model, l)
		AND lead_score_values('m', '["city","clicks"]', city, clicks) = lead_score(v.model, l)
		AND lead_encode('m', l) = lead_encode(v.model, l)
		AND lead_reasons('m', l) = lead_reasons(v.model, l) AND lead_reasons('m', to_jsonb(l), 1) = lead_reasons(v.model, l, 1)
		AND lead_unseen('m', l) = lead_unseen(v.model, l)), 'rows, values and documents score as by value')
FROM leads l, v WHERE v.version = 1;
SELECT ok(bool_and(lead_score('m@' || v.version, l) = lead_score(v.model, l)), 'two versions in one query')
FROM leads l, v;
SELECT is(lead_summary('m@2'), lead_summary(model), 'summary by name') FROM v WHERE version = 2;
SELECT is(lead_info('m'), lead_info(model), 'info by name') FROM v WHERE version = 1;
SELECT is(lead_encoded_names('m'), lead_encoded_names(model), 'names by name') FROM v WHERE version = 1;
SELECT is(lead_covariance('m'), lead_covariance(model), 'covariance by name') FROM v WHERE version = 1;
SELECT is(lead_profile('m'), lead_profile(model), 'profile of the training by name') FROM v WHERE version = 1;
SELECT ok((SELECT lead_profile('m', l) FROM leads l) = (SELECT lead_profile(model, l) FROM leads l), 'profile with a model by name') FROM v WHERE version = 1;
SELECT ok((SELECT lead_profile('m@2', l) FROM leads l) = (SELECT lead_profile(model, l) FROM leads l), 'with a version of it') FROM v WHERE version = 2;
SELECT results_eq($$SELECT * FROM lead_coefficients('m')$$, $$SELECT c.* FROM v, lead_coefficients(model) c WHERE version = 1$$, 'coefficients by name');
SELECT results_eq($$SELECT e.* FROM leads l, lead_explain('m', l) e WHERE id = 7$$,
	$$SELECT e.* FROM leads l, v, lead_explain(model, l) e WHERE id = 7 AND version = 1$$, 'explanation by name');
CREATE TEMP TABLE f AS SELECT lead_frame(won, l, '{"exclude": ["id"]}') AS f FROM leads l;
SELECT is(lead_evaluate_frame('m', f), lead_evaluate_frame(model, f), 'quality by name') FROM v, f WHERE version = 1;
SELECT results_eq($$SELECT s.* FROM f, lead_score_frame('m', f) s$$, $$SELECT s.* FROM f, v, lead_score_frame(model, f) s WHERE version = 1$$, 'scores of a frame by name');
SELECT results_eq($$SELECT c.* FROM f, lead_compare('m@2', 'm', f) c$$, $$SELECT c.* FROM f, v a, v b, lead_compare(b.model, a.model, f) c WHERE a.version = 1 AND b.version = 2$$, 'comparison by name');
SELECT is(lead_model('m'), model, 'the model itself') FROM v WHERE version = 1;
SELECT is(lead_model('m@2'), lead_model('m', '2'), 'a version as text or number');
SELECT is(lead_model_version('m'), 1, 'its number');
SELECT is(lead_score(NULL::text, l), NULL, 'no name, no score') FROM leads l LIMIT 1;
SELECT is(lead_score('m', NULL::leads), NULL, 'no row, no score');

-- the same plan as by value
CREATE FUNCTION pg_temp.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP plan := plan || line || E'\n'; END LOOP;
	RETURN plan;
END $$;
SELECT matches(pg_temp.plan($$SELECT lead_score('m', l) FROM leads l$$), 'lead_score_values\(''m''::text, ''\["id", "city", "clicks", "won"\]''::jsonb, id, city, clicks, won\)',
	'the row is handed over by the columns');
SELECT matches(pg_temp.plan($$SELECT lead_log_odds('m', l) FROM leads l$$), 'lead_log_odds_values', 'also for the log-odds');

-- a promotion is seen at once, and a rollback of it
SELECT is((SELECT sum(lead_score('m', l)) FROM leads l), pg_temp.by_value(1), 'version 1 scores');
SELECT is((lead_promote('m', 2)).version, 2, 'version 2 is promoted');
SELECT is((SELECT sum(lead_score('m', l)) FROM leads l), pg_temp.by_value(2), 'version 2 scores');
SAVEPOINT s;
SELECT is((lead_promote('m', 1)).version, 1, 'version 1 in a subtransaction');
SELECT is((SELECT sum(lead_score('m', l)) FROM leads l), pg_temp.by_value(1), 'version 1 scores');
ROLLBACK TO s;
SELECT is((SELECT sum(lead_score('m', l)) FROM leads l), pg_temp.by_value(2), 'rolled back: version 2 scores');

-- prepared plans
PREPARE total AS SELECT sum(lead_score('m', l)) FROM leads l;
PREPARE named(text) AS SELECT sum(lead_score($1, l)) FROM leads l;
SELECT results_eq('total', $$SELECT pg_temp.by_value(2)$$, 'prepared: version 2');
SELECT results_eq('EXECUTE named(''m@1'')', $$SELECT pg_temp.by_value(1)$$, 'the name as a parameter');
SELECT is((lead_promote('m', 1)).replaced, 2, 'promoted between two executions');
SELECT results_eq('total', $$SELECT pg_temp.by_value(1)$$, 'prepared: version 1');
SELECT results_eq('EXECUTE named(''m'')', $$SELECT pg_temp.by_value(1)$$, 'prepared with a parameter: version 1');
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT results_eq('EXECUTE named(''m@2'')', $$SELECT pg_temp.by_value(2)$$, 'a generic plan');
RESET plan_cache_mode;

-- PL/pgSQL keeps what a function remembers for the whole transaction
CREATE FUNCTION pg_temp.loop() RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
	lead leads;
	seen integer[];
	score float8;
	one float8;
	two float8;
BEGIN
	SELECT * INTO lead FROM leads WHERE id = 11;
	one := lead_score((SELECT model FROM v WHERE version = 1), lead);
	two := lead_score((SELECT model FROM v WHERE version = 2), lead);
	FOR i IN 1 .. 8 LOOP
		score := lead_score('m', lead);
		seen := seen || CASE score WHEN one THEN 1 WHEN two THEN 2 END;
		IF i = 2 THEN
			PERFORM lead_promote('m', 2);
		ELSIF i = 4 THEN
			BEGIN
				PERFORM lead_promote('m', 1);
				score := lead_score('m', lead);
				seen := seen || CASE score WHEN one THEN 10 WHEN two THEN 20 END;
				RAISE EXCEPTION 'undo';
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
		ELSIF i = 6 THEN
			PERFORM lead_rollback('m');
		END IF;
	END LOOP;
	RETURN seen;
END $$;
SELECT is(pg_temp.loop(), '{1,1,2,2,10,2,2,1,1}', 'a loop in PL/pgSQL sees each promotion and its undoing');

-- a trigger
CREATE TABLE inbox (id int, city text, clicks int, score float8);
CREATE FUNCTION pg_temp.put_score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.score := lead_score('m', NEW); RETURN NEW; END $$;
CREATE TRIGGER score BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION pg_temp.put_score();
INSERT INTO inbox VALUES (1, 'Pune', 3);
SELECT is((lead_promote('m', 2)).version, 2, 'version 2 is promoted');
INSERT INTO inbox VALUES (2, 'Pune', 3);
SELECT results_eq($$SELECT i.score FROM inbox i ORDER BY id$$,
	$$SELECT lead_score(model, jsonb '{"city": "Pune", "clicks": 3}') FROM v ORDER BY version$$, 'a trigger scores with the model of the moment');

-- a cursor sees what was live when it was opened, to its end
DECLARE c CURSOR FOR SELECT lead_score('m', l) FROM leads l ORDER BY id;
CREATE FUNCTION pg_temp.fetch(n integer) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE c refcursor := 'c'; s float8; total float8 := 0;
BEGIN FOR i IN 1 .. n LOOP FETCH c INTO s; total := total + s; END LOOP; RETURN total; END $$;
CREATE TEMP TABLE fetched AS SELECT pg_temp.fetch(1000) AS total;
SELECT is((lead_promote('m', 1)).version, 1, 'promoted while a cursor is open');
INSERT INTO fetched SELECT pg_temp.fetch(1000);
SELECT ok(abs(sum(total) - pg_temp.by_value(2)) < 1e-9, 'no row of the cursor is scored by the new model') FROM fetched;

-- what was live when
SELECT is(lead_model('m', 'champion', as_of => (SELECT live_from FROM lead_deployments('m') ORDER BY live_from LIMIT 1)),
	(SELECT model FROM v WHERE version = 1), 'the model as of its first promotion');
SELECT throws_ok($$SELECT lead_model('m', 'champion', '2000-01-01')$$, '42704', NULL, 'nothing was live before');
SELECT ok(bool_and(live_until = next), 'each deployment ends where the next begins')
FROM (SELECT live_until, lead(live_from) OVER (ORDER BY live_from) AS next FROM lead_deployments('m')) d WHERE next IS NOT NULL;
SELECT is(d.version, lead_model_version('m'), 'the last one is live') FROM lead_deployments('m') d WHERE live_until IS NULL;

SELECT * FROM finish();
ROLLBACK;
