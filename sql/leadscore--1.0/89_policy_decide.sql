----------------------------------------------------------------------------
-- A version that is the champion, recalibrated
----------------------------------------------------------------------------

-- A run like a training, whose model is the champion with its intercept, or intercept
-- and slope, fitted to new outcomes.
CREATE FUNCTION leadscore.recalibrate(name text, champion integer, spec jsonb, champion_spec jsonb, halved integer, step text,
	read leadscore.outcomes, description text, tags jsonb)
RETURNS lead_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spec jsonb := spec || jsonb_build_object('recalibrated', jsonb_strip_nulls(jsonb_build_object('step', step,
		'version', champion, 'labelled', read.labelled, 'halved', halved)));
	run uuid := leadscore.start_run(name, 'recalibrate', spec, description, leadscore.last_experiment(name), tags);
	trained @extschema@.lead_trained;
	message text;
	detail text;
	hint text;
	state text;
BEGIN
	BEGIN
		SELECT @extschema@.lead_recalibrate(v.model, read.learning, step), a.body::jsonb INTO trained.model, trained.columns
		FROM leadscore.versions AS v LEFT JOIN leadscore.artifacts AS a ON a.run_id = v.run_id AND a.path = 'columns.json'
		WHERE v.name = recalibrate.name AND v.version = champion;
		trained.rows := read.to_learn;
		trained.positives := read.positives;
		PERFORM leadscore.record_data(run, trained, read.rows, read.to_learn, read.fresh - read.to_learn, read.data_from, read.data_to);
		PERFORM leadscore.finish_run(run, spec, trained, NULL, read.judging, read.judging, champion, champion_spec,
			read.cut, read.seen);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
			state = RETURNED_SQLSTATE;
		PERFORM leadscore.fail_run(run, message, detail, hint, state);
	END;
	RETURN leadscore.run_row(run);
END;
$$;
COMMENT ON FUNCTION leadscore.recalibrate(text, integer, jsonb, jsonb, integer, text, leadscore.outcomes, text, jsonb) IS
'a run whose version is the champion, recalibrated on new outcomes';

----------------------------------------------------------------------------
-- Decisions
----------------------------------------------------------------------------

CREATE TYPE lead_decision AS (
	model text,
	decision text,
	step text,
	reasons text[],
	version integer,
	verdict text,
	decision_id bigint,
	monitor_run_id bigint,
	run_id uuid
);
COMMENT ON TYPE lead_decision IS 'what lead_retrain_if_needed() decided, in one row';
COMMENT ON COLUMN lead_decision.decision IS 'kept, retrained, recalibrated, failed or cooling down';
COMMENT ON COLUMN lead_decision.step IS 'of the ladder: keep, intercept, slope or full; NULL: it was not climbed';
COMMENT ON COLUMN lead_decision.reasons IS 'what called for an update, or why nothing did; then what came of it';
COMMENT ON COLUMN lead_decision.version IS 'that was made, live or not';
COMMENT ON COLUMN lead_decision.verdict IS 'what the gate said of it';

CREATE FUNCTION leadscore.decide(name text, decision text, step text, reasons text[], numbers jsonb, monitor_run_id bigint,
	run lead_run DEFAULT NULL)
RETURNS lead_decision
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.decisions AS d (name, decision, step, reasons, numbers, monitor_run_id, run_id, version)
	VALUES (name, decision, step, reasons, jsonb_strip_nulls(numbers), monitor_run_id, (run).run_id, (run).version)
	RETURNING d.name, d.decision, d.step, d.reasons, d.version, (run).verdict, d.decision_id, d.monitor_run_id, d.run_id
$$;

-- The newest look at the live version since it is live; one is made if there is none.
CREATE FUNCTION leadscore.monitored_since(name text, since timestamptz)
RETURNS leadscore.monitor_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	monitored leadscore.monitor_run := leadscore.newest_look(name, since);
BEGIN
	IF monitored.monitor_run_id IS NULL THEN
		PERFORM @extschema@.lead_monitor(name);
		monitored := leadscore.newest_look(name, since);
	END IF;
	RETURN monitored;
