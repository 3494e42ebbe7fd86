----------------------------------------------------------------------------
-- Rules over what the monitor found
----------------------------------------------------------------------------

/*
 *	lead_set_checks(name, rules)	rules of a model; NULL: the default ones
 *	lead_check(name)				a row per rule: passed, or the columns that fail
 *	lead_assert(name)				an error where a rule of severity error fails
 *
 * A rule is a metric, what it is measured on, a limit and a severity.  Those on quality
 * fail only where the figure is beyond the limit and its 95 % interval is beyond the
 * reference as well, those on drift only where it is beyond chance, as far as there is a
 * test of it: few leads and few outcomes are no alarm.
 */

CREATE TABLE leadscore.check_rules (
	name text NOT NULL REFERENCES leadscore.models ON UPDATE CASCADE ON DELETE CASCADE,
	position integer NOT NULL,
	rule text NOT NULL,
	"column" text,
	"limit" double precision,
	severity text NOT NULL CHECK (severity IN ('error', 'warning')),
	PRIMARY KEY (name, position)
);
COMMENT ON TABLE leadscore.check_rules IS 'the rules of models, as lead_set_checks() was told; a model without any has the default ones';
COMMENT ON COLUMN leadscore.check_rules."column" IS 'NULL: every column, or the model as a whole';
COMMENT ON COLUMN leadscore.check_rules."limit" IS 'NULL: what drift was measured by has the last word';

SELECT pg_catalog.pg_extension_config_dump('leadscore.check_rules', '');
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON leadscore.check_rules TO @extowner@ WITH GRANT OPTION;

-- The metrics that there are rules for.
-- of			what they are measured on: column, model, quality
-- at_least	the value must not be less than the limit; else not more
-- needs_limit	a rule without a limit says nothing
-- data		it is about the feed: where that is broken a training would learn it
CREATE FUNCTION leadscore.check_metrics(OUT metric text, OUT "of" text, OUT at_least boolean, OUT needs_limit boolean, OUT meaning text,
	OUT data boolean)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES
		('source', 'model', false, false, 'errors in the source: columns lost, of another type', true),
		('rows', 'model', true, true, 'leads in the window', true),
		('labelled', 'model', true, true, 'leads with a known outcome', true),
		('missing', 'model', false, true, 'mean share of NULLs', true),
		('drift_share', 'model', false, false, 'share of columns drifted beyond chance', false),
		('score_drift', 'model', false, false, 'drift of the scores', false),
		('impact_points', 'model', false, true, 'percentage points that the columns moved the mean score', false),
		('missing_share', 'column', false, true, 'share of NULLs', true),
		('missing_rise', 'column', false, true, 'share of NULLs more than in the training', true),
		('new_levels', 'column', false, true, 'levels that the training had not', true),
		('vanished_levels', 'column', false, true, 'levels of the training that are gone', true),
		('out_of_range', 'column', false, true, 'share of numbers beyond those of the training', true),
		('drift', 'column', false, false, 'drift of a column', false),
		('impact', 'column', false, true, 'percentage points that a column moved the mean score', false),
		('auc', 'quality', true, true, 'AUC', false),
		('auc_drop', 'quality', false, true, 'AUC less than on the hold-out', false),
		('log_loss_rise', 'quality', false, true, 'log loss more than on the hold-out', false),
		('brier_rise', 'quality', false, true, 'Brier score more than on the hold-out', false),
		('lift_drop', 'quality', false, true, 'lift of the best tenth less than on the hold-out', false),
		('calibration_slope', 'quality', false, true, 'distance of the calibration slope from 1', false),
		('calibration_intercept', 'quality', false, true, 'distance of the calibration in the large from 0', false)
$$;
COMMENT ON FUNCTION leadscore.check_metrics() IS 'the metrics that a rule may be about';

