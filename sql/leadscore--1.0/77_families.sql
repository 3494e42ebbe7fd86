----------------------------------------------------------------------------
-- Which family of models?
----------------------------------------------------------------------------

-- What lead_compare_families() tries, from the simplest to the most complex.
--	dummy			the share of positives, from boosted trees that may not split
--	line with bins	numbers in up to ten bins each, but for those whose "bins", "as"
--					or "transform" the options choose
CREATE FUNCTION leadscore.families(frame leadframe, options jsonb)
RETURNS TABLE (place integer, family text, options jsonb)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.place, v.family, families.options || v.own
	FROM (SELECT families.options->'columns' AS columns) AS given,
		LATERAL (SELECT coalesce(jsonb_object_agg(d."column",
				coalesce(given.columns->d."column", '{}') || '{"bins": 10}'), '{}') AS columns
			FROM @extschema@.lead_describe(families.frame) AS d
			WHERE d.kind = 'number' AND d."distinct" > 2 AND
				NOT coalesce(given.columns->d."column" ?| '{bins,as,transform}', false)) AS binned,
		LATERAL (VALUES
			(0, 'dummy', '{"family": "boost", "trees": 1, "min_leaf": 2147483647}'::jsonb),
			(1, 'line', '{"family": "logistic"}'),
			(2, 'ridge', '{"family": "logistic", "lambda": 10}'),
			(3, 'lasso', '{"family": "logistic", "lambda": 5, "alpha": 1}'),
			(4, 'line with bins', jsonb_build_object('family', 'logistic',
				'columns', coalesce(given.columns, '{}') || binned.columns)),
			(5, 'forest', '{"family": "forest"}'),
			(6, 'boost', '{"family": "boost"}')) AS v(place, family, own)
$$;
COMMENT ON FUNCTION leadscore.families(leadframe, jsonb) IS
'the families that lead_compare_families() compares, with their options';

