----------------------------------------------------------------------------
-- Choose all of it
----------------------------------------------------------------------------

-- A number as a reason has it: to four digits behind the point.
CREATE FUNCTION leadscore.figure(x float8)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN pg_catalog.round(x::pg_catalog.numeric, 4)::pg_catalog.text;
COMMENT ON FUNCTION leadscore.figure(float8) IS 'a figure in a sentence';

-- With so many rows the errors of a comparison are a thousandth or two.
CREATE FUNCTION leadscore.compared_rows() RETURNS float8
LANGUAGE sql IMMUTABLE RETURN 200000::pg_catalog.float8;
COMMENT ON FUNCTION leadscore.compared_rows() IS 'rows that lead_auto() compares families on, at most';

-- Is an AUC of these rows more than luck?  Of scores that know nothing it is 1/2 with
-- the standard error of Mann and Whitney (1947); three of them, for the best of several
-- is looked at.
CREATE FUNCTION leadscore.beats_chance(auc float8, frame leadframe)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT auc - 0.5 > 3 * sqrt((n.pos + n.neg + 1) / (12 * n.pos * n.neg))
	FROM (SELECT c.positives * s.share AS pos, (c.rows - c.positives) * s.share AS neg
		FROM leadscore.frame_counts(frame) AS c, LATERAL (SELECT least(1, leadscore.compared_rows() / nullif(c.rows, 0)) AS share) AS s) AS n
	WHERE n.pos > 0 AND n.neg > 0
$$;
COMMENT ON FUNCTION leadscore.beats_chance(float8, leadframe) IS 'is an AUC of the rows in a frame more than luck?';

-- Which family?  Every one on the same folds, of many rows a draw; the line, then those
-- that are quick, until the time.
-- returns		an array of objects: family, place as leadscore.families() has them, what
--				run_trials() found, loss, chosen, reason
CREATE FUNCTION leadscore.judge_families(frame leadframe, options jsonb, folds integer, seed bigint, folds_by text,
	metric text, until timestamptz)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	families jsonb[];
	found jsonb;
	best jsonb;
	winner jsonb;
	unjudged text;