-- The rules of a model: those set, or else the default ones.
CREATE FUNCTION leadscore.rules_of(name text, OUT "position" integer, OUT rule text, OUT "column" text, OUT "limit" double precision,
	OUT severity text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.position, r.rule, r."column", r."limit", r.severity FROM leadscore.check_rules AS r WHERE r.name = $1
	UNION ALL
	SELECT * FROM (VALUES
		(1, 'source', NULL::text, 0::float8, 'error'),
		(2, 'rows', NULL, 1, 'error'),
		(3, 'missing_rise', NULL, 0.2, 'error'),
		(4, 'new_levels', NULL, 0, 'warning'),
		(5, 'out_of_range', NULL, 0.05, 'warning'),
		(6, 'drift_share', NULL, NULL, 'error'),
		(7, 'score_drift', NULL, NULL, 'error'),
		(8, 'impact_points', NULL, 5, 'warning'),
		(9, 'auc_drop', NULL, 0.05, 'error'),
		(10, 'calibration_intercept', NULL, 0.5, 'warning')) AS d
	WHERE NOT EXISTS (SELECT FROM leadscore.check_rules AS r WHERE r.name = $1)
	ORDER BY 1
$$;
COMMENT ON FUNCTION leadscore.rules_of(text) IS 'the rules of a model, set or by default';

-- A rule as lead_set_checks() is given it, checked.
CREATE FUNCTION leadscore.make_rule(given jsonb, columns text[], OUT rule text, OUT "column" text, OUT "limit" double precision,
	OUT severity text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known record;
BEGIN
	PERFORM leadscore.check_keys('a rule', given, '{metric,column,limit,severity}');
	rule := given->>'metric';
	"column" := given->>'column';
	severity := coalesce(given->>'severity', 'error');
	SELECT m.* INTO known FROM leadscore.check_metrics() AS m WHERE m.metric = rule;
	IF known.metric IS NULL THEN
		RAISE EXCEPTION 'unknown metric "%" of a rule', coalesce(rule, '') USING ERRCODE = 'invalid_parameter_value',
			HINT = format('The metrics are: %s.', (SELECT string_agg(m.metric, ', ') FROM leadscore.check_metrics() AS m));
	END IF;
	"limit" := leadscore.number_of(format('the rule "%s"', rule), jsonb_strip_nulls(given), 'limit', 0, 1e15);
	IF severity NOT IN ('error', 'warning') THEN
		RAISE EXCEPTION 'invalid value for "severity" in the rule "%"', rule USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "error" or "warning".';
	ELSIF known.needs_limit AND "limit" IS NULL THEN
		RAISE EXCEPTION 'the rule "%" has no limit', rule USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Write {"metric": "%s", "limit": …}: %s.', rule, known.meaning);
	ELSIF "column" IS NOT NULL AND known."of" <> 'column' THEN
		RAISE EXCEPTION 'the rule "%" is not about a column', rule USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Rules about columns are: %s.', (SELECT string_agg(m.metric, ', ') FROM leadscore.check_metrics() AS m
				WHERE m."of" = 'column'));
	ELSIF "column" <> ALL (columns) THEN
		RAISE EXCEPTION 'the model has no column "%"', "column" USING ERRCODE = 'undefined_column',
			DETAIL = format('The rule "%s" names it.', rule), HINT = format('Its columns are: %s.', array_to_string(columns, ', '));
	END IF;
	IF rule = 'source' THEN
		"limit" := coalesce("limit", 0);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.make_rule(jsonb, text[]) IS 'a rule, checked';

-- lead_set_checks(name, rules): the rules of a model, instead of those before.
-- rules	[{"metric": …, "column": …, "limit": …, "severity": "error" | "warning"}, …], or
--			{metric: limit, …} of severity error; a column rule without a column is about
--			each; NULL: the default ones
-- returns	how many are stored
-- errors	an unknown metric or column, a limit that is missing
CREATE FUNCTION lead_set_checks(name text, rules jsonb)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	columns text[];
	stored integer;
BEGIN
	PERFORM leadscore.require_model(name);
	columns := ARRAY(SELECT n.name FROM leadscore.needed_columns(@extschema@.lead_model(name)) AS n);
	IF jsonb_typeof(rules) NOT IN ('array', 'object', 'null') THEN
		RAISE EXCEPTION 'rules must be a JSON array or object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Write [{"metric": "missing_share", "column": "city", "limit": 0.1, "severity": "error"}, …] or {"missing_share": 0.1, …}.';
	END IF;
	DELETE FROM leadscore.check_rules AS r WHERE r.name = name;
	INSERT INTO leadscore.check_rules (name, position, rule, "column", "limit", severity)
	SELECT name, g.i, r.*
	FROM (SELECT a.rule, a.i FROM jsonb_array_elements(CASE jsonb_typeof(rules) WHEN 'array' THEN rules ELSE '[]' END) WITH ORDINALITY AS a(rule, i)
		UNION ALL
		SELECT jsonb_build_object('metric', o.key, 'limit', o.value), row_number() OVER ()
		FROM jsonb_each(CASE jsonb_typeof(rules) WHEN 'object' THEN rules ELSE '{}' END) AS o) AS g(rule, i),
		LATERAL leadscore.make_rule(g.rule, columns) AS r;
	GET DIAGNOSTICS stored = ROW_COUNT;
	RETURN stored;
