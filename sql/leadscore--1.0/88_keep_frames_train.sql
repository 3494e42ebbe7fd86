----------------------------------------------------------------------------
-- Training on kept frames
----------------------------------------------------------------------------

-- A recipe that trains on kept frames, or as it was.  Intervals are written in one style.
CREATE FUNCTION leadscore.frames_spec(spec jsonb, frames_window interval, half_life interval)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET IntervalStyle = 'postgres'
AS $$
BEGIN
	IF frames_window IS NULL AND half_life IS NULL THEN
		RETURN spec;
	END IF;
	IF frames_window <= '0' OR half_life <= '0' THEN
		RAISE EXCEPTION '% must be a positive interval', CASE WHEN frames_window <= '0' THEN 'frames_window' ELSE 'half_life' END
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF frames_window IS NULL AND NOT spec ? 'frames' THEN
		RAISE EXCEPTION 'half_life acts on kept frames' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Say of how long a time they are: frames_window => ''180 days''.';
	END IF;
	PERFORM leadscore.day_type(spec);
	RETURN spec || jsonb_build_object('frames', jsonb_strip_nulls(jsonb_build_object(
			'window', coalesce(frames_window::text, spec #>> '{frames,window}'), 'half_life', half_life::text)),
		'holdout', CASE spec #>> '{holdout,by}' WHEN 'none' THEN '{"by": "none"}'
			ELSE jsonb_build_object('by', 'time', 'column', spec->>'time', 'share', coalesce((spec #>> '{holdout,share}')::numeric, 0.2)) END);
END;
$$;

-- The time until which the champion's rows may reach: what is later it has not seen.
-- NULL: there is no champion.
CREATE FUNCTION leadscore.seen_until(name text, spec jsonb)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN r.spec->>'time' IS DISTINCT FROM spec->>'time' THEN r.started_at
		WHEN h.cut IS NULL THEN coalesce(r.data_to, r.started_at)
		WHEN leadscore.day_type(r.spec) = 'timestamp with time zone' THEN h.cut::timestamptz
		ELSE h.cut::timestamp AT TIME ZONE (spec #>> '{options,timezone}') END
	FROM leadscore.aliases AS a JOIN leadscore.versions AS v USING (name, version) JOIN leadscore.runs AS r USING (run_id),
		LATERAL (SELECT CASE WHEN r.spec ? 'frames' OR r.spec #>> '{holdout,by}' = 'time' AND r.spec #>> '{holdout,column}' = r.spec->>'time'
			THEN CASE WHEN (r.spec->>'refit')::boolean THEN r.seen ELSE r.cut END #>> '{}' END AS cut) AS h
	WHERE a.name = $1 AND a.alias = 'champion'
$$;
COMMENT ON FUNCTION leadscore.seen_until(text, jsonb) IS 'rows later than this the champion has not been trained on';

-- The last moment before a time, as a value of the time column.
CREATE FUNCTION leadscore.last_before(spec jsonb, at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE leadscore.day_type(spec)
		WHEN 'timestamp with time zone' THEN to_jsonb(at - interval '1 microsecond')
		WHEN 'date' THEN to_jsonb((at AT TIME ZONE (spec #>> '{options,timezone}'))::date - 1)
		ELSE to_jsonb((at AT TIME ZONE (spec #>> '{options,timezone}')) - interval '1 microsecond') END
$$;

-- The kept frames that a recipe trains on: all of the window, and from when on they are
-- held out, the fewest that have the recipe's share of the rows.  An error if there are
-- none, or if they were framed by another recipe.
CREATE FUNCTION leadscore.frames_of_window(name text, spec jsonb,
	OUT starts timestamptz, OUT ends timestamptz, OUT held_from timestamptz, OUT labelled bigint, OUT total bigint, OUT held_out bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	zone text := spec #>> '{options,timezone}';
	share numeric := CASE spec #>> '{holdout,by}' WHEN 'none' THEN NULL ELSE (spec #>> '{holdout,share}')::numeric END;
	recipe jsonb := (SELECT k.recipe FROM leadscore.frame_keeping AS k WHERE k.name = name);
BEGIN
	SELECT max(k.ends) INTO ends FROM leadscore.kept_frames AS k WHERE k.name = name;
	IF ends IS NULL THEN
		RAISE EXCEPTION 'no frames of model "%" are kept', name USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('lead_keep_frames(%L, maturity => …) keeps them.', name);
	END IF;
	IF recipe <> leadscore.framing_recipe(spec) THEN
		RAISE EXCEPTION 'the frames of model "%" were kept by another recipe', name USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('lead_keep_frames(%L, again => ''-infinity'') frames all rows of the source anew.', name);
	END IF;
	SELECT min(k.starts), sum(k.rows), sum(k.rows + k.unknown) INTO starts, labelled, total FROM leadscore.kept_frames AS k
	WHERE k.name = name AND k.starts >= (date_trunc('day', ends AT TIME ZONE zone) - (spec #>> '{frames,window}')::interval) AT TIME ZONE zone;
	SELECT max(k.starts) INTO held_from
	FROM (SELECT k.starts, sum(k.rows) OVER (ORDER BY k.starts DESC) AS later FROM leadscore.kept_frames AS k
		WHERE k.name = name AND k.starts >= starts) AS k
	WHERE k.later >= share * labelled;
	SELECT coalesce(sum(k.rows), 0) INTO held_out FROM leadscore.kept_frames AS k WHERE k.name = name AND k.starts >= held_from;
	IF coalesce(labelled, 0) <= held_out THEN
		RAISE EXCEPTION 'too few frames of model "%" have rows', name USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Frames of the window with labelled rows: %s; the latest judge the model.',
				(SELECT count(*) FROM leadscore.kept_frames AS k WHERE k.name = name AND k.starts >= starts AND k.rows > 0)),
			HINT = 'Keep more frames, or choose a longer frames_window.';
	END IF;
END;
$$;

-- The frames that began from one time on and before another as one, weighed by their
-- age at `newest` where the recipe has a half-life: half of it a half-life ago.
CREATE FUNCTION leadscore.merge_frames(name text, "from" timestamptz, before timestamptz, half_life interval DEFAULT NULL,
	newest timestamptz DEFAULT NULL)
RETURNS leadframe
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	lives float8 := extract(epoch FROM newest - "from") / extract(epoch FROM half_life);
BEGIN
	IF lives > 1000 THEN
		RAISE EXCEPTION 'half_life is too short' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('The oldest frame is %s half-lives old: its rows would not count at all.', round(lives));
	END IF;
	RETURN (SELECT @extschema@.lead_frame(CASE WHEN half_life IS NULL THEN k.frame ELSE @extschema@.lead_weigh_frame(k.frame,
			power(0.5::float8, extract(epoch FROM newest - k.ends)::float8 / extract(epoch FROM half_life)::float8)) END)
		FROM leadscore.kept_frames AS k WHERE k.name = name AND k.starts >= "from" AND k.starts < before);
END;
$$;
COMMENT ON FUNCTION leadscore.merge_frames(text, timestamptz, timestamptz, interval, timestamptz) IS
'the kept frames of a time as one, older ones with less weight where there is a half-life';

-- The kept frames that a recipe trains on, as one: those of its window that do not judge.
CREATE FUNCTION leadscore.training_frame(name text, spec jsonb)
RETURNS leadframe
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET IntervalStyle = 'postgres'
AS $$
	SELECT leadscore.set_time_range(
		leadscore.merge_frames($1, w.starts, l."before", (spec #>> '{frames,half_life}')::interval, w.ends), w.starts, l."before")
	FROM leadscore.frames_of_window($1, spec) AS w, LATERAL coalesce(w.held_from, w.ends) AS l("before")
$$;
COMMENT ON FUNCTION leadscore.training_frame(text, jsonb) IS 'the kept frames that a recipe trains on, as one';

-- What leadscore.training_query() finds in a source, found in kept frames.  common are
-- the rows held out that the champion has not seen.
CREATE FUNCTION leadscore.train_on_frames(name text, spec jsonb,
	OUT training lead_trained, OUT refitted lead_trained, OUT holdout leadframe, OUT common leadframe,
	OUT total bigint, OUT labelled bigint, OUT held_out bigint, OUT data_from timestamptz, OUT data_to timestamptz,
	OUT cut jsonb, OUT seen jsonb, OUT duplicates bigint, OUT bagged leadframe)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET IntervalStyle = 'postgres'
AS $$
#variable_conflict use_variable
DECLARE
	w record;
	half_life interval := spec #>> '{frames,half_life}';
	options jsonb := leadscore.fitting_options(spec);
	seen_until timestamptz := leadscore.seen_until(name, spec);
BEGIN
	SELECT * INTO w FROM leadscore.frames_of_window(name, spec);
	total := w.total;
	labelled := w.labelled;
	held_out := w.held_out;
	data_from := w.starts;
	data_to := w.ends;
	duplicates := 0;
	cut := leadscore.last_before(spec, coalesce(w.held_from, w.ends));
	seen := leadscore.last_before(spec, w.ends);
	bagged := leadscore.training_frame(name, spec);
	training := @extschema@.lead_training(bagged, options);
	IF w.held_from IS NOT NULL OR options->>'family' IS DISTINCT FROM 'forest' THEN
		bagged := NULL;
	END IF;
	IF (spec->>'refit')::boolean THEN
		refitted := @extschema@.lead_training(leadscore.set_time_range(
			leadscore.merge_frames(name, w.starts, w.ends, half_life, w.ends), w.starts, w.ends), options);
	END IF;
	IF w.held_from IS NOT NULL THEN
		holdout := leadscore.merge_frames(name, w.held_from, w.ends);
		common := leadscore.merge_frames(name, (SELECT min(k.starts) FROM leadscore.kept_frames AS k
			WHERE k.name = name AND k.starts >= w.held_from AND k.starts > seen_until), w.ends);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.train_on_frames(text, jsonb) IS 'a training by a recipe on kept frames, without a look at the source';

----------------------------------------------------------------------------
-- Forgetting
----------------------------------------------------------------------------

CREATE TYPE lead_forgotten AS (
	what text,
	starts timestamptz,
	rows bigint
);
COMMENT ON TYPE lead_forgotten IS 'a frame that rows were taken out of';
COMMENT ON COLUMN lead_forgotten.what IS 'frame, or which hold-out, and what was deleted of it';
COMMENT ON COLUMN lead_forgotten.starts IS 'of the frame''s period; NULL for a hold-out';

-- Some rows as a frame with the columns of another one: rows of the source that fulfil
-- a condition, given as SQL over s and t.label.
CREATE FUNCTION leadscore.frame_like(frame leadframe, label text, source text, columns jsonb, condition text,
	OUT rows leadframe, OUT total bigint)
LANGUAGE plpgsql
AS $$
DECLARE
	framing pg_catalog.jsonb := leadscore.framing_of(frame);
	names pg_catalog.text[] := leadscore.names_of(framing OPERATOR(pg_catalog.->) 'names');
BEGIN
	PERFORM leadscore.check_columns('column of the frame', names, columns);
	EXECUTE pg_catalog.format('SELECT %s, pg_catalog.count(*) FROM %s AS s CROSS JOIN LATERAL (SELECT (%s) AS label) AS t WHERE %s',
		leadscore.aggregate('lead_frame', names, framing OPERATOR(pg_catalog.-) 'names', 'true', 'frame'), source, label, condition)
	INTO rows, total;
END;
$$;

-- The frame without the rows; what the error says is of which frame.
CREATE FUNCTION leadscore.without_rows(what text, frame leadframe, rows leadframe)
RETURNS leadframe
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	message text;
	detail text;
	hint text;
	state text;
BEGIN
	RETURN leadscore.set_time_range(frame) OPERATOR(@extschema@.-) leadscore.set_time_range(rows);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, state = RETURNED_SQLSTATE;
	RAISE EXCEPTION '%: %', what, message USING ERRCODE = state, DETAIL = detail, HINT = hint;
END;
$$;

-- The recipe by which frames were kept, an error if another role wrote it or if no
-- version has it any more.
CREATE FUNCTION leadscore.keeping_spec(name text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	spec jsonb;
	author text;
BEGIN
	SELECT r.spec, r.started_by INTO spec, author
	FROM leadscore.frame_keeping AS k JOIN leadscore.runs AS r ON r.model = k.name AND leadscore.framing_recipe(r.spec) = k.recipe
	WHERE k.name = name ORDER BY r.started_at DESC LIMIT 1;
	IF spec IS NULL THEN
		RAISE EXCEPTION 'the frames of model "%" were kept by another recipe', name USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'No run has it any more.',
			HINT = format('lead_keep_frames(%L, again => ''-infinity'') frames all rows of the source anew.', name);
	END IF;
	IF NOT leadscore.own_words(name, spec) THEN
		PERFORM leadscore.check_author(format('the recipe of model "%s"', name), author,
			format('Look at spec in leadscore.runs; lead_retrain(%L, adopt => true) makes it your own.', name));
	END IF;
	RETURN spec;
END;
$$;

-- Takes rows out of kept frames.
-- source	a temporary table, where rows stay in their places
CREATE FUNCTION leadscore.forget_frames(name text, source text, columns jsonb)
RETURNS SETOF lead_forgotten
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	spec pg_catalog.jsonb := leadscore.keeping_spec(name);
	here pg_catalog.jsonb := leadscore.current_settings();
	starts pg_catalog.timestamptz;
	places pg_catalog.tid[];
	kept @extschema@.leadframe;
	less record;
	elsewhere pg_catalog.int8 := 0;
BEGIN
	PERFORM leadscore.check_columns('time column', ARRAY[spec OPERATOR(pg_catalog.->>) 'time'], columns);
	PERFORM leadscore.check_columns('column of the label', leadscore.names_of(spec OPERATOR(pg_catalog.->) 'label_columns'), columns);
	PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
	-- the places of each frame's rows, so that all of them together are read once
	FOR starts, places IN EXECUTE pg_catalog.format('SELECT %s AS starts, pg_catalog.array_agg(s.ctid) FROM %s AS s GROUP BY 1 ORDER BY 1',
		leadscore.period_of_row(spec, (SELECT k.period FROM leadscore.frame_keeping AS k WHERE k.name OPERATOR(pg_catalog.=) name)), source)
	LOOP
		SELECT k.frame INTO kept FROM leadscore.kept_frames AS k
		WHERE k.name OPERATOR(pg_catalog.=) name AND k.starts OPERATOR(pg_catalog.=) starts;
		IF kept IS NULL THEN
			elsewhere := elsewhere OPERATOR(pg_catalog.+) pg_catalog.cardinality(places);
			CONTINUE;
		END IF;
		SELECT * INTO less FROM leadscore.frame_like(kept, spec OPERATOR(pg_catalog.->>) 'label', source, columns,
			pg_catalog.format('s.ctid OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.tid[])', places));
		kept := leadscore.without_rows(pg_catalog.concat('frame of ', (starts AT TIME ZONE (spec OPERATOR(pg_catalog.#>>)
			'{options,timezone}'))::pg_catalog.date), kept, less.rows);
		UPDATE leadscore.kept_frames AS k SET rows = c.rows, positives = c.positives, unknown = c.unknown,
			frame = CASE WHEN c.rows OPERATOR(pg_catalog.+) c.unknown OPERATOR(pg_catalog.>) 0 THEN kept END
		FROM leadscore.frame_counts(kept) AS c
		WHERE k.name OPERATOR(pg_catalog.=) name AND k.starts OPERATOR(pg_catalog.=) starts;
		RETURN NEXT ROW ('frame', starts, less.total)::@extschema@.lead_forgotten;
	END LOOP;
	PERFORM leadscore.set_settings(here);
	IF elsewhere OPERATOR(pg_catalog.>) 0 THEN
		RAISE NOTICE '% of the rows are of no period that is kept', elsewhere;
	END IF;
END;
$$;

-- What of a row of s is compared with a bound of a hold-out, as SQL: its time; the start
-- of its day, if the bound is the last moment before a day, as those of kept frames are.
-- On a day whose midnight comes twice, rows are earlier than the start of their day.
CREATE FUNCTION leadscore.compared_with(spec jsonb, bound jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN c->>'type' = 'timestamp with time zone' AND spec #>> '{holdout,column}' = spec->>'time'
			AND date_trunc('day', b.next AT TIME ZONE b.zone) AT TIME ZONE b.zone = b.next
		THEN leadscore.period_of_row(spec, 'day') ELSE format('s.%I', spec #>> '{holdout,column}') END
	FROM jsonb_array_elements(spec->'columns') AS c, LATERAL (SELECT spec #>> '{options,timezone}' AS zone,
		CASE c->>'type' WHEN 'timestamp with time zone' THEN (bound #>> '{}')::timestamptz + interval '1 microsecond' END AS next) AS b
	WHERE c->>'name' = spec #>> '{holdout,column}'
$$;

-- Which rows of a source a version's hold-out has, as SQL over s and t.label: those with
-- a label that were there when it was trained.  A label that is not known is a count
-- there and no data.  Of a row without a time nobody knows when it came: it is taken for
-- one of these, and is an error if it is not.
CREATE FUNCTION leadscore.in_holdout(spec jsonb, cut jsonb, seen jsonb, data_to timestamptz)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT concat_ws(' AND ', 't.label IS NOT NULL',
		CASE WHEN spec #>> '{holdout,by}' = 'time' THEN format('COALESCE(%s OPERATOR(pg_catalog.>) %L::%s, false)',
			leadscore.compared_with(spec, cut), cut #>> '{}', h.type)
		ELSE leadscore.held_out(spec) END,
		CASE WHEN spec #>> '{holdout,by}' = 'time' AND seen IS NOT NULL THEN format('%s OPERATOR(pg_catalog.<=) %L::%s',
			leadscore.compared_with(spec, seen), seen #>> '{}', h.type)
		WHEN data_to IS NOT NULL THEN format('(pg_catalog.isfinite(s.%I::pg_catalog.timestamptz) IS NOT TRUE'
			' OR s.%1$I::pg_catalog.timestamptz OPERATOR(pg_catalog.<=) %2$L::pg_catalog.timestamptz)', spec->>'time', to_json(data_to) #>> '{}') END)
	FROM (SELECT min(c->>'type') AS type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = spec #>> '{holdout,column}') AS h
$$;

-- A hold-out, and what of its version's run tells which rows it has.
CREATE FUNCTION leadscore.holdout_of(name text, version integer,
	OUT frame leadframe, OUT spec jsonb, OUT cut jsonb, OUT seen jsonb, OUT data_to timestamptz, OUT started_by text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT h.frame, r.spec, r.cut, r.seen, r.data_to, r.started_by
	FROM leadscore.holdouts AS h JOIN leadscore.versions AS v USING (name, version) JOIN leadscore.runs AS r USING (run_id)
	WHERE h.name = $1 AND h.version = $2
$$;

-- Takes rows out of one hold-out; how many, NULL if it was dropped for they could not be.
-- Whatever else is wrong, with the rows or with rights, drops nothing.
CREATE FUNCTION leadscore.forget_holdout(name text, version integer, source text, columns jsonb, drop_inexact boolean)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	held record;
	here pg_catalog.jsonb := leadscore.current_settings();
	less record;
	exact @extschema@.leadframe;
	detail pg_catalog.text;
BEGIN
	SELECT * INTO held FROM leadscore.holdout_of(name, version);
	IF NOT leadscore.own_words(name, held.spec) THEN
		PERFORM leadscore.check_author(pg_catalog.format('the recipe of version %s', version), held.started_by,
			'Look at spec in leadscore.runs, or let that role forget the rows.');
	END IF;
	PERFORM leadscore.check_columns('column of the hold-out', ARRAY[held.spec OPERATOR(pg_catalog.#>>) '{holdout,column}'], columns);
	PERFORM leadscore.check_columns('column of the label', leadscore.names_of(held.spec OPERATOR(pg_catalog.->) 'label_columns'), columns);
	PERFORM leadscore.set_settings(held.spec OPERATOR(pg_catalog.->) 'settings');
	SELECT * INTO less FROM leadscore.frame_like(held.frame, held.spec OPERATOR(pg_catalog.->>) 'label', source, columns,
		leadscore.in_holdout(held.spec, held.cut, held.seen, held.data_to));
	PERFORM leadscore.set_settings(here);
	IF less.rows IS NULL THEN
		RETURN less.total;
	END IF;
	BEGIN
		exact := leadscore.without_rows(pg_catalog.concat('hold-out of version ', version), held.frame, less.rows);
	EXCEPTION WHEN data_exception OR datatype_mismatch OR feature_not_supported OR undefined_column THEN
		IF NOT drop_inexact THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
			RAISE EXCEPTION '%', SQLERRM USING ERRCODE = SQLSTATE, DETAIL = detail,
				HINT = 'Give the rows as they were framed, or let go of such hold-outs: holdouts => ''drop''.';
		END IF;
		DELETE FROM leadscore.holdouts AS h WHERE h.name OPERATOR(pg_catalog.=) $1 AND h.version OPERATOR(pg_catalog.=) $2;
		RETURN NULL;
	END;
	UPDATE leadscore.holdouts AS h SET frame = exact
	WHERE h.name OPERATOR(pg_catalog.=) $1 AND h.version OPERATOR(pg_catalog.=) $2;
	RETURN less.total;
END;
$$;

-- What a version keeps of its hold-out (profile, quantiles of its scores, curves), made
-- anew from what is left of it.  It was made with the model as it was judged, and of a
-- refit that one is not stored: then, or without rows, it is only deleted.
-- returns		was it made?
CREATE FUNCTION leadscore.renew_derived(name text, version integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	run uuid;
	judged bytea;
	left_over @extschema@.leadframe;
BEGIN
	SELECT v.run_id, CASE WHEN NOT (r.spec->>'refit')::boolean OR r.spec ? 'recalibrated' THEN v.model END, h.frame
	INTO run, judged, left_over
	FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id) LEFT JOIN leadscore.holdouts AS h USING (name, version)
	WHERE v.name = $1 AND v.version = $2;
	DELETE FROM leadscore.version_profiles AS p WHERE p.name = $1 AND p.version = $2;
	DELETE FROM leadscore.score_quantiles AS q WHERE q.name = $1 AND q.version = $2;
	DELETE FROM leadscore.artifacts AS a WHERE a.run_id = run AND a.path = 'curves.json';
	IF judged IS NULL OR left_over IS NULL OR (leadscore.frame_counts(left_over)).rows = 0 THEN
		RETURN false;
	END IF;
	PERFORM leadscore.keep_score_quantiles($1, $2, judged, left_over);
	PERFORM leadscore.keep_version_profile($1, $2, judged, left_over);
	PERFORM leadscore.keep_curves(run, judged, left_over);
	RETURN true;
END;
$$;
COMMENT ON FUNCTION leadscore.renew_derived(text, integer) IS
'profile, quantiles and curves of a hold-out that rows were taken out of, made anew or deleted';

-- Takes rows out of all hold-outs of a model.
CREATE FUNCTION leadscore.forget_holdouts(name text, source text, columns jsonb, drop_inexact boolean)
RETURNS SETOF lead_forgotten
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	version pg_catalog.int4;
	total pg_catalog.int8;
	renewed pg_catalog.bool;
BEGIN
	FOR version IN SELECT h.version FROM leadscore.holdouts AS h WHERE h.name OPERATOR(pg_catalog.=) name ORDER BY 1 LOOP
		total := leadscore.forget_holdout(name, version, source, columns, drop_inexact);
		IF total OPERATOR(pg_catalog.=) 0 THEN
			CONTINUE;
		END IF;
		renewed := leadscore.renew_derived(name, version);
		RETURN NEXT ROW (pg_catalog.concat('hold-out of version ', version, CASE WHEN total IS NULL THEN ', dropped'
			WHEN NOT renewed THEN ', its profile and curves deleted' END), NULL, total)::@extschema@.lead_forgotten;
	END LOOP;
END;
$$;

-- lead_forget(name, rows): takes rows out of a model's kept frames and hold-outs, which
-- then are, to the byte, what they would be without them.  What was derived from a
-- hold-out (its profile, the quantiles of its scores, its curves) is made anew; of a
-- refit it is deleted, for the model that was judged is not stored.
-- rows			a table or view, or the text of one SELECT, with the columns of the
--				source: the rows as they were framed, values and labels; read once, into
--				a temporary table
-- holdouts		'drop': deletes hold-outs that cannot be made exact; default 'exact'
-- returns		a row per frame that was touched; leadscore.forgettings notes that and when
-- errors		a row that is not in its frame, with the column or the label; nothing is
--				forgotten then; an isolation level above read committed.  Models trained
--				before stay as they are
CREATE FUNCTION lead_forget(name text, rows text, holdouts text DEFAULT 'exact')
RETURNS SETOF lead_forgotten
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	given record;
	source CONSTANT pg_catalog.text := 'pg_temp."leadscore rows"';
	columns pg_catalog.jsonb;
	touched @extschema@.lead_forgotten[];
	total pg_catalog.int8;
BEGIN
	IF rows IS NULL THEN
		RAISE EXCEPTION 'rows must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF holdouts IS NULL OR holdouts OPERATOR(pg_catalog.<>) ALL ('{exact,drop}') THEN
		RAISE EXCEPTION 'invalid value for holdouts: "%"', COALESCE(holdouts, '(null)') USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It is "exact", or "drop" to delete hold-outs that cannot be made exact.';
	END IF;
	-- an older snapshot would not show the hold-outs of a training that ended just now
	IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.!~) '^read' THEN
		RAISE EXCEPTION 'lead_forget() cannot run in a transaction of isolation level %', pg_catalog.current_setting('transaction_isolation')
			USING ERRCODE = 'invalid_transaction_state', DETAIL = 'What was stored since the transaction began would keep the rows.',
				HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_model(name);
	SELECT * INTO given FROM leadscore.resolve_source(rows);
	columns := leadscore.columns_of(given.relation);
	-- read once: all frames must lose the same rows, whatever others write meanwhile
	EXECUTE pg_catalog.concat('CREATE TEMPORARY TABLE "leadscore rows" ON COMMIT DROP AS SELECT * FROM ', given.source, ' AS s');
	GET DIAGNOSTICS total = ROW_COUNT;
	IF given.is_query THEN
		DROP VIEW pg_temp."leadscore source";
	END IF;
	IF EXISTS (SELECT FROM leadscore.kept_frames AS k WHERE k.name OPERATOR(pg_catalog.=) name) THEN
		touched := ARRAY(SELECT f FROM leadscore.forget_frames(name, source, columns) AS f);
	END IF;
	touched := touched OPERATOR(pg_catalog.||) ARRAY(SELECT f
		FROM leadscore.forget_holdouts(name, source, columns, holdouts OPERATOR(pg_catalog.=) 'drop') AS f);
	DROP TABLE pg_temp."leadscore rows";
	IF pg_catalog.cardinality(touched) OPERATOR(pg_catalog.>) 0 THEN
		INSERT INTO leadscore.forgettings (name, rows, frames) VALUES (name, total, pg_catalog.cardinality(touched));
	END IF;
	RETURN QUERY SELECT * FROM pg_catalog.unnest(touched) AS t;
END;
$$;
COMMENT ON FUNCTION lead_forget(text, text, text) IS 'takes rows out of the kept frames and hold-outs of a model, exactly';