BEGIN
	families := ARRAY(SELECT to_jsonb(f) FROM leadscore.families(frame, options) AS f ORDER BY f.family <> 'line', f.family = 'forest', f.place);
	SELECT jsonb_agg(families[t.trial] - 'options' || to_jsonb(t) || jsonb_build_object('options_used', families[t.trial]->'options',
			'loss', CASE WHEN t.folds_done = t.farthest THEN CASE WHEN leadscore.metric_is_loss(metric) THEN t.mean ELSE -t.mean END END))
	INTO found
	FROM (SELECT r.*, max(r.folds_done) OVER () AS farthest FROM leadscore.run_trials(frame, ARRAY(SELECT f->'options' FROM unnest(families) AS f), folds, seed, folds_by, metric, 0.5,
		(SELECT least(1, leadscore.compared_rows() / nullif(c.rows, 0)) FROM leadscore.frame_counts(frame) AS c), until) AS r) AS t;
	SELECT f INTO best FROM jsonb_array_elements(found) AS f WHERE f->'loss' <> 'null' ORDER BY (f->>'loss')::float8, (f->>'place')::integer LIMIT 1;
	IF best IS NULL THEN
		RAISE EXCEPTION 'no family could be judged' USING ERRCODE = 'data_exception',
			DETAIL = coalesce((SELECT format('Of family "%s": %s', f->>'family', f->>'note') FROM jsonb_array_elements(found) AS f WHERE f->'note' <> 'null' LIMIT 1),
				format('The rows held out have no %s: there are none, or of one kind.', metric));
	END IF;
	SELECT string_agg(format('"%s"', f->>'family'), ', ' ORDER BY i) INTO unjudged FROM unnest(families) WITH ORDINALITY AS u(f, i)
	WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(found) AS j
		WHERE j->'place' = f->'place' AND (j->'note' <> 'null' OR (j->>'folds_done')::integer = folds));
	IF unjudged IS NOT NULL THEN
		RAISE NOTICE 'time was up before all families were compared' USING DETAIL = format('Not judged on all folds: %s.', unjudged),
			HINT = 'Half of the budget is for families: give more.';
	END IF;
	SELECT f INTO winner FROM jsonb_array_elements(found) AS f
	WHERE (f->>'loss')::float8 <= (best->>'loss')::float8 + coalesce((best->>'standard_error')::float8, 0)
	ORDER BY (f->>'place')::integer LIMIT 1;
	IF NOT leadscore.beats_chance((winner->>'auc')::float8, frame) THEN
		winner := coalesce((SELECT f FROM jsonb_array_elements(found) AS f WHERE f->>'family' = 'dummy'), winner);
	END IF;
	RETURN (SELECT jsonb_agg(f || jsonb_build_object('step', 'compare', 'chosen', f = winner, 'reason', CASE
		WHEN f->'note' <> 'null' THEN f->>'note'
		WHEN (f->>'folds_done')::integer < folds THEN format('time was up after %s of %s folds', f->>'folds_done', folds)
		WHEN f = winner AND f->>'family' = 'dummy' THEN 'no family tells leads apart better than chance may'
		WHEN f = winner AND winner = best THEN format('%s %s, the best', metric, leadscore.figure((f->>'mean')::float8))
		WHEN f = winner THEN format('simpler than the best, %s, and within its standard error of %s', best->>'family', leadscore.figure((best->>'standard_error')::float8))
		WHEN (f->>'place')::integer > (winner->>'place')::integer AND (f->>'loss')::float8 <= (best->>'loss')::float8 + coalesce((best->>'standard_error')::float8, 0)
			THEN format('as good as %s, and not as simple', winner->>'family')
		ELSE format('%s worse than the best', leadscore.figure((f->>'loss')::float8 - (best->>'loss')::float8)) END)
		ORDER BY (f->>'loss')::float8 NULLS LAST, (f->>'place')::integer) FROM jsonb_array_elements(found) AS f);
END;
$$;
COMMENT ON FUNCTION leadscore.judge_families(leadframe, jsonb, integer, bigint, text, text, timestamptz) IS
'the families of models on the same folds, the one that is chosen and why';

-- From what lead_auto() draws the options of trees, but for those that are fixed.
CREATE FUNCTION leadscore.auto_grid(options jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE options->>'family'
		WHEN 'forest' THEN '{"trees": [100, 200], "depth": {"min": 6, "max": 20}, "min_leaf": {"min": 2, "max": 60, "scale": "log"}}'::jsonb
		WHEN 'boost' THEN '{"trees": [100, 200, 400], "depth": {"min": 3, "max": 8}, "rate": {"min": 0.02, "max": 0.3, "scale": "log"},
			"min_leaf": {"min": 5, "max": 200, "scale": "log"}, "colsample": [0.5, 1], "subsample": [0.7, 1]}'
		END - ARRAY(SELECT jsonb_object_keys(options))
$$;
COMMENT ON FUNCTION leadscore.auto_grid(jsonb) IS 'from what lead_auto() draws the options of trees';

-- Which options?  Those of the family that is chosen, and the rest of the time: of lines
-- a path of lambda, of trees 40 draws; as successive halving where all of them would
-- take too long.
-- chosen		an object of judge_families()
-- returns		like judge_families(), NULL where there is nothing to tune
CREATE FUNCTION leadscore.tune_family(frame leadframe, chosen jsonb, folds integer, seed bigint, folds_by text,
	metric text, until timestamptz)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	draws constant integer := 40;
	family text := chosen->>'family';
	options jsonb := chosen->'options_used';
	rest interval := until - clock_timestamp();
	said text := current_setting('client_min_messages');
	own record;					-- the family's own options on all rows
	loss float8 := (chosen->>'loss')::float8;
	ms float8 := (chosen->>'ms')::float8;
	in_time boolean;			-- are all draws, if each takes as long as the family's own did?
	found jsonb;
	best float8;
	better boolean;
