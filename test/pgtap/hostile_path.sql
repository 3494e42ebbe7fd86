-- Someone else's functions, operators and types stand first in search_path: none of them is called.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(21);
SET LOCAL client_min_messages = error;

CREATE TABLE leads AS
SELECT i AS id, ('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city, i * 31 % 11 AS clicks,
	timestamptz '2025-01-01 00:00+00' + i * interval '1 hour' AS created, i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
FROM generate_series(1, 1000) AS i;
CREATE SCHEMA hostile;
-- operators that fail, for the types that the registry compares
SELECT format('CREATE FUNCTION hostile.boom(%1$s, %2$s) RETURNS %3$s LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION ''hostile''; END $f$;
	CREATE OPERATOR hostile.%4$s (FUNCTION = hostile.boom, LEFTARG = %1$s, RIGHTARG = %2$s)', l, r, t, o)
FROM (VALUES ('text', 'text', 'boolean', '='), ('bigint', 'bigint', 'bigint', '-'), ('jsonb', 'text', 'text', '->>'),
	('jsonb', 'jsonb', 'jsonb', '||'), ('jsonb', 'text[]', 'text', '#>>'), ('integer', 'integer', 'boolean', '<'),
	('timestamptz', 'timestamptz', 'boolean', '>'), ('float8', 'float8', 'boolean', '>')) AS v(l, r, t, o) \gexec
-- functions and types of the same names
SELECT format('CREATE FUNCTION hostile.%s LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION ''hostile''; END $f$', f)
FROM unnest('{"lead_fold(bigint, integer, integer) RETURNS integer", "lead_info(bytea) RETURNS jsonb", "lead_summary(bytea) RETURNS text",
	"format(text, text) RETURNS text", "\"left\"(text, integer) RETURNS text", "set_config(text, text, boolean) RETURNS text",
	"to_regclass(text) RETURNS regclass", "now() RETURNS timestamptz", "lead_retrain(text) RETURNS text"}'::text[]) AS f \gexec
SELECT format('CREATE TYPE hostile.%I AS (a integer)', t) FROM unnest('{lead_run,lead_trained,leadframe,regclass,text,jsonb,uuid}'::text[]) AS t \gexec
CREATE TABLE hostile.leads AS SELECT * FROM leads LIMIT 600;

CREATE TEMP TABLE said (n serial, what pg_catalog.text);
CREATE PROCEDURE pg_temp.live() LANGUAGE plpgsql SET search_path = hostile, pg_catalog, public AS $$
DECLARE
	r public.lead_run;
	t pg_catalog.text;
BEGIN
	r := public.lead_train_model('h', 'leads', 'won', key => 'id', exclude => '{created}');
	INSERT INTO said (what) VALUES (concat_ws(' ', r.version, r.status, r.error));
	r := public.lead_train_model('h', 'select * from leads', 'won and clicks > 2', key => 'id', time_column => 'created', refit => true, tags => '{"a": "b"}');
	INSERT INTO said (what) VALUES (concat_ws(' ', r.version, r.status, r.error));
	r := public.lead_retrain('h', NULL, NULL);
	INSERT INTO said (what) VALUES (concat_ws(' ', r.version, r.status, r.error));
	INSERT INTO said (what) SELECT concat('levels ', pg_catalog.count(*)) FROM public.lead_validate('h');
	INSERT INTO said (what) SELECT concat('frames ', pg_catalog.count(*)) FROM public.lead_keep_frames('h', maturity => '1 day');
	r := public.lead_retrain('h', frames_window => '1 year', half_life => '1 year');
	INSERT INTO said (what) VALUES (concat_ws(' ', r.version, r.status, r.error));
	INSERT INTO said (what) SELECT concat('forgotten ', pg_catalog.count(*)) FROM public.lead_forget('h', 'select * from leads where id = 5');
	INSERT INTO said (what) SELECT concat('kept again ', pg_catalog.count(*)) FROM public.lead_keep_frames('h', again => '2025-01-20');
	INSERT INTO said (what) SELECT concat('versions ', pg_catalog.count(*)) FROM public.lead_versions('h');
	t := (public.lead_promote('h', 2)).version;
	t := concat(t, ' ', (public.lead_rollback('h')).version);
	INSERT INTO said (what) VALUES (t);
	INSERT INTO said (what) SELECT concat('deployments ', pg_catalog.count(*)) FROM public.lead_deployments('h');
	INSERT INTO said (what) VALUES (concat('model ', public.lead_model('h', 'champion', pg_catalog.now() + interval '1 day') IS NOT NULL, public.lead_model('h', 1) IS NOT NULL));
	INSERT INTO said (what) SELECT concat('scores ', pg_catalog.count(public.lead_score('h', l))) FROM public.leads AS l;
	INSERT INTO said (what) SELECT concat('summary ', pg_catalog.length(public.lead_summary('h')) OPERATOR(pg_catalog.>) 100);
	INSERT INTO said (what) SELECT concat('families ', pg_catalog.count(c.auc)) FROM public.lead_compare_families('h', folds => 2) AS c;
	INSERT INTO said (what) SELECT concat('tuned ', pg_catalog.count(t.mean)) FROM public.lead_tune('h', '{"lambda": [1, 10]}', folds => 2, register => true) AS t;
	INSERT INTO said (what) SELECT concat('auto ', pg_catalog.max(a.version)) FROM public.lead_auto('h', 'leads', 'won', '1 microsecond', key => 'id', exclude => '{created}', folds => 2) AS a;
	INSERT INTO said (what) SELECT concat('threshold ', t.threshold IS NOT NULL)
		FROM (SELECT public.lead_frame(l.won, l) AS frame FROM public.leads AS l) AS f, public.lead_cv_threshold(f.frame, '{"best": "f1"}', folds => 2) AS t;
	PERFORM public.lead_drop_version('h', 2);
	INSERT INTO said (what) SELECT concat('pruned ', public.lead_prune('h', 5));
	PERFORM public.lead_drop_alias('h', 'champion');
	PERFORM public.lead_drop_model('h');
	INSERT INTO said (what) SELECT concat('left ', pg_catalog.count(*)) FROM leadscore.models;
END $$;
SELECT lives_ok('CALL pg_temp.live()', 'a whole life');
SELECT is(s.what, w.what, w.what)
FROM unnest('{1 finished,2 finished,3 finished,levels 0,frames 26,4 finished,forgotten 1,kept again 7,versions 4,2 1,deployments 3,model tt,scores 1000,summary t,families 7,tuned 2,auto 6,threshold t,pruned 0,left 0}'::text[]) WITH ORDINALITY AS w(what, n)
LEFT JOIN said s USING (n);
SELECT * FROM finish();
ROLLBACK;
