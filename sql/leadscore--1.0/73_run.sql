----------------------------------------------------------------------------
-- A run, from its start to its end
----------------------------------------------------------------------------

CREATE TYPE lead_run AS (
	model text,
	version integer,
	status text,
	rows bigint,
	auc float8,
	log_loss float8,
	precision float8,
	recall float8,
	live boolean,
	verdict text,
	held_out bigint,
	error text,
	run_id uuid
);
COMMENT ON TYPE lead_run IS 'a training in one row';
COMMENT ON COLUMN lead_run.rows IS 'labelled rows trained on';
COMMENT ON COLUMN lead_run.auc IS 'on the rows held out, as are log_loss, precision and recall';
COMMENT ON COLUMN lead_run.live IS 'is this version the champion now?';
COMMENT ON COLUMN lead_run.verdict IS 'what the gate said';

-- A run as a row to read.
CREATE FUNCTION leadscore.run_row(run uuid)
RETURNS lead_run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.model, v.version, r.status, r.rows, m.auc, m.log_loss, m.precision, m.recall,
		CASE WHEN v.version IS NOT NULL THEN EXISTS (SELECT FROM leadscore.aliases AS a
			WHERE a.name = v.name AND a.version = v.version AND a.alias = 'champion') ELSE false END,
		d.verdict, r.held_out, r.error, r.run_id
	FROM leadscore.runs AS r
		LEFT JOIN leadscore.versions AS v USING (run_id)
		LEFT JOIN leadscore.verdicts AS d USING (run_id)
		LEFT JOIN (SELECT run_id, max(value) FILTER (WHERE key = 'auc') AS auc,
				max(value) FILTER (WHERE key = 'log_loss') AS log_loss,
				max(value) FILTER (WHERE key = 'precision') AS precision,
				max(value) FILTER (WHERE key = 'recall') AS recall
			FROM leadscore.metrics WHERE run_id = run GROUP BY run_id) AS m USING (run_id)
	WHERE r.run_id = run
$$;