BEGIN
	IF family IN ('dummy', 'line') OR rest <= '0' THEN
		RETURN NULL;
	END IF;
	PERFORM set_config('client_min_messages', 'error', true);	-- all has been said
	IF (SELECT c.rows FROM leadscore.frame_counts(frame) AS c) > leadscore.compared_rows() THEN
		-- models of all rows are better than those of a draw, whatever their options
		SELECT * INTO own FROM leadscore.run_trials(frame, ARRAY[options], folds, seed, folds_by, metric, 0.5, 1, until);
		loss := CASE WHEN leadscore.metric_is_loss(metric) THEN own.mean ELSE -own.mean END;
		ms := own.ms;
		rest := until - clock_timestamp();
		IF own.folds_done < folds OR own.mean IS NULL OR rest <= '0' THEN
			PERFORM set_config('client_min_messages', said, true);
			RETURN NULL;
		END IF;
	END IF;
	IF family IN ('forest', 'boost') THEN
		in_time := coalesce(draws * ms * interval '1 ms' <= rest, true);
		SELECT jsonb_agg(to_jsonb(t)) INTO found
		FROM @extschema@.lead_tune(frame, leadscore.auto_grid(options), options, CASE WHEN in_time THEN 'random' ELSE 'halving' END,
			folds, seed, folds_by, metric, trials => draws, budget => rest, resource => CASE WHEN NOT in_time THEN 'rows' END) AS t;
	ELSE
		SELECT jsonb_agg(to_jsonb(t)) INTO found
		FROM @extschema@.lead_tune(frame, '{"lambda": "auto"}', options - 'lambda', 'grid', folds, seed, folds_by, metric, budget => rest) AS t;
	END IF;
	PERFORM set_config('client_min_messages', said, true);
	found := (SELECT jsonb_agg(t || jsonb_build_object('loss', CASE WHEN leadscore.metric_is_loss(metric) THEN 1 ELSE -1 END * (t->>'mean')::float8))
		FROM jsonb_array_elements(found) AS t);
	SELECT (t->>'loss')::float8, (t->>'folds_done')::integer = folds AND (t->>'loss')::float8 <= loss
	INTO best, better FROM leadscore.chosen_of(found) AS t;
	RETURN (SELECT jsonb_agg(t || jsonb_build_object('step', 'tune', 'family', family, 'chosen', (t->>'chosen')::boolean AND better, 'reason', CASE
		WHEN t->'note' <> 'null' THEN t->>'note'
		WHEN (t->>'folds_done')::integer < folds THEN format('time was up after %s of %s folds', t->>'folds_done', folds)
		WHEN (t->>'chosen')::boolean AND better THEN format('%s %s, the best of %s trials', metric, leadscore.figure((t->>'mean')::float8), jsonb_array_length(found))
		WHEN (t->>'chosen')::boolean THEN 'not better than the options of before'
		WHEN (t->>'resource_used')::float8 < 1 THEN format('left behind with a share of %s of the rows', leadscore.figure((t->>'resource_used')::float8))
		ELSE format('%s worse than the best', leadscore.figure((t->>'loss')::float8 - best)) END)
		ORDER BY (t->>'rank')::integer) FROM jsonb_array_elements(found) AS t);
END;
$$;
COMMENT ON FUNCTION leadscore.tune_family(leadframe, jsonb, integer, bigint, text, text, timestamptz) IS
'options of a family on the same folds, those that are chosen and why';

