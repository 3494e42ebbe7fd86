----------------------------------------------------------------------------
-- Which options?
----------------------------------------------------------------------------

-- The trials of lead_tune(), each cross-validated on the same folds, in this order;
-- lines that differ in lambda alone are quickest by falling lambda, one after the other.
-- share		of the rows that train: drawn by hash, a larger share has them, too
-- until		start nothing later; the first fold is judged whatever the time
-- returns		a row per trial that was started: folds_done are fewer than folds where
--				time was up; mean, standard_error: of the metric over the folds; auc,
--				log_loss, brier: of all out-of-fold scores; note, hint, sqlstate: of an error
CREATE FUNCTION leadscore.run_trials(frame leadframe, trials jsonb[], folds integer, seed bigint, folds_by text,
	metric text, threshold float8, share float8, until timestamptz,
	OUT trial integer, OUT folds_done integer, OUT mean float8, OUT standard_error float8,
	OUT auc float8, OUT log_loss float8, OUT brier float8, OUT ms float8, OUT note text, OUT hint text, OUT sqlstate text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lead_run_trials'
LANGUAGE C VOLATILE COST 10000000;
COMMENT ON FUNCTION leadscore.run_trials(leadframe, jsonb[], integer, bigint, text, text, float8, float8, timestamptz) IS
'trials of a tuning, cross-validated on the same folds';

-- The least lambda that leaves no column to a line of these options, on all rows; of
-- ridge, which has none, that of lasso.
CREATE FUNCTION leadscore.lambda_max(frame leadframe, options jsonb)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_lambda_max'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION leadscore.lambda_max(leadframe, jsonb) IS 'the least lambda at which lasso has no column';

CREATE FUNCTION leadscore.option_is_whole(option text) RETURNS boolean
AS 'MODULE_PATHNAME', 'lead_option_is_whole' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION leadscore.option_is_whole(text) IS 'is this option a whole number?';

CREATE FUNCTION leadscore.check_fit_options(options jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'lead_check_fit_options' LANGUAGE C IMMUTABLE STRICT;
COMMENT ON FUNCTION leadscore.check_fit_options(jsonb) IS 'an error unless these are options of lead_fit()';

-- Options with one more, or with one of a column: path is {lambda} or {columns, city, bins}.
CREATE FUNCTION leadscore.set_option(options jsonb, path text[], value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT options || jsonb_build_object(path[1], CASE WHEN cardinality(path) = 1 THEN value
		ELSE coalesce(options->path[1], '{}') || jsonb_build_object(path[2],
			coalesce(options #> path[1:2], '{}') || jsonb_build_object(path[3], value)) END)
$$;
COMMENT ON FUNCTION leadscore.set_option(jsonb, text[], jsonb) IS 'options with one more';

-- What is tried where no grid is given, but for options that are fixed.
CREATE FUNCTION leadscore.default_grid(options jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE coalesce(options->>'family', 'logistic')
		WHEN 'forest' THEN '{"depth": [8, 16], "min_leaf": [5, 20, 80]}'::jsonb
		WHEN 'boost' THEN '{"depth": [3, 5], "rate": [0.05, 0.1, 0.2], "min_leaf": [20, 100]}'
		ELSE '{"lambda": "auto"}' END - ARRAY(SELECT jsonb_object_keys(options))
$$;
COMMENT ON FUNCTION leadscore.default_grid(jsonb) IS 'what lead_tune() tries where no grid is given';

-- The options that a grid varies.  choices: of a list; else a range from low to high,
-- NULL where lambda finds its own.
CREATE FUNCTION leadscore.grid_dimensions(grid jsonb, fixed jsonb,
	OUT option text, OUT path text[], OUT choices jsonb[], OUT low float8, OUT high float8, OUT is_log boolean, OUT n integer)
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value jsonb;
	bounds jsonb;
BEGIN
	IF jsonb_typeof(grid) <> 'object' THEN
		RAISE EXCEPTION 'grid must be a JSON object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'For example {"lambda": {"min": 0.01, "max": 100, "scale": "log", "n": 20}, "alpha": [0, 1]}.';
	END IF;
	IF jsonb_typeof(grid->'columns') <> 'object' OR EXISTS (SELECT FROM jsonb_each(grid->'columns') AS c WHERE jsonb_typeof(c.value) <> 'object') THEN
		RAISE EXCEPTION 'invalid grid for option "columns"' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be an object of objects, such as {"city": {"max_levels": [10, 50]}}.';
	END IF;
	FOR option, path, value IN
		SELECT g.key, ARRAY[g.key], g.value FROM jsonb_each(grid) AS g WHERE g.key <> 'columns'
		UNION ALL
		SELECT concat_ws('.', 'columns', c.key, o.key), ARRAY['columns', c.key, o.key], o.value
		FROM jsonb_each(grid->'columns') AS c, jsonb_each(c.value) AS o
	LOOP
		IF fixed #> path IS NOT NULL THEN
			RAISE EXCEPTION 'option "%" is in options and in the grid', option USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave it out of one of them.';
		END IF;
		choices := NULL; low := NULL; high := NULL; is_log := NULL; n := NULL;
		IF option = 'lambda' AND value = '"auto"' THEN
			value := '{"max": "auto"}';
		ELSIF option = 'lambda' AND jsonb_typeof(value) = 'object' AND NOT value ?| '{min,max}' THEN
			value := value || '{"max": "auto"}';
		END IF;
		IF jsonb_typeof(value) = 'array' THEN
			choices := ARRAY(SELECT v FROM jsonb_array_elements(value) WITH ORDINALITY AS e(v, i) GROUP BY v ORDER BY min(i));
			IF cardinality(choices) = 0 THEN
				RAISE EXCEPTION 'invalid grid for option "%"', option USING ERRCODE = 'invalid_parameter_value', DETAIL = 'The list is empty.';
			END IF;
		ELSIF jsonb_typeof(value) = 'object' THEN
			PERFORM leadscore.check_keys(format('the grid for option "%s"', option), value, '{min,max,scale,n}');
			n := coalesce(leadscore.number_of(format('the grid for option "%s"', option), value, 'n', 1, 1000), 20);
			IF n <> coalesce((value->>'n')::numeric, n) THEN
				RAISE EXCEPTION 'invalid value for "n" in the grid for option "%"', option USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'It must be a whole number.';
			END IF;
			is_log := coalesce(value->>'scale', CASE WHEN option = 'lambda' AND value->>'max' = 'auto' THEN 'log' ELSE 'linear' END) = 'log';
			IF value ? 'scale' AND value->'scale' NOT IN ('"log"', '"linear"') THEN
				RAISE EXCEPTION 'invalid value for "scale" in the grid for option "%"', option USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'It must be "linear" or "log".';
			END IF;
			bounds := value;
			IF option = 'lambda' AND value->'max' = '"auto"' THEN
				bounds := bounds - 'max';
				IF value->'min' = '"auto"' THEN
					bounds := bounds - 'min';
				END IF;
			ELSIF NOT value ?& '{min,max}' THEN
				RAISE EXCEPTION 'invalid grid for option "%"', option USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'A range has "min" and "max".', HINT = CASE option WHEN 'lambda' THEN '"max" may be "auto".' ELSE 'Write {"min": …, "max": …}.' END;
			END IF;
			low := leadscore.number_of(format('the grid for option "%s"', option), bounds, 'min', -1e15, 1e15);
			high := leadscore.number_of(format('the grid for option "%s"', option), bounds, 'max', -1e15, 1e15);
			IF low > high OR is_log AND low <= 0 THEN
				RAISE EXCEPTION 'invalid grid for option "%"', option USING ERRCODE = 'invalid_parameter_value',
					DETAIL = CASE WHEN low > high THEN '"min" is greater than "max".' ELSE 'A logarithmic scale begins above 0.' END;
			END IF;
		ELSE
			RAISE EXCEPTION 'invalid grid for option "%"', option USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It must be a list of values, or a range such as {"min": 1, "max": 100, "scale": "log", "n": 20}.',
				HINT = 'What does not vary belongs to options.';
		END IF;
		RETURN NEXT;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION leadscore.grid_dimensions(jsonb, jsonb) IS 'the options that a grid varies';

-- An error unless the option may have the value in one of the families.
CREATE FUNCTION leadscore.check_choice(families text[], option text, path text[], value jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	FOR i IN 1 .. cardinality(families) LOOP
		BEGIN
			PERFORM leadscore.check_fit_options(leadscore.set_option(jsonb_build_object('family', families[i])
				|| CASE option WHEN 'alpha' THEN '{"lambda": 1}'::jsonb ELSE '{}' END, path, value));
			RETURN;
		EXCEPTION WHEN invalid_parameter_value THEN
			IF i = cardinality(families) THEN
				RAISE;
			END IF;
		END;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION leadscore.check_choice(text[], text, text[], jsonb) IS 'an error unless an option may have this value';

-- A value of a range at a place from 0 to 1, to six digits, as the option takes it.
CREATE FUNCTION leadscore.value_at(option text, low float8, high float8, is_log boolean, place float8)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN leadscore.option_is_whole(option) THEN to_jsonb(round(x::numeric))
		WHEN place IN (0, 1) OR x = 0 THEN to_jsonb(x)
		ELSE to_jsonb(round(x::numeric, 5 - floor(log(abs(x)))::integer)::float8) END
	FROM (SELECT CASE WHEN place = 0 THEN low WHEN place = 1 THEN high
		WHEN is_log THEN exp(ln(low) + place * (ln(high) - ln(low))) ELSE low + place * (high - low) END AS x) AS v
$$;
COMMENT ON FUNCTION leadscore.value_at(text, float8, float8, boolean, float8) IS 'a value of a range, at a place from 0 to 1';

-- From 0 to 1, the same for ever.
CREATE FUNCTION leadscore.draw(what text, seed bigint)
RETURNS float8
LANGUAGE sql IMMUTABLE
RETURN @extschema@.lead_fold(what, 1000000000, seed) / 1e9::pg_catalog.float8;
COMMENT ON FUNCTION leadscore.draw(text, bigint) IS 'a number from 0 to 1 that a text draws';

-- Per trial how large lambda may be.  That takes a pass over the rows, so it is found once
-- for all that differ in lambda and alpha alone: it goes as 1 / alpha, alpha 0 as 1.
CREATE FUNCTION leadscore.lambda_tops(frame leadframe, trials jsonb[])
RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	family text := (SELECT o->>'family' FROM unnest(trials) AS o WHERE coalesce(o->>'family', 'logistic') <> 'logistic' LIMIT 1);
BEGIN
	IF family IS NOT NULL THEN
		RAISE EXCEPTION 'invalid grid for option "lambda"' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('Of family "%s" there is no greatest value that makes sense.', family),
			HINT = 'Give a list, or a range with "min" and "max".';
	END IF;
	RETURN (
		WITH t AS MATERIALIZED (
			SELECT i, o || '{"lambda": 1}' || CASE jsonb_typeof(o->'alpha') WHEN 'number' THEN '{"alpha": 1}'::jsonb ELSE '{}' END AS line,
				CASE jsonb_typeof(o->'alpha') WHEN 'number' THEN nullif((o->>'alpha')::float8, 0) END AS alpha
			FROM unnest(trials) WITH ORDINALITY AS u(o, i)
		), tops AS MATERIALIZED (
			SELECT d.line, leadscore.lambda_max(frame, d.line) AS top FROM (SELECT DISTINCT t.line FROM t) AS d
		)
		SELECT array_agg(greatest(coalesce(tops.top / coalesce(t.alpha, 1), 1), 1e-6) ORDER BY t.i) FROM t JOIN tops USING (line));
END;
$$;
COMMENT ON FUNCTION leadscore.lambda_tops(leadframe, jsonb[]) IS 'how large lambda may be in each trial';

-- One value for a dimension of a grid whose other options are there: those of a list,
-- evenly spaced ones of a range; or one that is drawn.
-- top		of lambda, where high is NULL
CREATE FUNCTION leadscore.choices_of(top float8, option text, choices jsonb[],
	low float8, high float8, is_log boolean, n integer, drawn float8)
RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF choices IS NOT NULL THEN
		RETURN QUERY SELECT choices[i] FROM generate_subscripts(choices, 1) AS i
		WHERE drawn IS NULL OR i = floor(drawn * cardinality(choices)) + 1;
		RETURN;
	END IF;
	IF high IS NULL THEN
		-- to six digits, and not below
		high := (ceil(top::numeric * power(10::numeric, 5 - floor(log(top))::integer)) / power(10::numeric, 5 - floor(log(top))::integer))::float8;
		low := least(coalesce(low, round((high / 10000)::numeric, 9 - floor(log(high))::integer)::float8), high);
	END IF;
	IF drawn IS NULL THEN
		RETURN QUERY SELECT v FROM (SELECT leadscore.value_at(option, low, high, is_log, CASE WHEN n = 1 THEN 1 ELSE i / (n - 1)::float8 END) AS v, i
			FROM generate_series(0, n - 1) AS i) AS p GROUP BY v ORDER BY min(i);
	ELSIF leadscore.option_is_whole(option) AND NOT is_log THEN
		RETURN NEXT to_jsonb(floor(low + drawn * (high - low + 1))::bigint);
	ELSE
		RETURN NEXT leadscore.value_at(option, low, high, is_log, drawn);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.choices_of(float8, text, jsonb[], float8, float8, boolean, integer, float8) IS
'the values of an option in a grid';

-- The trials of a grid: all of it, or so many draws of it.
CREATE FUNCTION leadscore.grid_trials(frame leadframe, grid jsonb, fixed jsonb, draws integer, seed bigint)
RETURNS jsonb[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	trials jsonb[] := CASE WHEN draws IS NULL THEN ARRAY[fixed] ELSE array_fill(fixed, ARRAY[draws]) END;
	families text[] := CASE jsonb_typeof(grid->'family') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(grid->'family'))
		ELSE ARRAY[coalesce(fixed->>'family', 'logistic')] END;
	tops float8[];
	d record;
	size bigint := 1;
BEGIN
	-- lambda last: how large it may be depends on the others
	FOR d IN SELECT g.* FROM leadscore.grid_dimensions(grid, fixed) AS g ORDER BY (g.option = 'lambda') LOOP
		PERFORM leadscore.check_choice(families, d.option, d.path, v) FROM unnest(d.choices) AS v;
		PERFORM leadscore.check_choice(families, d.option, d.path, leadscore.value_at(d.option, v, v, false, 0))
		FROM unnest(ARRAY[d.low, d.high]) AS v WHERE v IS NOT NULL;
		size := size * coalesce(cardinality(d.choices), d.n);
		IF size > 10000 AND draws IS NULL THEN
			RAISE EXCEPTION 'the grid has more than 10000 trials' USING ERRCODE = 'program_limit_exceeded',
				HINT = 'Draw some of them: method => ''random'', trials => 100.';
		END IF;
		tops := CASE WHEN d.choices IS NULL AND d.high IS NULL THEN leadscore.lambda_tops(frame, trials) END;
		trials := ARRAY(SELECT leadscore.set_option(t.options, d.path, v.value)
			FROM unnest(trials) WITH ORDINALITY AS t(options, i),
				leadscore.choices_of(tops[t.i], d.option, d.choices, d.low, d.high, d.is_log, d.n,
					CASE WHEN draws IS NOT NULL THEN leadscore.draw(concat(t.i, ' ', d.option), seed) END) WITH ORDINALITY AS v(value, k)
			ORDER BY t.i, v.k);
	END LOOP;
	RETURN ARRAY(SELECT o FROM unnest(trials) WITH ORDINALITY AS t(o, i) GROUP BY o ORDER BY min(i));
END;
$$;
COMMENT ON FUNCTION leadscore.grid_trials(leadframe, jsonb, jsonb, integer, bigint) IS 'the trials of a grid';

-- How complex a model of these options may be: what comes first in the order of these
-- arrays is simpler.  Defaults are those of lead_fit().
--	line		larger alpha, then larger lambda, then fewer levels
--	forest		fewer leaves of all trees together, then larger ones
--	boost		the same, then larger lambda, larger min_gain, smaller rate
CREATE FUNCTION leadscore.complexity(options jsonb)
RETURNS float8[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE coalesce(options->>'family', 'logistic')
		WHEN 'forest' THEN ARRAY[1, coalesce((options->>'trees')::float8, 100) * power(2::float8, coalesce((options->>'depth')::float8, 16)),
			-coalesce((options->>'min_leaf')::float8, 5)]
		WHEN 'boost' THEN ARRAY[2, coalesce((options->>'trees')::float8, 100)
				* least(power(2::float8, coalesce((options->>'depth')::float8, 5)), (options->>'leaves')::float8),
			-coalesce((options->>'min_leaf')::float8, 20), -coalesce((options->>'lambda')::float8, 1),
			-coalesce((options->>'min_gain')::float8, 0), coalesce((options->>'rate')::float8, 0.1)]
		ELSE ARRAY[0, -coalesce((options->>'alpha')::float8, 0), -coalesce((options->>'lambda')::float8, 0),
			coalesce((options->>'max_levels')::float8, 255), -coalesce((options->>'min_count')::float8, 20)] END
$$;
COMMENT ON FUNCTION leadscore.complexity(jsonb) IS 'how complex a model of these options may be, to be compared: less is simpler';

-- How many thirds of the trials, and of the resource, successive halving goes down.
CREATE FUNCTION leadscore.halvings(trials integer, most float8, least_useful float8)
RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN greatest(0, least(floor(log(3, greatest(trials, 1)::numeric) + 1e-9), floor(log(3, greatest(most / least_useful, 1)::numeric) + 1e-9)))::integer;
COMMENT ON FUNCTION leadscore.halvings(integer, float8, float8) IS 'the rungs of successive halving, but for the last';

-- What a tuning found, in order: its rank, and which is chosen.  found are the rows of
-- run_trials() as objects, with rung and resource.
CREATE FUNCTION leadscore.rank_trials(found jsonb, low boolean, one_se boolean,
	OUT trial integer, OUT rank integer, OUT chosen boolean, OUT options_used jsonb, OUT mean float8, OUT standard_error float8,
	OUT auc float8, OUT log_loss float8, OUT brier float8, OUT folds_done integer, OUT rung integer, OUT resource_used float8,
	OUT ms float8, OUT note text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH rows AS (
		SELECT f.*, CASE WHEN low THEN f.mean ELSE -f.mean END AS loss, leadscore.complexity(f.options_used) AS complexity
		FROM jsonb_to_recordset(found) AS f(trial integer, options_used jsonb, mean float8, standard_error float8, auc float8,
			log_loss float8, brier float8, folds_done integer, rung integer, resource_used float8, ms float8, note text)
	), ranked AS (
		SELECT r.*, CASE WHEN r.loss IS NOT NULL THEN row_number() OVER (ORDER BY (r.loss IS NULL), r.rung DESC, r.folds_done DESC, r.loss, r.complexity, r.trial) END AS rank
		FROM rows AS r
	), best AS (
		SELECT r.loss + CASE WHEN one_se THEN coalesce(r.standard_error, 0) ELSE 0 END AS most, r.rung, r.folds_done FROM ranked AS r WHERE r.rank = 1
	), simplest AS (
		SELECT r.trial FROM ranked AS r, best AS b WHERE r.rank IS NOT NULL AND r.rung = b.rung AND r.folds_done = b.folds_done
			AND r.loss <= b.most AND (one_se OR r.rank = 1)
		ORDER BY r.complexity, r.rank LIMIT 1
	)
	SELECT r.trial, r.rank::integer, r.trial IS NOT DISTINCT FROM s.trial, r.options_used, r.mean, r.standard_error, r.auc, r.log_loss, r.brier,
		r.folds_done, r.rung, r.resource_used, r.ms, r.note
	FROM ranked AS r LEFT JOIN simplest AS s ON true ORDER BY r.rank NULLS LAST, r.trial
$$;
COMMENT ON FUNCTION leadscore.rank_trials(jsonb, boolean, boolean) IS 'the trials of a tuning in their order, and the one that is chosen';

-- lead_tune(frame, grid): which options are best, by cross-validation on the same folds.
-- grid			an object: of each option a list of values, or a range {"min", "max",
--				"scale": "linear" | "log", "n": 20}; "columns" as in options; lambda
--				may be "auto", or have "max": "auto": from the least lambda at which
--				all coefficients are 0 down to "min", a ten-thousandth of it.  NULL: by
--				family, leadscore.default_grid()
-- options		of all trials, as for lead_fit()
-- method		'grid': all; 'random': draws, each option by itself, of ranges any value;
--				'halving': all (or `trials` draws) with little of a resource, the best
--				third of them with three times as much, until it is whole
-- folds, seed, folds_by, threshold	as for lead_cv(); seed draws the trials, too
-- metric		by whose mean over the folds trials are compared: log_loss, auc, brier,
--				average_precision, precision, recall, f1, accuracy, lift_10; of a fold
--				where nobody is taken, precision and f1 are 0
-- one_se		choose not the best but the simplest (leadscore.complexity()) that is
--				within one standard error of it
-- trials		of 'random': 20; the same draw twice is one trial
-- budget		start no fold later than this after the beginning; the first is judged
-- resource		of 'halving': 'trees' or 'rows' of each fold that train; default trees
--				where all trials have them and the grid varies neither them nor the rate,
--				which few trees want high
-- returns		a row per trial that was started, the best first.  options_used: for
--				lead_fit(); mean, standard_error: of the metric over the folds; auc,
--				log_loss, brier: of all out-of-fold scores; folds_done: where time was up,
--				fewer, and behind those that have more; rung, resource_used: how far
--				halving let it come (share of rows, or trees), only the last can be
--				chosen; note: its error, then mean and rank are NULL
-- NULL			no frame: no rows
-- errors		a grid that makes no sense, with the option; where every trial fails
-- memory		the frame, the fold at work, and other folds up to leadscore.work_mem
-- sources		Friedman, Hastie, Tibshirani, Journal of Statistical Software 33 (2010): paths;
--				Bergstra, Bengio, JMLR 13 (2012): draws; Jamieson, Talwalkar, AISTATS
--				2016: halving; Breiman et al. 1984, section 3.4.3: one standard error
CREATE FUNCTION lead_tune(frame leadframe, grid jsonb DEFAULT NULL, options jsonb DEFAULT NULL, method text DEFAULT 'grid',
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL, metric text DEFAULT 'log_loss',
	one_se boolean DEFAULT false, trials integer DEFAULT NULL, budget interval DEFAULT NULL, resource text DEFAULT NULL,
	threshold float8 DEFAULT 0.5,
	OUT trial integer, OUT rank integer, OUT chosen boolean, OUT options_used jsonb, OUT mean float8, OUT standard_error float8,
	OUT auc float8, OUT log_loss float8, OUT brier float8, OUT folds_done integer, OUT rung integer, OUT resource_used float8,
	OUT ms float8, OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	until timestamptz := clock_timestamp() + $11;
	fixed jsonb := coalesce($3, '{}');
	all_trials jsonb[];
	candidates integer[];
	found jsonb[];				-- by trial, NULL: not started
	rungs integer := 0;
	whole float8 := 1;
	used float8;
	late boolean := false;
	r record;
	failed record;
	failures integer := 0;
	said text := current_setting('client_min_messages');
BEGIN
	PERFORM leadscore.check_tune_arguments($2, fixed, $4, $9, $10, $11, $12);
	IF $1 IS NULL THEN
		RETURN;
	END IF;
	all_trials := leadscore.grid_trials($1, coalesce($2, leadscore.default_grid(fixed)), fixed,
		CASE WHEN $4 = 'random' THEN coalesce($10, 20) ELSE $10 END, $6);
	-- lambda falls, so that each fit of a path can start from the last
	found := array_fill(NULL::jsonb, ARRAY[cardinality(all_trials)]);
	candidates := ARRAY(SELECT t.i FROM (SELECT t.i, o, min(t.i) OVER (PARTITION BY o - 'lambda') AS path
		FROM unnest(all_trials) WITH ORDINALITY AS t(o, i)) AS t ORDER BY t.path, (t.o->'lambda') DESC NULLS LAST, t.i);
	IF $4 = 'halving' THEN
		SELECT c.resource, c.whole, c.rungs INTO $12, whole, rungs FROM leadscore.halving_of($1, all_trials, coalesce($2, '{}'), $5, $12) AS c;
	END IF;
	FOR step IN 0 .. rungs LOOP
		used := CASE WHEN $12 = 'trees' THEN round(whole / power(3::float8, rungs - step)) ELSE whole / power(3::float8, rungs - step) END;
		FOR r IN SELECT t.*, candidates[t.trial] AS i
			FROM leadscore.run_trials($1, ARRAY(SELECT CASE WHEN $12 = 'trees' THEN all_trials[c] || jsonb_build_object('trees', used) ELSE all_trials[c] END
					FROM unnest(candidates) WITH ORDINALITY AS u(c, k) ORDER BY k), $5, $6, $7, $8, $13,
				CASE WHEN $12 = 'rows' THEN used ELSE 1 END, until) AS t
		LOOP
			late := late OR r.note IS NULL AND r.folds_done < $5;
			IF r.note IS NOT NULL THEN
				IF failures = 0 THEN
					failed := r;
				END IF;
				failures := failures + 1;
			END IF;
			-- time that was up takes nothing from what a rung before has found
			IF r.folds_done = $5 OR r.note IS NOT NULL OR found[r.i] IS NULL THEN
				found[r.i] := jsonb_set(to_jsonb(r) - '{hint,sqlstate}'::text[], '{trial}', to_jsonb(r.i))
					|| jsonb_build_object('options_used', all_trials[r.i], 'ms', r.ms + coalesce((found[r.i]->>'ms')::float8, 0), 'rung', step)
					|| CASE WHEN $4 = 'halving' THEN jsonb_build_object('resource_used', used) ELSE '{}' END;
			END IF;
		END LOOP;
		PERFORM set_config('client_min_messages', 'error', true);	-- the next rung would say the same
		late := late OR (SELECT count(*) FROM unnest(candidates) AS c WHERE (found[c]->>'rung')::integer = step) < cardinality(candidates);
		late := late OR coalesce(clock_timestamp() >= until, false) AND step < rungs;
		EXIT WHEN late;
		candidates := ARRAY(SELECT c FROM unnest(candidates) WITH ORDINALITY AS u(c, k) WHERE c IN (
			SELECT t.trial FROM leadscore.rank_trials((SELECT jsonb_agg(f) FROM unnest(found) AS f WHERE f IS NOT NULL), leadscore.metric_is_loss($8), false) AS t
			WHERE t.rank <= greatest(1, floor(cardinality(all_trials) / power(3::float8, step + 1) + 1e-9))) ORDER BY k);
		EXIT WHEN cardinality(candidates) = 0;
	END LOOP;
	PERFORM set_config('client_min_messages', said, true);
	IF NOT EXISTS (SELECT FROM unnest(found) AS f WHERE f->'mean' <> 'null') THEN
		RAISE EXCEPTION '%', CASE cardinality(all_trials) WHEN 1 THEN 'the only trial could not be judged'
				ELSE format('none of %s trials could be judged', cardinality(all_trials)) END
			USING ERRCODE = CASE failures WHEN 0 THEN '22000' ELSE failed.sqlstate END,
				DETAIL = CASE failures WHEN 0 THEN format('The rows held out have no %s: there are none, or of one kind.', $8)
					ELSE format('The first says: %s', failed.note) END,
				HINT = coalesce(CASE failures WHEN 0 THEN 'Use fewer folds, other folds, or another metric.' ELSE failed.hint END,
					'See to the grid and to options.');
	END IF;
	IF late THEN
		RAISE NOTICE 'the time budget of % is spent: % of % trials were judged', $11,
			(SELECT count(*) FROM unnest(found) AS f WHERE (f->>'folds_done')::integer = $5 OR f->'note' <> 'null'), cardinality(all_trials)
			USING DETAIL = 'The choice is among those that came farthest.';
	END IF;
	RETURN QUERY SELECT t.trial, t.rank, t.chosen, t.options_used, t.mean, t.standard_error, t.auc, t.log_loss, t.brier, t.folds_done,
		CASE WHEN $4 = 'halving' THEN t.rung END, t.resource_used, t.ms, t.note
	FROM leadscore.rank_trials((SELECT jsonb_agg(f) FROM unnest(found) AS f WHERE f IS NOT NULL), leadscore.metric_is_loss($8), coalesce($9, false)) AS t;
END;
$$;
COMMENT ON FUNCTION lead_tune(leadframe, jsonb, jsonb, text, integer, bigint, text, text, boolean, integer, interval, text, float8) IS
'options tried on the same folds, the best first: grid, random draws or successive halving';

CREATE FUNCTION leadscore.metric_is_loss(metric text)
RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN metric IN ('log_loss', 'brier');
COMMENT ON FUNCTION leadscore.metric_is_loss(text) IS 'is less of a metric better?';

CREATE FUNCTION leadscore.check_tune_arguments(grid jsonb, fixed jsonb, method text, one_se boolean, trials integer, budget interval, resource text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(fixed) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	ELSIF method IS NULL OR method NOT IN ('grid', 'random', 'halving') THEN
		RAISE EXCEPTION 'method must be "grid", "random" or "halving", not %', coalesce('"' || method || '"', 'null') USING ERRCODE = 'invalid_parameter_value';
	ELSIF trials < 1 OR trials > 10000 THEN
		RAISE EXCEPTION 'trials must be from 1 to 10000, not %', trials USING ERRCODE = 'invalid_parameter_value';
	ELSIF trials IS NOT NULL AND method = 'grid' THEN
		RAISE EXCEPTION 'trials does not act with method "grid"' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Draw them: method => ''random'', or ''halving''.';
	ELSIF budget <= '0' THEN
		RAISE EXCEPTION 'budget must be a positive interval' USING ERRCODE = 'invalid_parameter_value';
	ELSIF resource NOT IN ('trees', 'rows') THEN
		RAISE EXCEPTION 'resource must be "trees" or "rows", not "%"', resource USING ERRCODE = 'invalid_parameter_value';
	ELSIF resource IS NOT NULL AND method <> 'halving' THEN
		RAISE EXCEPTION 'resource acts with method "halving" only' USING ERRCODE = 'invalid_parameter_value';
	ELSIF resource = 'trees' AND grid ? 'trees' THEN
		RAISE EXCEPTION 'option "trees" is in the grid and cannot be the resource' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Let rows be: resource => ''rows''.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_tune_arguments(jsonb, jsonb, text, boolean, integer, interval, text) IS 'an error unless these arguments of lead_tune() go together';

-- What successive halving shares out, how much of it is all, and in how many steps.  The
-- first has no fewer than 10 trees, or 500 rows.
CREATE FUNCTION leadscore.halving_of(frame leadframe, trials jsonb[], grid jsonb, folds integer, wanted text,
	OUT resource text, OUT whole float8, OUT rungs integer)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	without jsonb := (SELECT o FROM unnest(trials) AS o WHERE coalesce(o->>'family', 'logistic') = 'logistic' LIMIT 1);
BEGIN
	IF wanted = 'trees' AND without IS NOT NULL THEN
		RAISE EXCEPTION 'resource "trees" does not fit a model of family "logistic"' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Let rows be: resource => ''rows''.';
	END IF;
	resource := coalesce(wanted, CASE WHEN without IS NULL AND NOT grid ?| '{trees,rate}' THEN 'trees' ELSE 'rows' END);
	whole := CASE resource WHEN 'trees' THEN coalesce((trials[1]->>'trees')::float8, 100) ELSE 1 END;
	rungs := leadscore.halvings(cardinality(trials), CASE resource WHEN 'trees' THEN whole
		ELSE (SELECT c.rows FROM leadscore.frame_counts(frame) AS c) * (1 - 1.0 / folds) END, CASE resource WHEN 'trees' THEN 10 ELSE 500 END);
END;
$$;
COMMENT ON FUNCTION leadscore.halving_of(leadframe, jsonb[], jsonb, integer, text) IS 'what successive halving shares out, and in how many steps';

-- lead_tune_model(frame, grid, …): the model that the options chosen by lead_tune() give
-- on all rows of the frame.  NULL frame: NULL.
CREATE FUNCTION lead_tune_model(frame leadframe, grid jsonb DEFAULT NULL, options jsonb DEFAULT NULL, method text DEFAULT 'grid',
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL, metric text DEFAULT 'log_loss',
	one_se boolean DEFAULT false, trials integer DEFAULT NULL, budget interval DEFAULT NULL, resource text DEFAULT NULL,
	threshold float8 DEFAULT 0.5)
RETURNS bytea
LANGUAGE sql VOLATILE COST 10000000
BEGIN ATOMIC
	SELECT @extschema@.lead_fit(frame, t.options_used)
	FROM @extschema@.lead_tune(frame, grid, options, method, folds, seed, folds_by, metric, one_se, trials, budget, resource, threshold) AS t
	WHERE t.chosen;
END;
COMMENT ON FUNCTION lead_tune_model(leadframe, jsonb, jsonb, text, integer, bigint, text, text, boolean, integer, interval, text, float8) IS
'the model of the options that lead_tune() chooses, fitted to all rows';