END;
$$;
COMMENT ON FUNCTION lead_set_checks(text, jsonb) IS 'set the rules by which a model is checked';

-- The newest look at a model.
-- errors	none yet
CREATE FUNCTION leadscore.judged_look(name text)
RETURNS leadscore.monitor_run
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	run leadscore.monitor_run;
BEGIN
	PERFORM leadscore.require_model(name);
	run := leadscore.newest_look(name);
	IF run.monitor_run_id IS NULL THEN
		RAISE EXCEPTION 'model "%" has not been looked at yet', name USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'What counts are looks at the live version, and at the source that is watched.',
			HINT = format('lead_monitor(%1$L) does. lead_watch(%1$L, …) says which source is watched.', name);
	END IF;
	RETURN run;
END;
$$;
COMMENT ON FUNCTION leadscore.judged_look(text) IS 'the newest look at a model; an error if there is none';

-- What a look at a model says to each metric.
-- certain	quality: the 95 % interval is beyond the reference too; drift: chance alone hardly
--			explains it, or nobody can tell
-- drifted	drift: what it was measured by says so, and it is certain
-- note		how a drift was measured; why there is no value
CREATE FUNCTION leadscore.check_values(run leadscore.monitor_run, OUT metric text, OUT "column" text, OUT value double precision,
	OUT certain boolean, OUT drifted boolean, OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	few text := CASE WHEN run.rows IS NULL THEN run.note
		WHEN coalesce(run.labelled, 0) < 50 OR least(run.positives, run.labelled - run.positives) < 10
		THEN format('%s outcomes are known, %s of them true: at least 50 are needed, 10 of each', coalesce(run.labelled, 0), coalesce(run.positives, 0)) END;
BEGIN
	RETURN QUERY
	SELECT v.metric, NULL::text, v.value, true, v.drifted, coalesce(run.note, 'not measured')
	FROM (VALUES
		('source', (SELECT count(*)::float8 FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = run.monitor_run_id
			AND f.severity = 'error'), NULL::boolean),
		('rows', run.rows, NULL),
		('labelled', run.labelled, NULL),
		('missing', run.missing, NULL),
		('drift_share', run.beyond_chance::float8 / nullif(run.measured, 0), run.drifted_beyond_chance),
		('impact_points', abs(run.impact_points), NULL)) AS v(metric, value, drifted);

	RETURN QUERY
	SELECT v.metric, CASE WHEN c.kind <> 'score' THEN c."column" END, v.value,
		v.metric NOT IN ('drift', 'score_drift') OR coalesce(c.beyond_chance, true), c.drifted AND coalesce(c.beyond_chance, true),
		CASE WHEN v.metric NOT IN ('drift', 'score_drift') THEN coalesce(c.note, 'not measured')
			WHEN c.statistic IS NULL THEN c.note
			ELSE format('%s %s%s, threshold %s%s', c.method, round(c.statistic::numeric, 4),
				-- the threshold of a test is one of its p-value
				CASE WHEN c.method IN ('ks', 'chisquare', 'z') THEN format(', p-value %s', CASE WHEN c.p_value < 0.0001 THEN '< 0.0001'
					ELSE round(c.p_value::numeric, 4)::text END) END, c.threshold,
				CASE WHEN c.drifted AND NOT c.beyond_chance THEN ', not beyond chance' END) END
	FROM leadscore.monitor_column AS c, LATERAL (VALUES
		('missing_share', c.missing_now),
		('missing_rise', c.missing_now - c.missing_before),
		('new_levels', c.new_levels),
		('vanished_levels', c.vanished_levels),
		('out_of_range', c.out_of_range),
		('drift', c.statistic),
		('impact', abs(c.impact_points)),
		('score_drift', c.statistic)) AS v(metric, value)
	WHERE c.monitor_run_id = run.monitor_run_id AND c.against = 'training' AND (c.kind = 'score') = (v.metric = 'score_drift')
	UNION ALL
	SELECT k.metric, NULL, NULL, true, NULL, run.note
	FROM leadscore.check_metrics() AS k
	WHERE (k."of" = 'column' OR k.metric = 'score_drift')
		AND NOT EXISTS (SELECT FROM leadscore.monitor_column AS c WHERE c.monitor_run_id = run.monitor_run_id);

	RETURN QUERY
	SELECT v.metric, NULL::text, CASE WHEN few IS NULL THEN v.value END, v.certain, NULL::boolean,
		coalesce(few, CASE WHEN v.measured THEN 'the version has no hold-out to compare with' ELSE 'the scores do not tell it' END)
	FROM (SELECT x.metric, x.value, x.certain, m.value IS NOT NULL AS measured
		FROM leadscore.monitor_metric AS m, LATERAL (VALUES
			('auc', 'auc', m.value, true),
			('auc_drop', 'auc', m.reference - m.value, m.high < m.reference),
			('log_loss_rise', 'log_loss', m.value - m.reference, m.low > m.reference),
			('brier_rise', 'brier', m.value - m.reference, m.low > m.reference),
			('lift_drop', 'lift_10', m.reference - m.value, m.high < m.reference),
			('calibration_slope', 'calibration_slope', abs(m.value - 1), m.low > 1 OR m.high < 1),
			('calibration_intercept', 'calibration_intercept', abs(m.value), m.low > 0 OR m.high < 0)) AS x(metric, source, value, certain)
		WHERE m.monitor_run_id = run.monitor_run_id AND x.source = m.metric
		UNION ALL
		-- nothing could be read
		SELECT k.metric, NULL, true, NULL FROM leadscore.check_metrics() AS k WHERE k."of" = 'quality' AND run.rows IS NULL) AS v;
END;
$$;
COMMENT ON FUNCTION leadscore.check_values(leadscore.monitor_run) IS 'what a look at a model says to each metric that a rule may be about';

-- Does a look at a model keep to its rules?  As lead_check() has it.
CREATE FUNCTION leadscore.check_look(run leadscore.monitor_run, OUT "rule" text, OUT "column" text, OUT severity text, OUT value double precision,
	OUT "limit" double precision, OUT passed boolean, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH judged AS (
		SELECT r.position, r.rule, r.severity, coalesce(v."column", r."column") AS "column", v.value, r."limit",
			k.meaning, v.note, v.certain, CASE
				WHEN v.value IS NULL THEN NULL
				WHEN r."limit" IS NULL THEN NOT v.drifted
				WHEN k.at_least THEN v.value >= r."limit"
				ELSE v.value <= r."limit" OR NOT v.certain END AS passed
		FROM leadscore.rules_of(run.name) AS r JOIN leadscore.check_metrics() AS k ON k.metric = r.rule
			LEFT JOIN leadscore.check_values(run) AS v ON v.metric = r.rule AND (r."column" IS NULL OR coalesce(v."column", r."column") = r."column")
	), placed AS (
		SELECT j.*, row_number() OVER (PARTITION BY j.position ORDER BY j.passed NULLS LAST, j.value DESC NULLS LAST, j."column") AS place
		FROM judged AS j
	)
	SELECT p.rule, p."column", p.severity, p.value, p."limit", p.passed,
		CASE WHEN p.passed IS NULL THEN coalesce(p.note, 'the look has no such column')
			ELSE format('%s: %s', p.meaning, CASE
				WHEN p.passed AND p.value > p."limit" AND NOT p.certain THEN 'beyond the limit, but not beyond chance'
				WHEN p.rule = 'source' AND NOT p.passed THEN leadscore.source_errors(run.monitor_run_id)
				WHEN p.rule IN ('drift', 'score_drift') THEN p.note
				ELSE trim_scale(round(p.value::numeric, 4))::text END) END
	FROM placed AS p WHERE p.passed IS FALSE OR p.place = 1
	ORDER BY p.position, p.place
$$;
COMMENT ON FUNCTION leadscore.check_look(leadscore.monitor_run) IS 'does a look at a model keep to its rules?';

-- lead_check(name): does the newest look at a model keep to its rules?
-- returns	a row per rule; of a rule about each column the columns that fail it, or else
--			the one that comes nearest.  passed is NULL where nothing can be said, and
--			detail says why
-- errors	no look yet
CREATE FUNCTION lead_check(name text, OUT "rule" text, OUT "column" text, OUT severity text, OUT value double precision,
	OUT "limit" double precision, OUT passed boolean, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.* FROM leadscore.judged_look($1) AS run, leadscore.check_look(run) AS c $$;
COMMENT ON FUNCTION lead_check(text) IS 'does the newest look at a model keep to its rules? a row per rule, with every column that fails';

-- What is wrong with the source, by a look at a model.
CREATE FUNCTION leadscore.source_errors(run bigint)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(concat(CASE WHEN f."column" IS NOT NULL THEN format('column "%s": ', f."column") END, f.detail), '; ' ORDER BY f.position)
	FROM leadscore.monitor_finding AS f
	WHERE f.severity = 'error' AND f.monitor_run_id = run
$$;
COMMENT ON FUNCTION leadscore.source_errors(bigint) IS 'what is wrong with a model''s source, by a look at it';

CREATE FUNCTION leadscore.rule_text(rule text, "column" text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN concat(rule, CASE WHEN "column" IS NOT NULL THEN format(' of column "%s"', "column") END);
COMMENT ON FUNCTION leadscore.rule_text(text, text) IS 'a rule by its name, and its column';

-- The rules of severity error that a look at a model fails.
-- line	the rule and why
-- data	is it about the feed?
CREATE FUNCTION leadscore.failed_rules(run leadscore.monitor_run, OUT "position" bigint, OUT rule text, OUT line text, OUT data boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.i, t.rule, concat(t.rule, ': ', c.detail, CASE WHEN c.rule <> 'source' THEN ', limit ' || trim_scale(c."limit"::numeric) END), k.data
	FROM leadscore.check_look(run) WITH ORDINALITY AS c(rule, "column", severity, value, "limit", passed, detail, i)
		JOIN leadscore.check_metrics() AS k ON k.metric = c.rule,
		LATERAL leadscore.rule_text(c.rule, c."column") AS t(rule)
	WHERE NOT c.passed AND c.severity = 'error'
$$;
COMMENT ON FUNCTION leadscore.failed_rules(leadscore.monitor_run) IS 'the rules of severity error that a look at a model fails';

-- What is broken in the data, by a look at a model: the rules that fail and are about the
-- feed, and what is wrong with the source whether there is a rule about it or not.  NULL:
-- nothing.
CREATE FUNCTION leadscore.broken_data(run leadscore.monitor_run)
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(b.line ORDER BY b.position) FROM (
		SELECT 0, 'source: ' || leadscore.source_errors(run.monitor_run_id)
		UNION ALL
		SELECT r.position, r.line FROM leadscore.failed_rules(run) AS r WHERE r.data AND r.rule <> 'source') AS b("position", line)
	WHERE b.line IS NOT NULL
$$;
COMMENT ON FUNCTION leadscore.broken_data(leadscore.monitor_run) IS 'what is broken in the data of a model, by a look at it';

-- The failed rules of severity error, as an error to be raised; NULL if there are none.
CREATE FUNCTION leadscore.failed_checks(name text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT leadscore.failure(format('model "%s" fails %s: %s', $1, CASE count(*) WHEN 1 THEN 'a check' ELSE count(*) || ' checks' END,
			string_agg(c.rule, ', ' ORDER BY c.position)),
		string_agg(c.line, E'\n' ORDER BY c.position),
		format('lead_check(%L) tells all; lead_set_checks() sets the rules.', $1), '23514')
	FROM leadscore.judged_look($1) AS run, leadscore.failed_rules(run) AS c HAVING count(*) > 0
$$;
COMMENT ON FUNCTION leadscore.failed_checks(text) IS 'the rules of severity error that a model fails, as an error';

-- lead_assert(name): an error (check_violation) where the newest look at a model fails a
-- rule of severity error, so that a job or a transaction stops.
CREATE FUNCTION lead_assert(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	failure jsonb := leadscore.failed_checks(name);
BEGIN
	IF failure IS NOT NULL THEN
		PERFORM leadscore.raise_failure(failure);
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_assert(text) IS 'an error where the newest look at a model fails a rule of severity error';

-- What the job "monitor" does: the checks before a training, a look, the rules.
CREATE FUNCTION leadscore.monitor_job(name text)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	errors bigint;
	found text;
	look @extschema@.lead_monitored;
	failure jsonb;
BEGIN
	SELECT count(*) FILTER (WHERE v.severity = 'error'),
		coalesce(string_agg(concat(v.severity, ': ', 'column "' || v."column" || '": ', v.detail), '; '), 'nothing found')
	INTO errors, found FROM @extschema@.lead_validate(name) AS v;
	IF leadscore.is_live(name) THEN
		look := @extschema@.lead_monitor(name);
		failure := leadscore.failed_checks(name);
		found := concat_ws('; ', found, CASE WHEN look.rows > 0 THEN format('%s of %s columns drifted over %s leads, AUC %s over %s outcomes',
			look.drifted_columns, look.measured, look.rows, coalesce(round(look.auc::numeric, 4)::text, 'unknown'), look.labelled) END, look.note);
	END IF;
	IF errors > 0 THEN
		failure := leadscore.failure(concat_ws('; ', format('%s in the data of model "%s": %s',
			CASE errors WHEN 1 THEN 'an error' ELSE errors || ' errors' END, name, found),
			failure->>'message'), failure->>'detail', failure->>'hint', '22000');
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('result', found, 'failure', failure));
END;
$$;
COMMENT ON FUNCTION leadscore.monitor_job(text) IS 'what the job "monitor" does';