-- An error unless these may be the options of every family.
CREATE FUNCTION leadscore.check_common_options(options jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	ELSIF options ?| '{family,lambda,alpha}' THEN
		RAISE EXCEPTION 'option "%" is what the families differ in', (SELECT k FROM unnest('{family,lambda,alpha}'::text[]) AS k WHERE options ? k LIMIT 1)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out, or compare by lead_cv().';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_common_options(jsonb) IS 'an error unless these may be the options of every family';

-- lead_compare_families(frame): every family on the same folds of lead_cv().
-- options		of all fits; they must fit every family, such as exclude, min_count,
--				class_weight; "family" is none of them
-- sort_by		'auc' or 'log_loss'
-- returns		a row per family, the best mean over the folds first.  auc, log_loss: the
--				mean over the folds, with its standard error; auc_pooled, brier,
--				precision, recall, f1: of all out-of-fold scores (of the dummy, whose
--				share differs from fold to fold, that AUC is a little below 0.5).  winner: the simplest
--				family, in the order of leadscore.families(), that is within one standard
--				error of the best.  fit_ms, score_ms: to train on all rows and to score
--				them, here and now; bytes: of that model; options_used: for lead_fit() or
--				lead_train().  note: why a family could not be fitted, which is
--				then NULL: too large, or a forest and an offset
-- NULL			no frame: no rows
-- errors		those of lead_cv()
-- Only the line says what it has to say: the others would say the same.
-- source		Breiman, Friedman, Olshen, Stone, Classification and Regression Trees,
--				1984, section 3.4.3: the rule of one standard error
CREATE FUNCTION lead_compare_families(frame leadframe, options jsonb DEFAULT NULL,
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL,
	sort_by text DEFAULT 'auc', threshold float8 DEFAULT 0.5,
	OUT family text, OUT winner boolean, OUT auc float8, OUT auc_error float8,
	OUT auc_pooled float8, OUT log_loss float8, OUT log_loss_error float8,
	OUT brier float8, OUT "precision" float8, OUT recall float8, OUT f1 float8,
	OUT fit_ms float8, OUT score_ms float8, OUT bytes integer, OUT options_used jsonb,
	OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 7
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	said text := current_setting('client_min_messages');
	candidate record;
	quality record;
	model bytea;
	began timestamptz;
	found jsonb := '[]';
BEGIN
	IF sort_by IS NULL OR sort_by NOT IN ('auc', 'log_loss') THEN
		RAISE EXCEPTION 'sort_by must be "auc" or "log_loss", not %', coalesce('"' || sort_by || '"', 'null')
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM leadscore.check_common_options($2);
	FOR candidate IN SELECT * FROM leadscore.families($1, coalesce($2, '{}')) AS f WHERE $1 IS NOT NULL ORDER BY f.place LOOP
		quality := NULL;
		note := NULL;
		PERFORM set_config('client_min_messages', CASE WHEN candidate.family = 'line' THEN said ELSE 'error' END, true);
		BEGIN
			IF candidate.family = 'forest' AND leadscore.framing_of($1) ? 'offset' THEN
				RAISE EXCEPTION 'a forest takes no offset' USING ERRCODE = 'feature_not_supported';
			END IF;
			SELECT avg(c.auc) FILTER (WHERE c.fold IS NOT NULL) AS auc,
				stddev_samp(c.auc) FILTER (WHERE c.fold IS NOT NULL) / sqrt(count(c.auc) FILTER (WHERE c.fold IS NOT NULL)) AS auc_error,
				max(c.auc) FILTER (WHERE c.fold IS NULL) AS auc_pooled,
				avg(c.log_loss) FILTER (WHERE c.fold IS NOT NULL) AS log_loss,
				stddev_samp(c.log_loss) FILTER (WHERE c.fold IS NOT NULL) / sqrt(count(c.log_loss) FILTER (WHERE c.fold IS NOT NULL)) AS log_loss_error,
				max(c.brier) FILTER (WHERE c.fold IS NULL) AS brier, max(c.precision) FILTER (WHERE c.fold IS NULL) AS precision,
				max(c.recall) FILTER (WHERE c.fold IS NULL) AS recall, max(c.f1) FILTER (WHERE c.fold IS NULL) AS f1
			INTO quality FROM @extschema@.lead_cv($1, candidate.options, $3, $4, $5, $7) AS c;
			PERFORM set_config('client_min_messages', 'error', true);
			began := clock_timestamp();
			model := @extschema@.lead_fit($1, candidate.options);
			fit_ms := 1000 * extract(epoch FROM clock_timestamp() - began);
			began := clock_timestamp();
			PERFORM count(*) FROM @extschema@.lead_score_frame(model, $1);
			score_ms := 1000 * extract(epoch FROM clock_timestamp() - began);
			found := found || (to_jsonb(quality) || jsonb_build_object('place', candidate.place, 'family', candidate.family,
				'fit_ms', fit_ms, 'score_ms', score_ms, 'bytes', octet_length(model), 'options_used', candidate.options));
		EXCEPTION WHEN program_limit_exceeded OR feature_not_supported THEN
			found := found || jsonb_build_object('place', candidate.place, 'family', candidate.family,
				'options_used', candidate.options, 'note', SQLERRM);
		END;
	END LOOP;
	PERFORM set_config('client_min_messages', said, true);
	RETURN QUERY
	WITH rows AS MATERIALIZED (
		SELECT f.*, CASE sort_by WHEN 'auc' THEN -f.auc ELSE f.log_loss END AS loss,
			CASE sort_by WHEN 'auc' THEN f.auc_error ELSE f.log_loss_error END AS error
		FROM jsonb_to_recordset(found) AS f(place integer, family text, auc float8, auc_error float8, auc_pooled float8,
			log_loss float8, log_loss_error float8, brier float8, "precision" float8, recall float8, f1 float8,
			fit_ms float8, score_ms float8, bytes integer, options_used jsonb, note text)),
	best AS (SELECT r.loss + coalesce(r.error, 0) AS most FROM rows AS r WHERE r.loss IS NOT NULL ORDER BY r.loss, r.place LIMIT 1),
	won AS (SELECT min(r.place) AS place FROM rows AS r, best WHERE r.loss <= best.most)
	SELECT r.family, r.place IS NOT DISTINCT FROM won.place, r.auc, r.auc_error, r.auc_pooled, r.log_loss, r.log_loss_error, r.brier,
		r.precision, r.recall, r.f1, r.fit_ms, r.score_ms, r.bytes, r.options_used, r.note
	FROM rows AS r, won ORDER BY r.loss, r.place;
END;
$$;
COMMENT ON FUNCTION lead_compare_families(leadframe, jsonb, integer, bigint, text, text, float8) IS
'lines, forest and boosted trees on the same folds: quality with standard errors, time and size, and the simplest that is as good as the best';

-- Those of a recipe's options that mean the same for every family.
CREATE FUNCTION leadscore.common_options(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(o.key, CASE o.key WHEN 'columns' THEN
			(SELECT jsonb_object_agg(c.key, c.value - '{monotone,reference,transform}'::text[]) FROM jsonb_each(o.value) AS c) ELSE o.value END), '{}')
	FROM jsonb_each(leadscore.fitting_options(spec)) AS o
	WHERE o.key IN ('allow', 'calibrate', 'class_weight', 'columns', 'correct', 'exclude', 'max_levels', 'min_count', 'unseen', 'untrainable')
$$;
COMMENT ON FUNCTION leadscore.common_options(jsonb) IS 'those of a recipe''s options that mean the same for every family';

-- lead_compare_families(name): the same on the rows that a named model's recipe trains
-- on, read again from its source; those that it holds out stay unseen.
-- folds_by		'time' takes the recipe's time column
-- options		are put over those of the recipe that mean the same for every family
-- NULL			no name: no rows
-- errors		also those of a source that cannot be read or has no rows, and a recipe that another role
--				wrote
CREATE FUNCTION lead_compare_families(name text, options jsonb DEFAULT NULL,
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL,
	sort_by text DEFAULT 'auc', threshold float8 DEFAULT 0.5,
	OUT family text, OUT winner boolean, OUT auc float8, OUT auc_error float8,
	OUT auc_pooled float8, OUT log_loss float8, OUT log_loss_error float8,
	OUT brier float8, OUT "precision" float8, OUT recall float8, OUT f1 float8,
	OUT fit_ms float8, OUT score_ms float8, OUT bytes integer, OUT options_used jsonb,
	OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 7
AS $$
DECLARE
	spec pg_catalog.jsonb;
	frame @extschema@.leadframe;
BEGIN
	IF $1 IS NOT NULL THEN
		spec := leadscore.last_spec($1);
		frame := leadscore.recipe_frame($1, spec, $5);
		IF frame IS NULL THEN
			RAISE EXCEPTION 'there are no rows to train model "%" on', $1 USING ERRCODE = 'data_exception';
		END IF;
		RETURN QUERY SELECT * FROM @extschema@.lead_compare_families(frame,
			leadscore.common_options(spec) OPERATOR(pg_catalog.||) COALESCE($2, '{}'), $3, $4, $5, $6, $7) AS f;
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_compare_families(text, jsonb, integer, bigint, text, text, float8) IS
'the families of models on the rows that a named model''s recipe trains on';