END;
$$;

-- The figures that a policy is held against; note: why some are not known.
CREATE FUNCTION leadscore.policy_figures(monitored leadscore.monitor_run, made_at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('age', clock_timestamp() - made_at,
		'drift_share', monitored.beyond_chance::float8 / nullif(monitored.measured, 0), 'score_statistic', monitored.score_statistic,
		'score_drifted', monitored.score_drifted, 'score_beyond_chance', monitored.score_beyond_chance,
		'impact_points', monitored.impact_points, 'note', CASE WHEN monitored.rows = 0 AND monitored.window_to IS NOT NULL
			THEN concat('no lead in ', (monitored.window_from)::date, ' … ', (monitored.window_to)::date) ELSE monitored.note END,
		'auc', a.value, 'auc_high', a.high, 'auc_reference', a.reference,
		'log_loss', l.value, 'log_loss_low', l.low, 'log_loss_reference', l.reference))
	FROM (SELECT) AS one
		LEFT JOIN leadscore.monitor_metric AS a ON a.monitor_run_id = monitored.monitor_run_id AND a.metric = 'auc'
		LEFT JOIN leadscore.monitor_metric AS l ON l.monitor_run_id = monitored.monitor_run_id AND l.metric = 'log_loss'
$$;

-- How many outcomes were known when a version was made.
CREATE FUNCTION leadscore.outcomes_of(run leadscore.runs)
RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN coalesce((run.spec #>> '{recalibrated,labelled}')::bigint, run.rows + run.held_out);

-- How many outcomes are known that the champion has not seen: those later than its own,
-- or by how many there are more.
CREATE FUNCTION leadscore.count_new_outcomes(live leadscore.runs, champion_spec jsonb, kept boolean, read leadscore.outcomes)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN champion_spec #>> '{holdout,by}' = 'time' OR kept THEN read.fresh
		ELSE greatest(read.labelled - leadscore.outcomes_of(live), 0) END
$$;

-- The versions that were rolled back since the last promotion.
CREATE FUNCTION leadscore.rolled_back(name text)
RETURNS SETOF integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.replaced FROM leadscore.deployments AS d
	WHERE d.name = $1 AND d.alias = 'champion' AND d.action = 'rollback' AND d.deployment_id > coalesce((
		SELECT max(p.deployment_id) FROM leadscore.deployments AS p WHERE p.name = $1 AND p.alias = 'champion' AND p.action <> 'rollback'), 0)
$$;
COMMENT ON FUNCTION leadscore.rolled_back(text) IS 'the versions of a model that were rolled back since the last promotion';

-- What a version that was rolled back was made from would make it again: why an update has
-- to wait for more outcomes; NULL where it has not.
CREATE FUNCTION leadscore.waiting(name text, kept boolean, read leadscore.outcomes, wanted bigint)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('version %s was rolled back, and %s outcomes have come since it was made: %s are wanted', v.version, n.more, wanted)
	FROM leadscore.rolled_back($1) AS b(version) JOIN leadscore.versions AS v ON v.name = $1 AND v.version = b.version
		JOIN leadscore.runs AS r USING (run_id),
		LATERAL (SELECT CASE WHEN kept THEN (SELECT coalesce(sum(k.rows), 0) FROM leadscore.kept_frames AS k WHERE k.name = $1 AND k.starts >= r.data_to)
			ELSE greatest(read.labelled - leadscore.outcomes_of(r), 0) END) AS n(more)
	WHERE n.more < wanted ORDER BY n.more, v.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION leadscore.waiting(text, boolean, leadscore.outcomes, bigint) IS
'why an update has to wait for more outcomes after a rollback';

-- Why no update is due yet; NULL where none is in the way.
CREATE FUNCTION leadscore.cooling(name text, cooldown interval, promoted_at timestamptz)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('the cool-down of %s lasts until %s', cooldown, to_char(last + cooldown, 'YYYY-MM-DD HH24:MI'))
	FROM (SELECT greatest(promoted_at, (SELECT max(r.started_at) FROM leadscore.runs AS r WHERE r.model = $1 AND r.action <> 'tune')) AS last) AS l
	WHERE last + cooldown > clock_timestamp()
$$;

-- The ladder on what was read: a row as lead_ladder() has it, or {"note": why it was not
-- climbed, "step": what is done then}.
CREATE FUNCTION leadscore.climb(name text, version integer, read leadscore.outcomes, policy jsonb, gate jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted bigint := coalesce((policy->>'min_outcomes')::bigint, 200);
	of_each bigint := coalesce((gate->>'min_positives')::bigint, 10);
BEGIN
	IF (SELECT leadscore.line_of(v.model) IS NULL FROM leadscore.versions AS v
			WHERE v.name = climb.name AND v.version = climb.version) THEN
		RETURN '{"step": "full", "note": "trees are trained anew: only a logistic regression can be recalibrated"}';
	ELSIF (SELECT @extschema@.lead_info(v.model) ? 'calibration' FROM leadscore.versions AS v
			WHERE v.name = climb.name AND v.version = climb.version) THEN
		RETURN '{"step": "full", "note": "a calibrated model is trained anew: its calibration belongs to it as it is"}';
	ELSIF read.fresh IS NULL THEN
		RETURN '{"step": "full", "note": "no rows can be told from those that the champion has seen"}';
	ELSIF read.fresh < wanted OR least(read.positives, read.to_learn - read.positives) < of_each THEN
		RETURN jsonb_build_object('step', 'keep', 'note', format('%s outcomes are new to the champion, of which %s to learn from with %s'
			' that are true: at least %s are wanted, and %s of each kind', read.fresh, read.to_learn, read.positives, wanted, of_each));
	END IF;
	RETURN (SELECT to_jsonb(l) FROM leadscore.versions AS v,
		@extschema@.lead_ladder(v.model, read.learning, coalesce((policy->>'alpha')::float8, 0.05)) AS l
		WHERE v.name = climb.name AND v.version = climb.version);
END;
$$;

CREATE FUNCTION leadscore.p_text(p float8)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN p < 0.0001 THEN '< 0.0001' ELSE '= ' || to_char(p, 'FM0.0000') END $$;

-- What the ladder says, in words: the steps that are refuted, with the greatest p-value of
-- their tests, and that of the step where it stopped.
CREATE FUNCTION leadscore.step_reason(ladder jsonb, read leadscore.outcomes)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(ladder->>'note', concat(read.to_learn, ' new outcomes', CASE WHEN read.fresh > read.to_learn THEN format(' (%s more are held out)', read.fresh - read.to_learn) END,
		' ask for ', CASE ladder->>'step'
			WHEN 'keep' THEN concat('no change: it is not refuted (p ', p.keep, ')')
			WHEN 'intercept' THEN concat('another intercept: no change is refuted (p ', p.keep, '), more is not needed (p ', p.intercept, ')')
			WHEN 'slope' THEN concat('another intercept and slope: less is refuted (p ', p.less, '), more is not needed (p ', p.slope, ')')
			ELSE concat('new coefficients: less is refuted (p ', p.all, ')') END))
	FROM (SELECT (ladder->>'p_keep')::float8 AS keep, (ladder->>'p_intercept')::float8 AS intercept, (ladder->>'p_slope')::float8 AS slope) AS x,
		LATERAL (SELECT leadscore.p_text(x.keep) AS keep, leadscore.p_text(x.intercept) AS intercept, leadscore.p_text(x.slope) AS slope,
			leadscore.p_text(greatest(x.keep, x.intercept)) AS less, leadscore.p_text(greatest(x.keep, x.intercept, x.slope)) AS all) AS p
$$;

-- Would a training by this recipe read the rows that the last version was trained on?  It
-- would be its twin, night after night.
CREATE FUNCTION leadscore.nothing_new(name text, recipe jsonb)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
	spec pg_catalog.jsonb := leadscore.with_columns(recipe);
	before pg_catalog.text := (SELECT r.fingerprint FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id)
		WHERE v.name OPERATOR(pg_catalog.=) nothing_new.name ORDER BY v.version DESC LIMIT 1);
	here pg_catalog.jsonb := leadscore.current_settings();
	presort pg_catalog.text;
	data record;
BEGIN
	PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
	presort := leadscore.presort('off');
	EXECUTE leadscore.training_query(spec, NULL, false) INTO data;
	PERFORM leadscore.presort(presort);
	PERFORM leadscore.set_settings(here);
	RETURN (data.training).fingerprint OPERATOR(pg_catalog.=) before;
EXCEPTION WHEN OTHERS THEN
	RETURN false;		-- the training will find the same, and record it
END;
$$;
COMMENT ON FUNCTION leadscore.nothing_new(text, jsonb) IS 'would the next version be trained on the rows of the last?';

-- A decision in one line.
CREATE FUNCTION leadscore.decision_text(decided lead_decision)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT concat(decided.decision, ', version ' || decided.version, ': ', array_to_string(decided.reasons, '; ')) $$;

-- lead_retrain_if_needed(name): updates a live model where its policy calls for it.
-- returns	one row, which is also in leadscore.decisions; a training that failed is a
--			WARNING and the decision "failed"
-- errors	no policy, no live version, another role's recipe
CREATE FUNCTION lead_retrain_if_needed(name text)
RETURNS lead_decision
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	policy jsonb;
	live record;
	spec jsonb;
	monitored leadscore.monitor_run;
	matured timestamptz;
	kept boolean;
	figures jsonb;
	judged record;
	reasons text[];
	numbers jsonb;
	read leadscore.outcomes;
	ladder jsonb;
	step text;
	run @extschema@.lead_run;
	cooling text;
	broken text[];
	message text;
BEGIN
	PERFORM leadscore.lock(name);
	policy := leadscore.policy_of(name);
	SELECT * INTO live FROM leadscore.live_recipe(name);
	numbers := jsonb_build_object('policy', policy, 'champion', live.version);

	kept := policy ? 'frames_window' OR live.spec ? 'frames';
	BEGIN
		monitored := leadscore.monitored_since(name, live.promoted_at);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	-- outside of that block: the run stays, whatever it found
	-- kept frames are none the worse for a source that is gone
	IF message IS NULL AND monitored.rows IS NOT NULL AND coalesce(policy->>'broken_data', 'keep') = 'keep' THEN
		broken := leadscore.broken_data(monitored);
		IF broken IS NOT NULL THEN
			RETURN leadscore.decide(name, 'kept', NULL, ARRAY(SELECT 'the data are broken: ' || b.line FROM unnest(broken) AS b(line)),
				numbers || jsonb_build_object('broken', broken), monitored.monitor_run_id);
		END IF;
	END IF;
	IF message IS NULL AND monitored.rows IS NULL AND NOT kept THEN
		message := coalesce((SELECT string_agg(concat('column "' || f."column" || '": ', f.detail), '; ' ORDER BY f.position)
			FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = monitored.monitor_run_id AND f.severity = 'error'),
			monitored.note);
	ELSIF message IS NULL THEN
		BEGIN
			spec := CASE WHEN kept THEN live.champion_spec ELSE leadscore.with_columns(live.champion_spec) END;
			matured := clock_timestamp() - (SELECT w.maturity FROM leadscore.watches AS w WHERE w.name = name);
			IF kept THEN
				read := leadscore.kept_outcomes(name, spec, live.run);
			ELSIF policy ? 'new_outcomes' OR EXISTS (SELECT FROM leadscore.rolled_back(name)) THEN
				read := leadscore.read_outcomes(spec, matured, false);
			END IF;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
		END;
	END IF;
	IF message IS NOT NULL THEN
		RAISE WARNING 'model "%" cannot be watched: %', name, message;
		RETURN leadscore.decide(name, 'failed', NULL, ARRAY[message], numbers, monitored.monitor_run_id);
	END IF;
	figures := leadscore.policy_figures(monitored, live.made_at)
		|| jsonb_build_object('new_outcomes', leadscore.count_new_outcomes(live.run, spec, kept, read));
	SELECT CASE policy->>'combine' WHEN 'all' THEN bool_and(j.met) ELSE bool_or(j.met) END AS met,
		array_agg(j.reason) FILTER (WHERE j.met) AS reasons, array_agg(j.reason) FILTER (WHERE NOT j.met) AS others
	INTO judged FROM leadscore.judge_policy(policy, figures) AS j;
	numbers := numbers || jsonb_build_object('figures', figures);
	IF NOT judged.met THEN
		RETURN leadscore.decide(name, 'kept', NULL, judged.others, numbers, monitored.monitor_run_id);
	END IF;
	cooling := coalesce(leadscore.cooling(name, (policy->>'cooldown')::interval, live.promoted_at),
		leadscore.waiting(name, kept, read, coalesce((policy->>'min_outcomes')::bigint, 200)));
	IF cooling IS NOT NULL THEN
		RETURN leadscore.decide(name, 'cooling down', NULL, judged.reasons || cooling, numbers, monitored.monitor_run_id);
	END IF;

	reasons := judged.reasons;
	IF coalesce((policy->>'ladder')::boolean, true) THEN
		BEGIN
			IF NOT kept THEN
				read := leadscore.read_outcomes(spec, matured, true);
			END IF;
			ladder := leadscore.climb(name, live.version, read, policy, spec->'gate');
		EXCEPTION WHEN OTHERS THEN
			-- a training will find the same, and record it
			ladder := jsonb_build_object('step', 'full', 'note', 'new outcomes cannot be read: ' || SQLERRM);
		END;
		step := ladder->>'step';
		reasons := reasons || leadscore.step_reason(ladder, read);
		numbers := numbers || jsonb_build_object('ladder', ladder,
			'outcomes', to_jsonb(read) - '{learning,judging}'::text[]);
	END IF;
	IF step = 'keep' THEN
		RETURN leadscore.decide(name, 'kept', step, reasons, numbers, monitored.monitor_run_id);
	ELSIF step IN ('intercept', 'slope') THEN
		run := leadscore.recalibrate(name, live.version, leadscore.frames_spec(live.spec, (policy->>'frames_window')::interval,
				(policy->>'half_life')::interval), spec,
			CASE WHEN NOT kept THEN (leadscore.fresh_rows(spec, spec->'columns', matured)).halved END, step, read,
			format('recalibrated: %s', array_to_string(reasons, '; ')), jsonb_build_object('decision', 'auto', 'step', step));
	ELSIF NOT kept AND leadscore.nothing_new(name, live.spec) THEN
		RETURN leadscore.decide(name, 'kept', step, reasons || 'the last version was trained on the rows that there are'::text,
			numbers, monitored.monitor_run_id);
	ELSE
		-- by the recipe that is live: the last version's may be one that was rolled back, or refused
		run := leadscore.train(name, 'retrain', leadscore.frames_spec(live.spec, (policy->>'frames_window')::interval,
				(policy->>'half_life')::interval), format('retrained: %s', array_to_string(reasons, '; ')),
			leadscore.last_experiment(name), jsonb_build_object('decision', 'auto', 'step', 'full'));
	END IF;
	IF run.status = 'failed' THEN
		RETURN leadscore.decide(name, 'failed', step, reasons || split_part(run.error, E'\n', 1), numbers, monitored.monitor_run_id, run);
	END IF;
	RETURN leadscore.decide(name, CASE WHEN NOT run.live THEN 'kept' WHEN step IN ('intercept', 'slope') THEN 'recalibrated'
			ELSE 'retrained' END, step, reasons || (SELECT leadscore.gate_reason(r.spec->'gate', run.verdict) FROM leadscore.runs AS r WHERE r.run_id = run.run_id),
		numbers, monitored.monitor_run_id, run);
END;
$$;
COMMENT ON FUNCTION lead_retrain_if_needed(text) IS
'hold a live model against its policy, and keep, recalibrate or retrain it; the decision is recorded with its reasons';