CREATE FUNCTION leadscore.chosen_of(found jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN (SELECT f FROM pg_catalog.jsonb_array_elements(found) AS f WHERE (f->>'chosen')::pg_catalog.bool);
COMMENT ON FUNCTION leadscore.chosen_of(jsonb) IS 'which of these is chosen';

-- Write all that was tried as runs below that of the choice.
-- returns		the same as one array, each with its run_id
CREATE FUNCTION leadscore.put_auto(parent uuid, name text, spec jsonb, metric text, compared jsonb, tuned jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found jsonb := (SELECT jsonb_agg(jsonb_set(f, '{trial}', to_jsonb(i)) ORDER BY i)
		FROM jsonb_array_elements(compared || coalesce(tuned, '[]')) WITH ORDINALITY AS e(f, i));
	runs jsonb;
BEGIN
	-- of a family that was tuned its last options are the choice
	SELECT jsonb_object_agg(p.trial, p.run) INTO runs FROM leadscore.put_trials(parent, name, spec, metric,
		(SELECT jsonb_agg(CASE WHEN f->>'step' = 'compare' AND leadscore.chosen_of(tuned) IS NOT NULL THEN f || '{"chosen": false}' ELSE f END)
		FROM jsonb_array_elements(found) AS f)) AS p;
	RETURN (SELECT jsonb_agg(f || jsonb_build_object('run_id', runs->(f->>'trial')) ORDER BY (f->>'trial')::integer) FROM jsonb_array_elements(found) AS f);
END;
$$;
COMMENT ON FUNCTION leadscore.put_auto(uuid, text, jsonb, text, jsonb, jsonb) IS 'all that was tried, as runs';

-- lead_auto(name, source, label): the family, its options, and the next version of a
-- model by them: lead_compare_families(), lead_tune() and lead_train_model() in one.
-- budget		time for choosing: half of it for families, the rest for options; what is
--				begun is not cut off, and the training of what was chosen comes after it.
--				NULL: all the time it takes; then the same rows give the same choice
-- source … tags	as for lead_train_model(); options: those that mean the same for every
--				family.  Rows that are held out take no part in choosing
-- metric		by whose mean over the folds is chosen: 'auc', or as for lead_tune()
-- folds, seed, folds_by	as for lead_tune()
-- returns		a row for everything that was tried, in the order of the steps "compare",
--				"tune" and "register", the best of each first, and why: reason.  Of more
--				than 200,000 rows a draw of so many compares the families.  mean,
--				standard_error: of the metric over the folds, in the last row NULL; auc,
--				log_loss, brier: of the out-of-fold scores, in the last row of the
--				hold-out; run_id: each trial is a run
-- Where time was up before all families were compared a NOTICE names the others.
-- Where no family tells leads apart better than chance may (the AUC within three standard
-- errors of 1/2) nothing is trained, and a WARNING says so.
-- errors		those of lead_train_model(); a budget that is not positive; no family that
--				can be judged
CREATE FUNCTION lead_auto(name text, source text, label text, budget interval DEFAULT '2 minutes',
	features text[] DEFAULT NULL, exclude text[] DEFAULT NULL, key text DEFAULT NULL, time_column text DEFAULT NULL,
	options jsonb DEFAULT NULL, holdout jsonb DEFAULT NULL, gate jsonb DEFAULT NULL, refit boolean DEFAULT false,
	description text DEFAULT NULL, experiment text DEFAULT NULL, tags jsonb DEFAULT NULL,
	metric text DEFAULT 'auc', folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL,
	OUT step text, OUT family text, OUT chosen boolean, OUT mean float8, OUT standard_error float8,
	OUT auc float8, OUT log_loss float8, OUT brier float8, OUT options_used jsonb, OUT ms float8,
	OUT run_id uuid, OUT version integer, OUT reason text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 20
AS $$
#variable_conflict use_column
DECLARE
	began pg_catalog.timestamptz := pg_catalog.clock_timestamp();
	spec pg_catalog.jsonb;
	frame @extschema@.leadframe;
	parent pg_catalog.uuid;
	found pg_catalog.jsonb;
	tuned pg_catalog.jsonb;
	winner pg_catalog.jsonb;
	registered @extschema@.lead_run;
BEGIN
	PERFORM leadscore.check_common_options($9);
	PERFORM leadscore.check_tune_arguments(NULL, '{}', 'grid', NULL, NULL, $4, NULL);
	spec := leadscore.recipe_of($1, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12, $15);
	-- what not every family knows would be lost
	PERFORM leadscore.check_fit_options(leadscore.fitting_options(spec) OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('family', f.name))
	FROM pg_catalog.unnest('{logistic,forest,boost}'::pg_catalog.text[]) AS f(name);
	PERFORM leadscore.lock($1);
	frame := leadscore.recipe_frame($1, spec, $19);
	IF frame IS NULL THEN
		RAISE EXCEPTION 'there are no rows to train model "%" on', $1 USING ERRCODE = 'data_exception';
	END IF;
	parent := leadscore.start_run($1, 'tune', spec OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tuning', pg_catalog.jsonb_strip_nulls(
		pg_catalog.jsonb_build_object('method', 'auto', 'budget', $4, 'metric', $16, 'folds', $17, 'seed', $18, 'folds_by', $19))), $13, $14, $15);
	found := leadscore.judge_families(frame, leadscore.common_options(spec), $17, $18, $19, $16, began OPERATOR(pg_catalog.+) ($4 OPERATOR(pg_catalog./) 2));
	winner := leadscore.chosen_of(found);
	tuned := leadscore.tune_family(frame, winner, $17, $18, $19, $16, began OPERATOR(pg_catalog.+) $4);
	found := leadscore.put_auto(parent, $1, spec, $16, found, tuned);
	winner := COALESCE(leadscore.chosen_of(tuned), winner);
	IF winner OPERATOR(pg_catalog.->>) 'family' OPERATOR(pg_catalog.=) 'dummy' THEN
		RAISE WARNING 'model "%" was not trained: no family tells its leads apart better than chance may', $1
			USING DETAIL = 'What tells the leads that convert from the others is not in these columns, or in too few rows.';
	ELSE
		registered := leadscore.train($1, 'train', leadscore.tuned_spec(spec, winner OPERATOR(pg_catalog.->) 'options_used'),
			COALESCE($13, pg_catalog.concat(winner OPERATOR(pg_catalog.->>) 'family', ': ', winner OPERATOR(pg_catalog.->>) 'reason')), $14,
			COALESCE($15, '{}') OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tuning', leadscore.run_uuid(parent)));
	END IF;
	RETURN QUERY SELECT f.step, f.family, f.chosen, f.mean, f.standard_error, f.auc, f.log_loss, f.brier, f.options_used, f.ms, f.run_id,
		NULL::pg_catalog.int4, f.reason
	FROM pg_catalog.jsonb_array_elements(found) WITH ORDINALITY AS e(o, i), LATERAL pg_catalog.jsonb_to_record(e.o) AS f(step pg_catalog.text, family pg_catalog.text,
		chosen pg_catalog.bool, mean pg_catalog.float8, standard_error pg_catalog.float8, auc pg_catalog.float8, log_loss pg_catalog.float8, brier pg_catalog.float8,
		options_used pg_catalog.jsonb, ms pg_catalog.float8, run_id pg_catalog.uuid, reason pg_catalog.text)
	ORDER BY e.i;
	IF registered.run_id IS NOT NULL THEN
		RETURN QUERY SELECT 'register', winner OPERATOR(pg_catalog.->>) 'family', registered.status OPERATOR(pg_catalog.=) 'finished', NULL::pg_catalog.float8, NULL::pg_catalog.float8,
			registered.auc, registered.log_loss, NULL::pg_catalog.float8, winner OPERATOR(pg_catalog.->) 'options_used',
			NULL::pg_catalog.float8, registered.run_id, registered.version, COALESCE(registered.verdict, registered.status);
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_auto(text, text, text, interval, text[], text[], text, text, jsonb, jsonb, jsonb, boolean, text, text, jsonb, text, integer, bigint, text) IS
'chooses a family of models and its options by cross-validation, trains the next version by them, and says why';