-- Parameters as MLflow has them: a key and a text, nested objects flattened.
CREATE FUNCTION leadscore.params_of(spec jsonb, OUT key text, OUT value text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT k, v #>> '{}' FROM jsonb_each(spec->'written') AS e(k, v) WHERE jsonb_typeof(v) <> 'null'
	UNION ALL
	SELECT k, spec->>k FROM unnest('{key,time,refit}'::text[]) AS k WHERE spec->>k IS NOT NULL
	UNION ALL
	SELECT 'features', (SELECT string_agg(f, ', ') FROM jsonb_array_elements_text(spec->'features') AS f)
	UNION ALL
	SELECT concat(part, '.', k), v #>> '{}' FROM unnest('{options,holdout,gate,frames,tuning}'::text[]) AS part, jsonb_each(spec->part) AS e(k, v)
$$;

CREATE FUNCTION leadscore.start_run(name text, action text, spec jsonb, description text,
	experiment text, tags jsonb)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	drawer bigint;
	run uuid;
BEGIN
	PERFORM leadscore.lock(name);
	INSERT INTO leadscore.models AS m (name, last_version)
	SELECT start_run.name, coalesce(max(d.version), 0) FROM leadscore.deployments AS d WHERE d.name = start_run.name
	ON CONFLICT DO NOTHING;
	INSERT INTO leadscore.experiments AS e (name) VALUES (coalesce(experiment, name))
	ON CONFLICT ON CONSTRAINT experiments_name_key DO UPDATE SET updated_at = clock_timestamp()
	RETURNING e.experiment_id INTO drawer;
	INSERT INTO leadscore.runs AS r (experiment_id, model, action, status, spec, description, extension_version)
	VALUES (drawer, name, action, 'running', spec, description,
		(SELECT x.extversion FROM pg_extension AS x WHERE x.extname = 'leadscore'))
	RETURNING r.run_id INTO run;
	INSERT INTO leadscore.params SELECT run, p.key, p.value FROM leadscore.params_of(spec) AS p;
	IF tags IS NOT NULL THEN
		INSERT INTO leadscore.tags SELECT run, t.key, coalesce(t.value, '') FROM jsonb_each_text(tags) AS t;
	END IF;
	RETURN run;
END;
$$;

CREATE FUNCTION leadscore.put_checks(run uuid, spec jsonb, trained lead_trained, unknown bigint,
	duplicates bigint, held_out bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before jsonb := leadscore.last_columns((SELECT model FROM leadscore.runs WHERE run_id = run));
BEGIN
	INSERT INTO leadscore.checks
	WITH found AS (SELECT * FROM leadscore.judge_rows(spec, trained.columns, before, trained.rows, trained.positives, unknown,
		duplicates, held_out))
	SELECT run, (SELECT count(*) FROM leadscore.checks AS c WHERE c.run_id = run) + row_number() OVER (), j.*
	FROM (SELECT * FROM found
		UNION ALL
		SELECT * FROM leadscore.judge_separation(spec->'options', @extschema@.lead_info(trained.model)->'separation')
		WHERE NOT EXISTS (SELECT FROM found AS f WHERE f."check" = 'leak' AND f.severity = 'error')) AS j;	-- which separates as well
END;
$$;

-- Numbers of an evaluation, or of an information document, as metrics.
CREATE FUNCTION leadscore.put_metrics(run uuid, prefix text, numbers jsonb, keys text[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.metrics (run_id, key, value)
	SELECT run, prefix || k, (numbers->>k)::float8 FROM unnest(keys) AS k WHERE jsonb_typeof(numbers->k) = 'number'
$$;

-- The gate.  numbers are those of lead_compare(), or NULL where there is no
-- champion, evaluation those of lead_evaluate_frame() or NULL.
CREATE FUNCTION leadscore.judge(gate jsonb, champion integer, compared jsonb, evaluation jsonb,
	OUT verdict text, OUT passed boolean, OUT failed text[])
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	margin float8 := coalesce((gate->>'margin')::float8, 0.01);
	ratio float8 := coalesce((gate->>'log_loss_ratio')::float8, 1.01);
	low float8 := (compared->>'low')::float8;
	high float8 := (compared->>'high')::float8;
BEGIN
	-- a threshold that can't be checked is not met
	failed := ARRAY(
		SELECT k FROM unnest('{auc,precision,recall}'::text[]) AS k
		WHERE gate ? ('min_' || k) AND NOT coalesce((evaluation->>k)::float8 >= (gate->>('min_' || k))::float8, false)
		UNION ALL
		SELECT 'log_loss' WHERE gate ? 'max_log_loss'
			AND NOT coalesce((evaluation->>'log_loss')::float8 <= (gate->>'max_log_loss')::float8, false));
	verdict := CASE
		WHEN cardinality(failed) > 0 THEN 'below threshold'
		WHEN champion IS NULL THEN 'first'
		WHEN low IS NULL THEN 'too few rows to tell'
		WHEN low > -margin AND NOT coalesce((compared->>'challenger_log_loss')::float8
			<= ratio * (compared->>'champion_log_loss')::float8, false) THEN 'worse'
		WHEN low > 0 THEN 'better'
		WHEN low > -margin THEN 'good enough'
		WHEN high < 0 THEN 'worse'
		ELSE 'too few rows to tell' END;
	passed := CASE coalesce(gate->>'promote', 'passed')
		WHEN 'always' THEN true
		WHEN 'never' THEN false
		ELSE verdict IN ('first', 'better', 'good enough')
			OR verdict = 'too few rows to tell' AND coalesce(gate->>'too_few', 'keep') = 'promote' END;
END;
$$;
COMMENT ON FUNCTION leadscore.judge(jsonb, integer, jsonb, jsonb) IS
'passes where the challenger''s AUC is at most margin (0.01) worse, for certain, and its log loss at most log_loss_ratio (1.01) times the champion''s';

-- Why a version is live, or is not.
CREATE FUNCTION leadscore.gate_reason(gate jsonb, verdict text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN concat(CASE gate->>'promote' WHEN 'always' THEN 'promoted always; the gate said: ' ELSE 'the gate: ' END, verdict);
COMMENT ON FUNCTION leadscore.gate_reason(jsonb, text) IS 'the verdict of the gate as a reason: was it asked?';

-- What the rows held out say against the model, or against themselves.
CREATE FUNCTION leadscore.judge_evaluation(evaluation jsonb,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'hold-out', 'warning', NULL,
		'the rows held out have one outcome only: there is no AUC, and nothing can be compared'
	WHERE (evaluation->>'positives')::bigint IN (0, (evaluation->>'n')::bigint) AND (evaluation->>'n')::bigint > 0
	UNION ALL
	SELECT 'leak', 'warning', NULL, format('the AUC on the rows held out is %s: look for a column that knows the outcome',
		round((evaluation->>'auc')::numeric, 4))
	WHERE (evaluation->>'auc')::float8 > 0.98
$$;

-- A run that failed: recorded, and said.
CREATE FUNCTION leadscore.fail_run(run uuid, message text, detail text, hint text, state text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text;
BEGIN
	UPDATE leadscore.runs SET status = 'failed', ended_at = clock_timestamp(), sqlstate = state,
		error = concat_ws(E'\n', message, 'DETAIL:  ' || nullif(detail, ''), 'HINT:  ' || nullif(hint, ''))
	WHERE run_id = run RETURNING model INTO name;
	hint := coalesce(nullif(hint, ''), 'leadscore.runs has the record.');
	IF detail <> '' THEN
		RAISE WARNING 'training of model "%" failed: %', name, message USING DETAIL = detail, HINT = hint;
	ELSE
		RAISE WARNING 'training of model "%" failed: %', name, message USING HINT = hint;
	END IF;
END;
$$;

-- What the checks found, so grave, as lines; the first ten of them.
CREATE FUNCTION leadscore.check_lines(run uuid, severity text, OUT n bigint, OUT lines text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT count(*), string_agg(c.line, E'\n' ORDER BY c.i) FILTER (WHERE c.i <= 10)
	FROM (SELECT row_number() OVER (ORDER BY c.position) AS i, concat(CASE WHEN c."column" IS NULL THEN c."check"
			ELSE format('column "%s"', c."column") END, ': ', rtrim(c.detail, '.'), '.') AS line
		FROM leadscore.checks AS c WHERE c.run_id = run AND c.severity = check_lines.severity) AS c
$$;
COMMENT ON FUNCTION leadscore.check_lines(uuid, text) IS 'what the checks of a run found, as lines';

-- True unless the checks found an error, which then has failed the run.
CREATE FUNCTION leadscore.checks_passed(run uuid)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found record := leadscore.check_lines(run, 'error');
BEGIN
	IF found.n = 0 THEN
		RETURN true;
	END IF;
	PERFORM leadscore.fail_run(run, 'the checks found ' || CASE found.n WHEN 1 THEN 'an error' ELSE found.n || ' errors' END,
		found.lines, 'leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.', '22000');
	RETURN false;
END;
$$;

-- A warning where the checks have one: nobody looks for it in a table.
CREATE FUNCTION leadscore.warn_of_checks(run uuid, name text, version integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found record := leadscore.check_lines(run, 'warning');
BEGIN
	IF found.n > 0 THEN
		RAISE WARNING 'the checks of model "%", version %, found something to look at', name, version
			USING DETAIL = found.lines, HINT = 'leadscore.checks has all.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.warn_of_checks(uuid, text, integer) IS 'a warning where the checks of a run have one';

-- Before anything is read: has the source the columns that the recipe needs?
CREATE FUNCTION leadscore.source_fits(run uuid, spec jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := CASE WHEN left(spec->>'source', 1) <> '(' THEN to_regclass(spec->>'source') END;
BEGIN
	IF relation IS NOT NULL THEN
		INSERT INTO leadscore.checks
		SELECT run, row_number() OVER (), j.* FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j;
	END IF;
	RETURN leadscore.checks_passed(run);
END;
$$;

-- A recipe with the columns that the source has now.
CREATE FUNCTION leadscore.with_columns(spec jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN left(spec->>'source', 1) = '(' THEN spec
	ELSE jsonb_set(spec, '{columns}', leadscore.columns_of((spec->>'source')::regclass)) END;

-- A notice where a version takes the place of one that needed fewer columns: whoever
-- sends documents must send these, too, from now on.
CREATE FUNCTION leadscore.tell_new_columns(name text, old integer, new integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	more text;
BEGIN
	SELECT string_agg('"' || c || '"', ', ') INTO more
	FROM (SELECT unnest(leadscore.scored_columns(r.spec)) FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id) WHERE v.name = name AND v.version = new
		EXCEPT
		SELECT unnest(leadscore.scored_columns(r.spec)) FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id) WHERE v.name = name AND v.version = old
		ORDER BY 1) AS x(c);
	IF old IS NOT NULL AND more IS NOT NULL THEN
		RAISE NOTICE 'version % of model "%" needs columns that version % does not: %', new, name, old, more;
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.tell_new_columns(text, integer, integer) IS 'a notice where a version needs columns that the one before does not';

-- Point an alias to a version, or to none, and write it down.
CREATE FUNCTION leadscore.deploy(name text, alias text, version integer, action text, reason text,
	run uuid DEFAULT NULL, in_force bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	old integer;
	before bigint;
	id bigint;
BEGIN
	SELECT a.version INTO old FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias;
	IF action = 'promote' THEN
		-- what a rollback brings back: the last one, or what that one brought back
		SELECT coalesce(d.in_force, d.deployment_id) INTO before FROM leadscore.deployments AS d
		WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	END IF;
	IF version IS NULL THEN
		DELETE FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias;
	ELSE
		INSERT INTO leadscore.aliases AS a (name, alias, version) VALUES (name, alias, version)
		ON CONFLICT ON CONSTRAINT aliases_pkey DO UPDATE SET version = excluded.version;
		PERFORM leadscore.tell_new_columns(name, old, version);
	END IF;
	INSERT INTO leadscore.deployments AS d (name, alias, version, action, replaced, in_force, before, reason, run_id)
	VALUES (name, alias, version, action, old, in_force, before, reason, run)
	RETURNING d.deployment_id INTO id;
	RETURN id;
END;
$$;

-- What became of the one query: the version, its quality, the gate.
CREATE FUNCTION leadscore.finish_run(run uuid, spec jsonb, trained lead_trained, refitted lead_trained,
	holdout leadframe, common leadframe, champion integer, champion_spec jsonb, cut jsonb, seen jsonb,
	bagged leadframe DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	name text;
	description text;
	number integer;
	published bytea := coalesce((refitted).model, (trained).model);
	info jsonb := @extschema@.lead_info((trained).model);
	evaluation jsonb;
	compared jsonb;
	-- of kept frames `common` are those that it has not seen
	unseen text := CASE WHEN spec ? 'frames' THEN '' ELSE leadscore.not_seen(champion_spec, spec->'columns') END;
	obstacle text;
	found record;
	gate jsonb := spec->'gate';
BEGIN
	UPDATE leadscore.runs AS r SET cut = cut, seen = seen
	WHERE r.run_id = run RETURNING r.model, r.description INTO name, description;
	UPDATE leadscore.models AS m SET last_version = m.last_version + 1 WHERE m.name = name
	RETURNING m.last_version INTO number;
	INSERT INTO leadscore.versions (name, version, run_id, model, description)
	VALUES (name, number, run, published, description);
	IF holdout IS NOT NULL THEN
		INSERT INTO leadscore.holdouts VALUES (name, number, holdout);
		PERFORM leadscore.keep_score_quantiles(name, number, (trained).model, holdout);
		PERFORM leadscore.keep_version_profile(name, number, (trained).model, holdout);
		evaluation := to_jsonb(@extschema@.lead_evaluate_frame((trained).model, holdout, coalesce((gate->>'threshold')::float8, 0.5)));
	END IF;

	-- a forest has honest scores of its own rows
	IF holdout IS NULL AND bagged IS NOT NULL THEN
		PERFORM leadscore.keep_score_quantiles(name, number, (trained).model, bagged, true);
		PERFORM leadscore.keep_version_profile(name, number, (trained).model, bagged, true);
		PERFORM leadscore.put_metrics(run, 'oob.', to_jsonb(@extschema@.lead_evaluate(s.score, s.positives > 0)),
			'{auc,auc_low,auc_high,average_precision,log_loss,brier,ks,mean_score}')
		FROM @extschema@.lead_out_of_bag((trained).model, bagged) AS s;
		PERFORM leadscore.keep_curves(run, (trained).model, bagged, true);
	END IF;

	INSERT INTO leadscore.checks
	SELECT run, (SELECT count(*) FROM leadscore.checks AS c WHERE c.run_id = run) + row_number() OVER (), j.*
	FROM leadscore.judge_evaluation(evaluation) AS j;

	PERFORM leadscore.put_metrics(run, '', evaluation || leadscore.positive_rate(evaluation), '{auc,auc_low,auc_high,average_precision,
		log_loss,log_loss_low,log_loss_high,brier,brier_low,brier_high,ks,threshold,accuracy,precision,recall,specificity,f1,
		calibration_slope,calibration_slope_low,calibration_slope_high,
		calibration_intercept,calibration_intercept_low,calibration_intercept_high,lift_10,lift_10_low,lift_10_high,
		positive_rate,positive_rate_low,positive_rate_high,mean_score}');
	IF holdout IS NOT NULL THEN
		PERFORM leadscore.keep_curves(run, (trained).model, holdout);
	END IF;
	PERFORM leadscore.put_metrics(run, 'train.', info, '{log_likelihood,deviance,aic,bic,mcfadden_r2,iterations,gradient_norm,condition_number}');
	INSERT INTO leadscore.metrics (run_id, key, step, value)
	SELECT run, 'train.loss', h.i, (h.v #>> '{}')::float8
	FROM jsonb_array_elements(info->'history') WITH ORDINALITY AS h(v, i) WHERE jsonb_typeof(h.v) = 'number';
	INSERT INTO leadscore.artifacts (run_id, path, body) VALUES
		(run, 'summary.txt', @extschema@.lead_summary(published)),
		(run, 'columns.json', jsonb_pretty((trained).columns));

	IF champion IS NOT NULL AND holdout IS NOT NULL THEN
		IF unseen IS NULL THEN
			obstacle := 'It has seen all rows, or the source lacks columns that it needs.';
		ELSIF unseen <> leadscore.held_out(spec) AND common IS NULL THEN
			obstacle := 'It has seen all rows that are held out now.';
		ELSE
			BEGIN
				compared := to_jsonb(@extschema@.lead_compare(
					(SELECT v.model FROM leadscore.versions AS v WHERE v.name = name AND v.version = champion),
					(trained).model, coalesce(common, holdout)));
			EXCEPTION WHEN undefined_column OR datatype_mismatch THEN
				obstacle := upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.';
			END;
		END IF;
		IF obstacle IS NOT NULL THEN
			RAISE WARNING 'version % of model "%" cannot be compared with the champion, version %', number, name, champion
				USING DETAIL = obstacle, HINT = format('lead_promote(%L, %s) makes it live without a gate.', name, number);
		END IF;
	END IF;
	SELECT * INTO found FROM leadscore.judge(gate, champion, compared, evaluation);
	INSERT INTO leadscore.verdicts (run_id, verdict, passed, champion_version, numbers)
	VALUES (run, found.verdict, found.passed, champion, jsonb_strip_nulls(jsonb_build_object('gate', gate, 'compared', compared,
		'not_compared', obstacle, 'evaluation', evaluation, 'below', to_jsonb(found.failed))));
	IF found.passed THEN
		PERFORM leadscore.deploy(name, 'champion', number, 'promote', leadscore.gate_reason(gate, found.verdict), run);
	END IF;
	PERFORM leadscore.warn_of_checks(run, name, number);
	UPDATE leadscore.runs AS r SET status = 'finished', ended_at = clock_timestamp() WHERE r.run_id = run;
END;
$$;

-- A training by its recipe.  Leaves search_path alone, because the source and
-- the label may call functions that need it.
CREATE FUNCTION leadscore.train(name text, action text, spec jsonb, description text, experiment text, tags jsonb)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
DECLARE
	run pg_catalog.uuid := leadscore.start_run(name, action, spec, description, experiment, tags);
	champion integer;
	champion_spec pg_catalog.jsonb;
	data record;
	here pg_catalog.jsonb := leadscore.current_settings();
	presort pg_catalog.text;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	state pg_catalog.text;
BEGIN
	SELECT c.version, c.spec INTO champion, champion_spec FROM leadscore.champion(name) AS c;
	BEGIN
		IF spec OPERATOR(pg_catalog.?) 'frames' OR leadscore.source_fits(run, spec) THEN
			IF spec OPERATOR(pg_catalog.?) 'frames' THEN
				SELECT * INTO data FROM leadscore.train_on_frames(name, spec) AS f;
			ELSE
				spec := leadscore.with_columns(spec);
				PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
				presort := leadscore.presort('off');
				EXECUTE leadscore.training_query(spec, champion_spec) INTO data;
				PERFORM leadscore.presort(presort);
				PERFORM leadscore.set_settings(here);
			END IF;
			PERFORM leadscore.record_data(run, data.training, data.total, data.labelled, data.held_out, data.data_from, data.data_to);
			PERFORM leadscore.put_checks(run, spec, data.training, data.total OPERATOR(pg_catalog.-) data.labelled,
				data.duplicates, data.held_out);
			IF leadscore.checks_passed(run) THEN
				PERFORM leadscore.finish_run(run, spec, data.training, data.refitted, data.holdout, data.common,
					champion, champion_spec, data.cut, data.seen, data.bagged);
			END IF;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
			state = RETURNED_SQLSTATE;
		PERFORM leadscore.fail_run(run, message, detail, hint, state);
	END;
	RETURN leadscore.run_row(run);
END;
$$;
COMMENT ON FUNCTION leadscore.train(text, text, jsonb, text, text, jsonb) IS 'a training by its recipe, from the lock to the gate';

CREATE FUNCTION leadscore.champion(name text, OUT version integer, OUT spec jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.version, jsonb_set(r.spec, '{holdout}', r.spec->'holdout' || jsonb_build_object('cut', r.cut, 'seen', r.seen,
		'halved', r.spec #> '{recalibrated,halved}'))
	FROM leadscore.aliases AS a JOIN leadscore.versions AS v USING (name, version) JOIN leadscore.runs AS r USING (run_id)
	WHERE a.name = $1 AND a.alias = 'champion'
$$;

CREATE FUNCTION leadscore.record_data(run uuid, trained lead_trained, total bigint, labelled bigint, held_out bigint,
	data_from timestamptz, data_to timestamptz)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE leadscore.runs AS r SET rows = (trained).rows, positives = (trained).positives, unknown = total - labelled,
		held_out = record_data.held_out, data_from = record_data.data_from, data_to = record_data.data_to,
		fingerprint = (trained).fingerprint
	WHERE r.run_id = run
$$;

-- Settings for the rest of the transaction.
CREATE FUNCTION leadscore.set_settings(settings jsonb)
RETURNS void
LANGUAGE sql
BEGIN ATOMIC
	SELECT pg_catalog.set_config(s.key, s.value, true) FROM pg_catalog.jsonb_each_text(settings) AS s
	WHERE s.key IN ('search_path', 'TimeZone', 'DateStyle', 'IntervalStyle');
END;

-- From PostgreSQL 16 on a planner sorts whole rows for one count(DISTINCT key) beside
-- the aggregates that train: not worth it.  Until the transaction ends, or told again.
-- returns		what was set before; NULL where there is no such setting
CREATE FUNCTION leadscore.presort(wanted text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before text := current_setting('enable_presorted_aggregate', true);
BEGIN
	IF before IS NOT NULL THEN
		PERFORM set_config('enable_presorted_aggregate', wanted, true);
	END IF;
	RETURN before;
END;
$$;
COMMENT ON FUNCTION leadscore.presort(text) IS 'whether rows are sorted for aggregates, set for the rest of the transaction';
