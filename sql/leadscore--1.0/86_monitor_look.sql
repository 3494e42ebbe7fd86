----------------------------------------------------------------------------
-- One look
----------------------------------------------------------------------------

-- Can the label be computed from columns like these?
CREATE FUNCTION leadscore.has_label(spec jsonb, columns jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('SELECT @extschema@.lead_evaluate(0.5, (%s)) FROM (SELECT %s) AS s WHERE false', spec->>'label',
		(SELECT string_agg(format('NULL::%s AS %I', c->>'type', c->>'name'), ', ') FROM jsonb_array_elements(columns) AS c));
	RETURN true;
EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
	RETURN false;
END;
$$;
COMMENT ON FUNCTION leadscore.has_label(jsonb, jsonb) IS 'can the label of a recipe be computed from these columns?';

-- What is wrong with the columns of the source; those that the model lacks count as empty.
-- own		is it the source that the model was trained on?
CREATE FUNCTION leadscore.judge_watched(run leadscore.monitor_run, spec jsonb, model bytea, columns jsonb, own boolean,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT j."check", CASE
			WHEN j.severity = 'info' OR is_label AND NOT has_label AND NOT own THEN 'info'
			WHEN is_needed AND NOT is_readable OR is_label AND NOT has_label OR is_time AND run.label_to IS NOT NULL THEN 'error'
			ELSE 'warning' END,
		j."column",
		j.detail || CASE
			WHEN j.severity = 'info' THEN ''
			WHEN is_needed AND NOT is_readable THEN concat('; ', CASE WHEN c IS NOT NULL THEN 'the model cannot read it: ' END, 'it counts as empty here')
			WHEN is_needed THEN '; the model reads it all the same'
			WHEN is_label AND NOT has_label THEN '; the label is computed from it: no outcome is known here'
			WHEN is_label THEN '; the label is computed from it all the same'
			WHEN is_time THEN '; it tells how old a lead is'
			ELSE '; the model scores without it' END
	FROM leadscore.judge_columns(spec, columns) AS j
		LEFT JOIN leadscore.needed_columns(model) AS n ON n.name = j."column"
		LEFT JOIN jsonb_array_elements(columns) AS c ON c->>'name' = j."column"
		CROSS JOIN leadscore.has_label(spec, columns)
		CROSS JOIN LATERAL (SELECT n.name IS NOT NULL AS is_needed, spec->'label_columns' ? j."column" AS is_label,
			coalesce(spec->>'time' = j."column", false) AS is_time,
			c IS NOT NULL AND (n.name IS NULL OR leadscore.can_read(model, j."column", c->>'type')) AS is_readable) AS x
	WHERE own OR is_needed OR is_label AND j.severity = 'error' OR is_time AND run.label_to IS NOT NULL
$$;
COMMENT ON FUNCTION leadscore.judge_watched(leadscore.monitor_run, jsonb, bytea, jsonb, boolean) IS
'what is wrong with the columns of a watched source';

-- Was the version not trained on a row of s?  NULL: nobody can tell, or it matters not.
-- A lead later than those of the training is new; of the others those held out are.
CREATE FUNCTION leadscore.is_new(run leadscore.monitor_run, spec jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN run.scores = 'recorded' THEN NULL
		WHEN later IS NOT NULL THEN concat_ws(' OR ', later, held)
		WHEN run.source = spec->>'source' OR spec #>> '{holdout,by}' = 'time' THEN held END
	FROM (SELECT CASE WHEN columns @> (SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(spec->'columns') AS c
				WHERE c->>'name' = spec #>> '{holdout,column}') THEN leadscore.not_seen(spec, spec->'columns') END AS held,
			(SELECT format('COALESCE(s.%I OPERATOR(pg_catalog.>) %L::pg_catalog.timestamptz, false)', spec->>'time', spec->>'data_to')
			FROM jsonb_array_elements(columns) AS c WHERE c->>'name' = spec->>'time' AND spec->>'data_to' IS NOT NULL
				AND c->>'type' IN ('date', 'timestamp without time zone', 'timestamp with time zone')) AS later) AS x
$$;
COMMENT ON FUNCTION leadscore.is_new(leadscore.monitor_run, jsonb, jsonb) IS
'the condition for a lead that a version was not trained on';

-- A join of s with h.score, the first score that each lead was given; NULL where that is
-- not to be found: the history is gone, or the leads have no key.
CREATE FUNCTION leadscore.recorded_scores(name text, columns jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t leadscore.score_tables := (SELECT s FROM leadscore.score_tables AS s WHERE s.name = recorded_scores.name);
	history text := leadscore.history_of(t.target);
	type oid := (SELECT a.atttypid FROM pg_attribute AS a WHERE a.attrelid = to_regclass(history) AND a.attname = t.key);
BEGIN
	PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', name), t.created_by,
		'Call lead_refresh_scores() with source and target, or look at leadscore.score_tables.');
	IF type IS NOT NULL AND columns @> jsonb_build_array(jsonb_build_object('name', t.key)) THEN
		RETURN format(' LEFT JOIN (SELECT DISTINCT ON (h.%1$I) h.%1$I AS key, h.score FROM %2$s AS h ORDER BY h.%1$I, h.scored_at) AS h'
			' ON h.key %3$s s.%1$I', t.key, history, leadscore.order_operator(type, 3));
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION leadscore.recorded_scores(text, jsonb) IS 'how leads are joined with the first score that each was given';

-- The one scan: $1 the model, $2 and $3 the window, $4 and $5 that of the labels, NULL
-- where it is open.  It returns the profile of the window, its rows, those too young, the
-- quality on matured leads, how many of these are left out of it, for the version was
-- trained on them, and whether nobody can tell which.
-- columns	that the source has
-- scored	false: without the model
CREATE FUNCTION leadscore.monitor_query(run leadscore.monitor_run, spec jsonb, model bytea, columns jsonb, scored boolean)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	"time" text := 's.' || quote_ident(spec->>'time');
	label text := CASE WHEN leadscore.has_label(spec, columns) THEN spec->>'label' END;
	features text;
	names text[];
	row_of_f text;
	history text;
	score text := CASE WHEN scored THEN '@extschema@.lead_score($1, f)' END;
	is_new text := leadscore.is_new(run, spec, columns);
BEGIN
	SELECT string_agg(CASE WHEN c IS NOT NULL AND leadscore.can_read(model, n.name, c->>'type') THEN format('s.%1$I AS %1$I', n.name)
			ELSE format('NULL::%s AS %I', n.type, n.name) END, ', '), array_agg(n.name)
	INTO features, names
	FROM leadscore.needed_columns(model) AS n LEFT JOIN jsonb_array_elements(columns) AS c ON c->>'name' = n.name;
	-- column by column is faster, while they are few enough for a call
	row_of_f := CASE WHEN cardinality(names) > 97 THEN format('lead_profile(%sf)', CASE WHEN scored THEN '$1, ' END)
		ELSE format('lead_profile_columns(%s%L::pg_catalog.jsonb, %s)', CASE WHEN scored THEN '$1, ' END, jsonb_build_object('names', names),
			(SELECT string_agg(format('f.%I', u.n), ', ' ORDER BY u.i) FROM unnest(names) WITH ORDINALITY AS u(n, i))) END;
	IF run.scores = 'recorded' THEN
		history := leadscore.recorded_scores(run.name, columns);
		score := CASE WHEN history IS NOT NULL THEN 'h.score' END;
	END IF;
	RETURN 'SELECT '
		|| format('@extschema@.%s FILTER (WHERE w.in_window) AS profile', row_of_f)
		|| ', pg_catalog.count(*) FILTER (WHERE w.in_window) AS rows'
		|| ', pg_catalog.count(*) FILTER (WHERE w.in_window AND NOT w.matured) AS unmatured'
		|| CASE WHEN score IS NULL OR label IS NULL THEN ', NULL::pg_catalog.jsonb AS evaluation'
			ELSE format(', pg_catalog.to_jsonb(@extschema@.lead_evaluate(%s, (%s)) FILTER (WHERE w.matured AND w.is_new)) AS evaluation',
				score, label) END
		|| format(', %L::pg_catalog.bool AS unsure', is_new IS NULL AND run.scores = 'live' AND run.source = spec->>'source')
		|| format(', pg_catalog.count(%s) FILTER (WHERE w.matured AND NOT w.is_new) AS seen', CASE WHEN label IS NULL THEN 'NULL'
			ELSE format('(%s)', label) END)
		|| concat(' FROM ', run.source, ' AS s', history)
		|| format(' CROSS JOIN LATERAL (SELECT %s) AS f', features)
		|| format(' CROSS JOIN LATERAL (SELECT %s AS in_window, %s AS matured, (%s) AS is_new) AS w',
			CASE WHEN run.window_from IS NULL THEN 'true' ELSE format('%s OPERATOR(pg_catalog.>=) $2', "time") END,
			CASE WHEN run.label_to IS NULL THEN 'true' ELSE format('COALESCE(%s OPERATOR(pg_catalog.<) $5, false)', "time") END, coalesce(is_new, 'true'))
		|| ' WHERE ' || concat_ws(' AND ', 'true',
			CASE WHEN run.label_from IS NOT NULL THEN format('%s OPERATOR(pg_catalog.>=) $4', "time") END,
			CASE WHEN run.window_to IS NOT NULL THEN format('%s OPERATOR(pg_catalog.<) $3', "time") END);
END;
$$;
COMMENT ON FUNCTION leadscore.monitor_query(leadscore.monitor_run, jsonb, bytea, jsonb, boolean) IS
'the query that looks at a watched model: one scan of the source';

-- Reads the source: what monitor_query() finds, or why it could not be read.
CREATE FUNCTION leadscore.scan_watched(run leadscore.monitor_run, spec jsonb, model bytea, columns jsonb, scored boolean,
	OUT profile leadprofile, OUT rows bigint, OUT unmatured bigint, OUT evaluation jsonb, OUT unsure boolean, OUT seen bigint, OUT failure text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text := leadscore.monitor_query(run, spec, model, columns, scored);
	here jsonb := leadscore.current_settings();
	more text;
BEGIN
	BEGIN
		PERFORM leadscore.set_settings(spec->'settings');
		EXECUTE statement INTO profile, rows, unmatured, evaluation, unsure, seen
		USING model, run.window_from, run.window_to, run.label_from, run.label_to;
		-- the end of this function gives search_path back, not the time zone
		PERFORM leadscore.set_settings(here);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS failure = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL;
		failure := concat_ws(': ', failure, nullif(more, ''));
	END;
END;
$$;
COMMENT ON FUNCTION leadscore.scan_watched(leadscore.monitor_run, jsonb, bytea, jsonb, boolean) IS
'reads a watched source once; failure says why it could not';

-- What a unit of log-odds is in percentage points by the scores of the hold-out, which the
-- training itself has none of: those of the window tell nothing once they have all gone to
-- 0 or 1.  NULL: nobody knows.
CREATE FUNCTION leadscore.points_per_log_odds(holdout leadprofile, current leadprofile)
RETURNS double precision
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.impact_points / d.impact_log_odds FROM @extschema@.lead_drift(holdout, current) AS d
	WHERE d.impact_log_odds <> 0 ORDER BY abs(d.impact_log_odds) DESC LIMIT 1
$$;
COMMENT ON FUNCTION leadscore.points_per_log_odds(leadprofile, leadprofile) IS 'percentage points that a unit of log-odds moves the scores of a hold-out, first-order';

-- Writes down how a profile differs from another, all columns or the score alone.
-- impact	false: not comparable, for another version scored the other side
-- points	percentage points per unit of log-odds; NULL: as lead_drift() has it
CREATE FUNCTION leadscore.put_drift(run bigint, against text, reference leadprofile, current leadprofile, options jsonb,
	score boolean, impact boolean DEFAULT true, points double precision DEFAULT NULL)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.monitor_column (monitor_run_id, against, position, "column", kind, method, statistic, p_value, threshold,
		drifted, chance_threshold, p_adjusted, beyond_chance, rows_before, rows_now, missing_before, missing_now, new_levels,
		vanished_levels, out_of_range, impact_log_odds, impact_points, note, impact_exact, impact_against)
	SELECT run, put_drift.against, d.position, d."column", d.kind, d.method, d.statistic, d.p_value, d.threshold,
		d.drifted, d.chance_threshold, d.p_adjusted, d.beyond_chance, d.rows_before, d.rows_now, d.missing_before, d.missing_now, d.new_levels,
		d.vanished_levels, d.out_of_range, CASE WHEN impact THEN d.impact_log_odds END,
		CASE WHEN impact THEN coalesce(d.impact_log_odds * points, d.impact_points) END, d.note,
		CASE WHEN impact THEN d.impact_exact END, CASE WHEN impact THEN d.impact_against END
	FROM (SELECT row_number() OVER () AS position, d.* FROM @extschema@.lead_drift(reference, current, options) AS d) AS d
	WHERE d.missing_now IS NOT NULL		-- columns that the model scores with
		AND (score IS NULL OR score = (d.kind = 'score'))
$$;
COMMENT ON FUNCTION leadscore.put_drift(bigint, text, leadprofile, leadprofile, jsonb, boolean, boolean, double precision) IS
'writes down the drift between two profiles, a row per column';

-- Quality, beside that of the version's hold-out.
CREATE FUNCTION leadscore.put_quality(run leadscore.monitor_run, evaluation jsonb)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.monitor_metric
	SELECT run.monitor_run_id, m, (e->>m)::float8, (e->>(m || '_low'))::float8, (e->>(m || '_high'))::float8,
		(r->>m)::float8, (r->>(m || '_low'))::float8, (r->>(m || '_high'))::float8
	FROM unnest('{auc,log_loss,brier,calibration_slope,calibration_intercept,lift_10,positive_rate,mean_score}'::text[]) AS m,
		LATERAL (SELECT evaluation || leadscore.positive_rate(evaluation) AS e) AS e,
		LATERAL (SELECT coalesce(jsonb_object_agg(x.key, x.value), '{}') AS r FROM leadscore.versions AS v JOIN leadscore.metrics AS x USING (run_id)
			WHERE v.name = run.name AND v.version = run.version AND x.step = 0) AS r
$$;
COMMENT ON FUNCTION leadscore.put_quality(leadscore.monitor_run, jsonb) IS 'writes down the quality that a run found';

-- The rate of positives of an evaluation, with Wilson's 95 % interval (1927).
CREATE FUNCTION leadscore.positive_rate(evaluation jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('positive_rate', p, 'positive_rate_low', greatest(centre - half, 0), 'positive_rate_high', least(centre + half, 1))
	-- a condition is no guard: a planner may compute what stands before it
	FROM (SELECT nullif((evaluation->>'n')::float8, 0) AS n, 1.959963984540054::float8 AS z) AS a,
		LATERAL (SELECT (evaluation->>'positives')::float8 / n AS p) AS b,
		LATERAL (SELECT (p + z * z / (2 * n)) / (1 + z * z / n) AS centre,
			z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n) AS half) AS c
	WHERE n IS NOT NULL
	UNION ALL
	SELECT '{}' WHERE coalesce((evaluation->>'n')::bigint, 0) = 0
$$;
COMMENT ON FUNCTION leadscore.positive_rate(jsonb) IS 'the share of positives in an evaluation, with its interval';

-- The run that a window is compared with besides the training: the latest of the same
-- source that ended when it begins, or before; where there are no windows, the last.
-- A schedule is not kept to the millisecond: windows may overlap by a hundredth.
CREATE FUNCTION leadscore.previous_run(run leadscore.monitor_run)
RETURNS leadscore.monitor_run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r FROM leadscore.monitor_run AS r
	WHERE r.name = run.name AND r.source = run.source AND r.profile IS NOT NULL AND r.monitor_run_id <> run.monitor_run_id
		AND CASE WHEN run.window_from IS NULL THEN r.window_from IS NULL AND r.window_to IS NOT DISTINCT FROM run.window_to
			WHEN isfinite(run.window_from) THEN r.window_to <= run.window_from + (run.window_to - run.window_from) / 100 END
	ORDER BY r.window_to DESC, r.monitor_run_id DESC LIMIT 1
$$;
COMMENT ON FUNCTION leadscore.previous_run(leadscore.monitor_run) IS 'the run whose window a run is compared with';

CREATE TYPE lead_monitored AS (
	monitor_run_id bigint,
	model text,
	version integer,
	window_from timestamptz,
	window_to timestamptz,
	rows bigint,
	measured bigint,
	drifted_columns bigint,
	drifted boolean,
	score_drifted boolean,
	impact_points float8,
	columns_that_matter text[],
	labelled bigint,
	unmatured bigint,
	auc float8,
	auc_reference float8,
	errors bigint,
	note text,
	score_beyond_chance boolean,
	beyond_chance bigint
);
COMMENT ON TYPE lead_monitored IS 'a look at a live model, in one row';
COMMENT ON COLUMN lead_monitored.rows IS 'leads in the window';
COMMENT ON COLUMN lead_monitored.drifted IS 'has the whole drifted since the training?';
COMMENT ON COLUMN lead_monitored.impact_points IS 'how far the columns together moved the mean score since the training, in percentage points';
COMMENT ON COLUMN lead_monitored.columns_that_matter IS 'up to three, those that moved the score most';
COMMENT ON COLUMN lead_monitored.labelled IS 'matured leads with an outcome: what auc is of';
COMMENT ON COLUMN lead_monitored.auc_reference IS 'on the version''s hold-out when it was trained';
COMMENT ON COLUMN lead_monitored.errors IS 'what is wrong with the source: see leadscore.monitor_finding';
COMMENT ON COLUMN lead_monitored.note IS 'what was not measured, and why';
COMMENT ON COLUMN lead_monitored.beyond_chance IS 'drifted columns that chance alone hardly explains, or that no test tells of';

CREATE FUNCTION leadscore.monitored_row(id bigint)
RETURNS lead_monitored
LANGUAGE sql	-- VOLATILE: it sees what has just been written
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.monitor_run_id, r.name, r.version, r.window_from, r.window_to, r.rows, r.measured, r.drifted_columns, r.drifted,
		r.score_drifted, r.impact_points, r.columns_that_matter, r.labelled, r.unmatured, m.value, m.reference,
		(SELECT count(*) FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = id AND f.severity = 'error'), r.note,
		r.score_beyond_chance, r.beyond_chance
	FROM leadscore.monitor_run AS r LEFT JOIN leadscore.monitor_metric AS m ON m.monitor_run_id = r.monitor_run_id AND m.metric = 'auc'
	WHERE r.monitor_run_id = id
$$;
COMMENT ON FUNCTION leadscore.monitored_row(bigint) IS 'a run of the monitor as a row to read';

CREATE FUNCTION leadscore.add_finding(run bigint, "check" text, detail text)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.monitor_finding (monitor_run_id, position, "check", severity, detail)
	SELECT run, 1 + count(*), $2, 'error', $3 FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = run
$$;
COMMENT ON FUNCTION leadscore.add_finding(bigint, text, text) IS 'writes down what is wrong with a whole source';

-- Reads the source of a look, with the model or, where that cannot score it, without;
-- what is wrong is written down.
-- returns	rows is NULL where nothing could be read
CREATE FUNCTION leadscore.read_watched(run leadscore.monitor_run, spec jsonb, model bytea,
	OUT profile leadprofile, OUT rows bigint, OUT unmatured bigint, OUT evaluation jsonb, OUT unsure boolean, OUT seen bigint, OUT failure text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns jsonb;
	unscored text;
BEGIN
	BEGIN
		columns := leadscore.columns_of_source(run.source);
	EXCEPTION WHEN OTHERS THEN
		failure := SQLERRM;
	END;
	IF failure IS NULL THEN
		INSERT INTO leadscore.monitor_finding
		SELECT run.monitor_run_id, row_number() OVER (), j.*
		FROM leadscore.judge_watched(run, spec, model, columns, run.source = spec->>'source') AS j;
		IF run.label_to IS NOT NULL AND NOT EXISTS (SELECT FROM jsonb_array_elements(columns) AS c WHERE c->>'name' = spec->>'time'
				AND c->>'type' IN ('date', 'timestamp without time zone', 'timestamp with time zone')) THEN
			failure := format('without a time in column "%s" nobody knows which leads are in the window', spec->>'time');
		ELSE
			IF run.scores = 'recorded' AND leadscore.recorded_scores(run.name, columns) IS NULL THEN
				PERFORM leadscore.add_finding(run.monitor_run_id, 'score',
					'no recorded score is found: their history is gone, or the source has no key');
			END IF;
			SELECT * INTO profile, rows, unmatured, evaluation, unsure, seen, failure
			FROM leadscore.scan_watched(run, spec, model, columns, true);
			IF failure IS NOT NULL THEN
				unscored := failure;
				SELECT * INTO profile, rows, unmatured, evaluation, unsure, seen, failure
				FROM leadscore.scan_watched(run, spec, model, columns, false);
				IF failure IS NULL THEN
					PERFORM leadscore.add_finding(run.monitor_run_id, 'score', 'the leads cannot be scored: ' || unscored);
				END IF;
			END IF;
		END IF;
	END IF;
	IF failure IS NOT NULL THEN
		PERFORM leadscore.add_finding(run.monitor_run_id, 'source', 'it cannot be read: ' || failure);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.read_watched(leadscore.monitor_run, jsonb, bytea) IS
'reads a watched source, and writes down what is wrong with it';

-- The drift of a look: columns against the training, scores against the hold-out, both
-- against the window before.
-- returns	notes on what was not compared
CREATE FUNCTION leadscore.look_for_drift(run leadscore.monitor_run, training leadprofile, current leadprofile, options jsonb)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holdout @extschema@.leadprofile := (SELECT v.holdout FROM leadscore.version_profiles AS v
		WHERE v.name = run.name AND v.version = run.version);
	previous leadscore.monitor_run := leadscore.previous_run(run);
	notes text[] := CASE WHEN holdout IS NULL THEN ARRAY['the version has no hold-out to compare scores and quality with'] END;
BEGIN
	PERFORM leadscore.put_drift(run.monitor_run_id, 'training', training, current, options, false,
		points => leadscore.points_per_log_odds(holdout, current));
	PERFORM leadscore.put_drift(run.monitor_run_id, 'training', coalesce(holdout, training), current, options, true);
	IF previous.monitor_run_id IS NOT NULL THEN
		BEGIN
			PERFORM leadscore.put_drift(run.monitor_run_id, 'previous', previous.profile, current, options, NULL,
				impact => previous.version = run.version);
			UPDATE leadscore.monitor_run AS r SET previous_run_id = previous.monitor_run_id
			WHERE r.monitor_run_id = run.monitor_run_id;
		EXCEPTION WHEN datatype_mismatch OR invalid_parameter_value THEN
			-- another version took a column for something else
			notes := notes || format('not compared with the window before: %s', SQLERRM);
		END;
	END IF;
	RETURN notes;
END;
$$;
COMMENT ON FUNCTION leadscore.look_for_drift(leadscore.monitor_run, leadprofile, leadprofile, jsonb) IS
'writes down how a window differs from the training, the hold-out and the window before';

-- A look at a live model as it is to be watched: reads the source, writes down what it finds.
CREATE FUNCTION leadscore.monitor(watch leadscore.watches, until timestamptz)
RETURNS lead_monitored
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
#variable_conflict use_variable
DECLARE
	spec jsonb := leadscore.watched_spec(watch.name);
	model bytea := @extschema@.lead_model(watch.name);
	training @extschema@.leadprofile := @extschema@.lead_profile(model);
	maturity interval := coalesce(watch.maturity, interval '0');
	options jsonb := watch.options - 'drift_share';
	run leadscore.monitor_run;
	found record;
	labelled bigint;
	positives bigint;
	notes text[];
BEGIN
	IF until IS NOT NULL THEN
		PERFORM leadscore.check_has_time(watch.name, spec);
		IF until > clock_timestamp() THEN
			RAISE EXCEPTION 'until must not be later than now, but is %', until USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The window has not ended: its leads are not all there. Without until it ends now.';
		END IF;
	ELSIF watch.period IS NOT NULL OR watch.maturity IS NOT NULL THEN
		until := now();
	END IF;
	INSERT INTO leadscore.monitor_run AS r (name, version, source, scores, window_from, window_to, label_from, label_to, maturity)
	VALUES (watch.name, @extschema@.lead_model_version(watch.name), coalesce(watch.source, spec->>'source'), watch.scores,
		until - watch.period, until, until - watch.period - maturity, until - maturity, watch.maturity)
	RETURNING r.* INTO run;
	SELECT * INTO found FROM leadscore.read_watched(run, spec, model);
	labelled := coalesce((found.evaluation->>'n')::bigint, 0);
	positives := coalesce((found.evaluation->>'positives')::bigint, 0);
	IF found.rows > 0 THEN
		-- a column may have been named that the version of today lacks
		options := options || jsonb_build_object('columns', coalesce((SELECT jsonb_object_agg(o.key, o.value)
			FROM jsonb_each(options->'columns') AS o
			WHERE o.key IN (SELECT d."column" FROM @extschema@.lead_describe(found.profile) AS d)), '{}'));
		notes := leadscore.look_for_drift(run, training, found.profile, options);
	END IF;
	IF found.rows IS NOT NULL THEN
		PERFORM leadscore.put_quality(run, coalesce(found.evaluation, '{}'));
	END IF;
	notes := notes || CASE
		WHEN found.rows IS NULL THEN ARRAY['the source cannot be read']
		WHEN found.rows = 0 THEN ARRAY['no lead in the window'] END
		|| CASE
		WHEN found.rows IS NULL THEN NULL
		WHEN labelled = 0 AND coalesce(found.seen, 0) = 0 THEN ARRAY['no outcome is known']
		WHEN labelled > 0 AND positives IN (0, labelled) THEN ARRAY['the outcomes known are all the same'] END
		|| CASE
		WHEN found.unsure AND labelled > 0 THEN ARRAY['the quality flatters: it may be of leads that the version was trained on']
		WHEN found.seen > 0 THEN ARRAY[format('the quality leaves out %s leads that the version was trained on', found.seen)] END;

	UPDATE leadscore.monitor_run AS r SET ended_at = clock_timestamp(), rows = found.rows,
		labelled = labelled, positives = positives, unmatured = found.unmatured, measured = s.measured, drifted_columns = s.drifted_columns, drift_share = s.share,
		drifted = s.share >= coalesce((watch.options->>'drift_share')::float8, 0.5),
		score_statistic = s.score_statistic, score_drifted = s.score_drifted,
		impact_log_odds = s.impact_log_odds, impact_points = CASE WHEN s.impact_points IS NOT NULL THEN s.points END, missing = s.missing_now,
		columns_that_matter = s.columns_that_matter, profile = found.profile, note = nullif(array_to_string(notes, '; '), ''),
		score_beyond_chance = s.score_beyond_chance, beyond_chance = s.beyond_chance,
		drifted_beyond_chance = s.beyond_chance::float8 / nullif(s.measured, 0) >= coalesce((watch.options->>'drift_share')::float8, 0.5)
	FROM (SELECT c.*, c.drifted_columns::float8 / nullif(c.measured, 0) AS share, d.impact_log_odds, d.impact_points, d.missing_now,
			d.columns_that_matter
		-- the score is measured against another profile than the columns are
		FROM (SELECT count(c.drifted) AS measured, count(*) FILTER (WHERE c.drifted) AS drifted_columns,
				max(c.statistic) FILTER (WHERE c.kind = 'score') AS score_statistic,
				bool_or(c.drifted) FILTER (WHERE c.kind = 'score') AS score_drifted, sum(c.impact_points ORDER BY c.position) AS points,
				bool_or(c.beyond_chance) FILTER (WHERE c.kind = 'score') AS score_beyond_chance,
				count(*) FILTER (WHERE c.drifted AND coalesce(c.beyond_chance, true)) AS beyond_chance
			FROM leadscore.monitor_column AS c WHERE c.monitor_run_id = run.monitor_run_id AND c.against = 'training') AS c,
			@extschema@.lead_drift_summary(training, found.profile, options #- '{columns,(score)}') AS d) AS s
	WHERE r.monitor_run_id = run.monitor_run_id;
	RETURN leadscore.monitored_row(run.monitor_run_id);
END;
$$;
COMMENT ON FUNCTION leadscore.monitor(leadscore.watches, timestamptz) IS 'looks at a live model and writes down what it finds';

-- lead_monitor(name, …): a look at a live model: drift of its leads against the training
-- and against the window before, drift of its scores against the hold-out, quality on
-- outcomes that are known by now against the hold-out's.  Reads the source once; writes a
-- row to leadscore.monitor_run, and to monitor_column, monitor_metric, monitor_finding.
-- source, period, maturity, scores, options	as for lead_watch(); NULL: as it was told
-- until	the window's end, not included; NULL: now
-- The window is the leads created in [until - period, until).  Quality is of those that
-- matured in it: created in [until - period - maturity, until - maturity).  A younger lead
-- is unknown even if it is won already: only winners are known so early.  Leads that the
-- live version was trained on are left out of the quality, and counted in note.
-- errors	nothing is live; a recipe or watch of another role; what lead_watch() refuses;
--			a window that has not ended.
--			What is wrong with the source is a finding and no error
CREATE FUNCTION lead_monitor(name text, source text DEFAULT NULL, period interval DEFAULT NULL, until timestamptz DEFAULT NULL,
	maturity interval DEFAULT NULL, scores text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS lead_monitored
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM leadscore.require_model(name);
	RETURN leadscore.monitor(leadscore.watch_of(name, leadscore.source_of(source), period, maturity, scores, options), until);
END;
$$;
COMMENT ON FUNCTION lead_monitor(text, text, interval, timestamptz, interval, text, jsonb) IS
'look at a live model: drift, how far it moves the score, and quality on the outcomes known by now';

----------------------------------------------------------------------------
-- For plots and BI
----------------------------------------------------------------------------

-- The looks that rules and policies judge: at the live version, and at the source that is
-- watched.  Others are kept and shown, and judge nothing.
CREATE VIEW leadscore.judged_looks AS
SELECT r.name, r.monitor_run_id, coalesce(r.window_to, r.started_at) AS at, r.started_at
FROM leadscore.aliases AS a JOIN leadscore.versions AS v USING (name, version) JOIN leadscore.runs AS n USING (run_id)
	JOIN leadscore.monitor_run AS r USING (name, version) LEFT JOIN leadscore.watches AS w USING (name)
WHERE a.alias = 'champion' AND r.source = coalesce(w.source, n.spec->>'source');
COMMENT ON VIEW leadscore.judged_looks IS
'looks at the live version and the source that is watched; the newest is the one whose window ended last, then the one made last';
COMMENT ON COLUMN leadscore.judged_looks.at IS 'where the window ended; without one, when the look was made';

-- The newest look at a model: of the latest window, whenever it was made; NULL: there is
-- none.
-- since	made then or later
CREATE FUNCTION leadscore.newest_look(name text, since timestamptz DEFAULT '-infinity')
RETURNS leadscore.monitor_run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r FROM leadscore.judged_looks AS j JOIN leadscore.monitor_run AS r USING (monitor_run_id)
	WHERE j.name = $1 AND j.started_at >= since ORDER BY j.at DESC, j.monitor_run_id DESC LIMIT 1
$$;
COMMENT ON FUNCTION leadscore.newest_look(text, timestamptz) IS 'the look at a model that rules and policies judge';

-- lead_drop_look(name, monitor_run_id): undo a look, with all that it found.
-- errors	no such look at this model
CREATE FUNCTION lead_drop_look(name text, monitor_run_id bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM leadscore.require_model(name);
	DELETE FROM leadscore.monitor_run AS r WHERE r.name = lead_drop_look.name AND r.monitor_run_id = lead_drop_look.monitor_run_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'model "%" has no look %', name, coalesce(monitor_run_id::text, '(null)') USING ERRCODE = 'undefined_object',
			HINT = 'leadscore.monitor_run lists the looks.';
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_drop_look(text, bigint) IS 'undo a look at a model, with all that it found';

CREATE VIEW leadscore.monitor_latest AS
SELECT r.name, r.version, r.monitor_run_id, r.window_from, r.window_to, r.ended_at, r.rows, r.labelled,
	r.drift_share, r.drifted AS model_drifted, r.score_drifted, r.impact_points AS model_impact_points,
	c."column", c.kind, c.method, c.statistic, c.threshold, c.drifted, c.chance_threshold, c.p_adjusted, c.beyond_chance,
	c.missing_before, c.missing_now, c.new_levels, c.vanished_levels, c.out_of_range, c.impact_log_odds, c.impact_points, c.note
FROM leadscore.monitor_run AS r
LEFT JOIN leadscore.monitor_column AS c ON c.monitor_run_id = r.monitor_run_id AND c.against = 'training'
WHERE r.monitor_run_id IN (SELECT DISTINCT ON (j.name) j.monitor_run_id FROM leadscore.judged_looks AS j
	ORDER BY j.name, j.at DESC, j.monitor_run_id DESC)
ORDER BY r.name, c.position;
COMMENT ON VIEW leadscore.monitor_latest IS 'the newest look at each model, a row per column, with the verdicts on the whole';

CREATE VIEW leadscore.monitor_history AS
SELECT r.name, r.version, r.monitor_run_id, coalesce(r.window_to, r.started_at) AS at, r.window_from, r.window_to, r.rows,
	c.against, c."column", c.kind, c.method, c.statistic, c.threshold, c.drifted, c.p_value, c.missing_now, c.new_levels,
	c.vanished_levels, c.out_of_range, c.impact_log_odds, c.impact_points
FROM leadscore.monitor_run AS r JOIN leadscore.monitor_column AS c USING (monitor_run_id);
COMMENT ON VIEW leadscore.monitor_history IS 'drift over time: a row per look, column and what it was compared with';

CREATE VIEW leadscore.monitor_quality AS
SELECT r.name, r.version, r.monitor_run_id, coalesce(r.label_to, r.started_at) AS at, r.label_from, r.label_to, r.scores,
	r.labelled, r.positives, m.metric, m.value, m.low, m.high, m.reference, m.reference_low, m.reference_high
FROM leadscore.monitor_run AS r JOIN leadscore.monitor_metric AS m USING (monitor_run_id);
COMMENT ON VIEW leadscore.monitor_quality IS 'quality over time: a row per look and metric, beside the hold-out''s';

GRANT SELECT ON leadscore.judged_looks, leadscore.monitor_latest, leadscore.monitor_history, leadscore.monitor_quality TO @extowner@ WITH GRANT OPTION;
