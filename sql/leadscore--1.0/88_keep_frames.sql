----------------------------------------------------------------------------
-- Frames by the day, and forgetting
----------------------------------------------------------------------------

/*
 *	lead_keep_frames(name, period, maturity)	-> a row per frame that was made
 *	lead_retrain(name, frames_window => …)		trains on kept frames alone
 *	lead_forget(name, rows)						takes rows out of frames and hold-outs
 *
 * A model's rows, framed by the day or week of their time and kept once they are
 * mature: a training merges frames instead of reading the source.  Days and weeks
 * are those of the model's time zone, weeks begin on Monday.  A frame holds the
 * rows and labels as they were when it was kept.
 */

CREATE TABLE leadscore.frame_keeping (
	name text PRIMARY KEY REFERENCES leadscore.models ON UPDATE CASCADE ON DELETE CASCADE,
	period text NOT NULL CHECK (period IN ('day', 'week')),
	maturity interval NOT NULL CHECK (maturity >= '0'),
	recipe jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE leadscore.frame_keeping IS 'how the frames of a model are kept';
COMMENT ON COLUMN leadscore.frame_keeping.maturity IS 'how long after its end a period is framed: by then outcomes are known';
COMMENT ON COLUMN leadscore.frame_keeping.recipe IS 'what of the model''s recipe decides how rows are framed; it is compared, never run';

CREATE TABLE leadscore.kept_frames (
	name text NOT NULL REFERENCES leadscore.frame_keeping ON UPDATE CASCADE ON DELETE CASCADE,
	starts timestamptz NOT NULL,
	ends timestamptz NOT NULL CHECK (ends > starts),
	frame leadframe,
	rows bigint NOT NULL,
	positives bigint NOT NULL,
	unknown bigint NOT NULL,
	kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (name, starts)
);
COMMENT ON TABLE leadscore.kept_frames IS 'a frame per day or week of a model''s rows; not for readers, for it holds data';
COMMENT ON COLUMN leadscore.kept_frames.frame IS 'NULL: no rows';
COMMENT ON COLUMN leadscore.kept_frames.rows IS 'labelled rows';
COMMENT ON COLUMN leadscore.kept_frames.positives IS 'of these, labels that are true';
COMMENT ON COLUMN leadscore.kept_frames.unknown IS 'rows whose label was NULL when the frame was kept';

CREATE TABLE leadscore.forgettings (
	name text NOT NULL,
	forgotten_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	forgotten_by text NOT NULL DEFAULT current_user,
	rows bigint NOT NULL,
	frames bigint NOT NULL
);
CREATE INDEX ON leadscore.forgettings (name, forgotten_at);
COMMENT ON TABLE leadscore.forgettings IS 'that rows were forgotten, not which: no data, no foreign key, so that it outlives the model';
COMMENT ON COLUMN leadscore.forgettings.rows IS 'rows that were given';
COMMENT ON COLUMN leadscore.forgettings.frames IS 'frames and hold-outs that they were taken out of';

SELECT pg_catalog.pg_extension_config_dump('leadscore.frame_keeping', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.kept_frames', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.forgettings', '');

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON
	leadscore.frame_keeping, leadscore.kept_frames TO @extowner@ WITH GRANT OPTION;
GRANT SELECT, INSERT ON leadscore.forgettings TO @extowner@ WITH GRANT OPTION;

CREATE FUNCTION leadscore.frame_counts(frame leadframe, OUT rows bigint, OUT positives bigint, OUT unknown bigint)
AS 'MODULE_PATHNAME', 'lead_frame_counts' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION leadscore.frame_counts(leadframe) IS 'labelled rows of a frame, positives among them, and rows without a label';

-- The range of times whose values a frame does not hold; without bounds it has none,
-- and rows can be taken out exactly.
CREATE FUNCTION leadscore.set_time_range(frame leadframe, low timestamptz DEFAULT NULL, high timestamptz DEFAULT NULL)
RETURNS leadframe AS 'MODULE_PATHNAME', 'lead_set_time_range' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION leadscore.set_time_range(leadframe, timestamptz, timestamptz) IS 'a frame with another range of its times, or with none';

-- {"names": […], "columns": {…}, …} that frame rows with the same columns, as lead_frame_columns() takes them.
CREATE FUNCTION leadscore.framing_of(frame leadframe)
RETURNS jsonb AS 'MODULE_PATHNAME', 'lead_framing_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION leadscore.framing_of(leadframe) IS 'the options that frame rows with the columns of this frame';

----------------------------------------------------------------------------
-- A recipe in two halves: framing and fitting
----------------------------------------------------------------------------

-- Those of a spec's options that act when a frame is built.
CREATE FUNCTION leadscore.framing_options(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(spec->'options')
			WHERE key IN ('group', 'max_distinct', 'offset', 'time', 'timezone', 'weight')), '{}')
		|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(key, jsonb_build_object('parts', value->'parts')))
			FROM jsonb_each(spec #> '{options,columns}') WHERE value ? 'parts' HAVING count(*) > 0), '{}')
$$;

-- Those that act when it is fitted.
CREATE FUNCTION leadscore.fitting_options(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (spec->'options') - '{group,max_distinct,offset,time,timezone,weight,columns}'::text[]
		|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(key, value - 'parts'))
			FROM jsonb_each(spec #> '{options,columns}') WHERE value - 'parts' <> '{}' HAVING count(*) > 0), '{}')
$$;

-- What of a recipe decides how rows are framed: also the settings, unless source and
-- label are no more than a table and a column of it.
CREATE FUNCTION leadscore.framing_recipe(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('source', spec->'source', 'label', spec->'label', 'features', spec->'features',
		'time', spec->'time', 'options', leadscore.framing_options(spec))
		|| CASE WHEN spec->>'scan' = 'table' AND spec->>'label' = format('s.%I', spec->'label_columns'->>0) THEN '{}'
			ELSE spec->'settings' END
$$;
COMMENT ON FUNCTION leadscore.framing_recipe(jsonb) IS 'what of a model''s recipe decides how its rows are framed';

-- The type of the time column; an error unless it tells days.
CREATE FUNCTION leadscore.day_type(spec jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text;
BEGIN
	SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = spec->>'time';
	IF type IN ('date', 'timestamp without time zone', 'timestamp with time zone') THEN
		RETURN type;
	END IF;
	RAISE EXCEPTION '%', CASE WHEN type IS NULL THEN 'the model has no time column'
			ELSE format('the time column "%s" is of type %s and has no days', spec->>'time', type) END
		USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'Frames are kept by the day or week in which a lead was created.',
			HINT = 'Train it once more with lead_train_model(…, time_column => …), a date or timestamp.';
END;
$$;
COMMENT ON FUNCTION leadscore.day_type(jsonb) IS 'the type of a model''s time column, an error unless it has days';

-- The start of the period in which a row of s lies, as SQL.
CREATE FUNCTION leadscore.period_of_row(spec jsonb, period text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('(pg_catalog.date_trunc(%L, %s) AT TIME ZONE %L)', period,
		CASE leadscore.day_type(spec)
			WHEN 'timestamp with time zone' THEN format('s.%I AT TIME ZONE %L', spec->>'time', spec #>> '{options,timezone}')
			WHEN 'date' THEN format('s.%I::pg_catalog.timestamp', spec->>'time')
			ELSE format('s.%I', spec->>'time') END,
		spec #>> '{options,timezone}')
$$;

-- A parameter of type timestamptz as a value of the time column, as SQL.
CREATE FUNCTION leadscore.as_time(spec jsonb, parameter text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE leadscore.day_type(spec)
		WHEN 'timestamp with time zone' THEN parameter
		WHEN 'date' THEN format('(%s AT TIME ZONE %L)::pg_catalog.date', parameter, spec #>> '{options,timezone}')
		ELSE format('(%s AT TIME ZONE %L)', parameter, spec #>> '{options,timezone}') END
$$;

----------------------------------------------------------------------------
-- Keeping
----------------------------------------------------------------------------

-- The first period that has rows, NULL if there are none.
CREATE FUNCTION leadscore.first_period(spec jsonb, period text)
RETURNS timestamptz
LANGUAGE plpgsql
AS $$
DECLARE
	earliest pg_catalog.timestamptz;
	timeless pg_catalog.int8;
BEGIN
	EXECUTE pg_catalog.format('SELECT pg_catalog.min(%s) FILTER (WHERE pg_catalog.isfinite(s.%I)), '
		'pg_catalog.count(*) FILTER (WHERE pg_catalog.isfinite(s.%2$I) IS NOT TRUE) FROM %s AS s',
		leadscore.period_of_row(spec, period), spec OPERATOR(pg_catalog.->>) 'time', spec OPERATOR(pg_catalog.->>) 'source')
	INTO earliest, timeless;
	IF timeless OPERATOR(pg_catalog.>) 0 THEN
		RAISE WARNING '% rows are in no frame: their time "%" is NULL or infinite', timeless, spec OPERATOR(pg_catalog.->>) 'time';
	END IF;
	RETURN earliest;
END;
$$;

-- last, an error if there are more than 10,000 periods until then: some lead has a time
-- that is none, and all the empty periods from or until then would be kept.
CREATE FUNCTION leadscore.check_span(name text, first timestamp, last timestamp, period text)
RETURNS timestamp
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint := floor(extract(epoch FROM last - first) / (CASE period WHEN 'week' THEN 604800 ELSE 86400 END)) + 1;
BEGIN
	IF n > 10000 THEN
		RAISE EXCEPTION '% frames are too many to be made at once', n USING ERRCODE = 'program_limit_exceeded',
			DETAIL = format('The first, of the earliest lead, would begin on %s, the last on %s; at most 10000 %ss are framed in one call.',
				first::date, last::date, period),
			HINT = format('Correct the time of leads that cannot be of then, or begin later, lead_keep_frames(%L, again => …); '
				'so many frames are made in several calls, until => ….', name);
	END IF;
	RETURN last;
END;
$$;
COMMENT ON FUNCTION leadscore.check_span(text, timestamp, timestamp, text) IS 'an error where more than 10,000 frames were to be made at once';

-- The query that frames the periods from $1 to $2: one scan of the source.  Where a
-- clock is put back at midnight rows lie an hour before the start of their period:
-- the range of times, for an index, is a day wider.
CREATE FUNCTION leadscore.keeping_query(spec jsonb, period text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('SELECT t.starts, %s FROM %s AS s CROSS JOIN LATERAL (SELECT (%s) AS label, %s AS starts) AS t'
		' WHERE s.%I OPERATOR(pg_catalog.>=) %s AND s.%5$I OPERATOR(pg_catalog.<) %7$s'
		' AND t.starts OPERATOR(pg_catalog.>=) $1 AND t.starts OPERATOR(pg_catalog.<) $2 GROUP BY t.starts',
		leadscore.aggregate('lead_frame', ARRAY(SELECT jsonb_array_elements_text(spec->'features')),
			leadscore.framing_options(spec), 'true', 'frame'),
		spec->>'source', spec->>'label', leadscore.period_of_row(spec, period), spec->>'time',
		leadscore.as_time(spec, '($1 OPERATOR(pg_catalog.-) ''1 day''::pg_catalog.interval)'),
		leadscore.as_time(spec, '($2 OPERATOR(pg_catalog.+) ''1 day''::pg_catalog.interval)'))
$$;
COMMENT ON FUNCTION leadscore.keeping_query(jsonb, text) IS 'the query that frames a model''s rows period by period: one scan of the source';

-- What was chosen before and what is asked for now, written down; an error if frames
-- that are kept would not fit those to come.  All of them go with again = '-infinity'.
CREATE FUNCTION leadscore.choose_keeping(name text, spec jsonb, period text, maturity interval, again timestamptz)
RETURNS leadscore.frame_keeping
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	kept leadscore.frame_keeping;
	recipe jsonb := leadscore.framing_recipe(spec);
	different text;
	earliest timestamptz := (SELECT min(k.starts) FROM leadscore.kept_frames AS k WHERE k.name = name);
BEGIN
	SELECT k.* INTO kept FROM leadscore.frame_keeping AS k WHERE k.name = name;
	IF period IS NOT NULL AND period NOT IN ('day', 'week') THEN
		RAISE EXCEPTION 'invalid period: "%"', period USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Frames are kept by the "day" or by the "week".';
	END IF;
	IF maturity IS NULL AND kept IS NULL THEN
		RAISE EXCEPTION 'how long does it take until an outcome is known?' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'A lead that is framed earlier stays what it was then, lost or unknown.',
			HINT = 'Say it once: maturity => ''30 days''.';
	END IF;
	IF maturity < '0' THEN
		RAISE EXCEPTION 'maturity must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	different := CASE WHEN kept.period <> period THEN format('They are kept by the %s.', kept.period)
		ELSE 'Different are: ' || (SELECT string_agg(r.key, ', ' ORDER BY r.key) FROM jsonb_each(recipe) AS r
			WHERE r.value IS DISTINCT FROM kept.recipe->r.key) || '.' END;
	IF different IS NOT NULL AND earliest < coalesce(again, 'infinity') THEN
		RAISE EXCEPTION 'the frames of model "%" were kept by another recipe', name USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = different, HINT = format('lead_keep_frames(%L, again => ''-infinity'') frames all rows of the source anew.', name);
	END IF;
	INSERT INTO leadscore.frame_keeping AS k (name, period, maturity, recipe)
	VALUES (name, coalesce(period, kept.period, 'day'), coalesce(maturity, kept.maturity), recipe)
	ON CONFLICT ON CONSTRAINT frame_keeping_pkey DO UPDATE
		SET period = excluded.period, maturity = excluded.maturity, recipe = excluded.recipe
	RETURNING k.* INTO kept;
	RETURN kept;
END;
$$;

-- An error if frames that were replaced have lost all their rows, for the source has
-- none of their time any more; a notice where they have fewer.
-- gone			rows of leadscore.kept_frames as they were
-- since		frames that begin then or later are new
CREATE FUNCTION leadscore.check_replaced(name text, gone jsonb, since timestamptz, zone text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	found record;
BEGIN
	-- no period is as long as eight days
	SELECT count(*) FILTER (WHERE n.rows < g.rows + g.unknown) AS fewer, count(*) FILTER (WHERE n.rows = 0) AS lost,
		sum(g.rows + g.unknown) FILTER (WHERE n.rows = 0) AS rows, min(g.starts) FILTER (WHERE n.rows = 0) AS first,
		max(g.starts) FILTER (WHERE n.rows = 0) AS last,
		array_agg((g.starts AT TIME ZONE zone)::date ORDER BY g.starts) FILTER (WHERE n.rows = 0) AS days
	INTO found
	FROM jsonb_to_recordset(gone) AS g(starts timestamptz, ends timestamptz, rows bigint, unknown bigint),
		LATERAL (SELECT coalesce(sum(k.rows + k.unknown), 0) AS rows FROM leadscore.kept_frames AS k
			WHERE k.name = name AND k.starts >= since AND k.starts > g.starts - interval '8 days'
				AND k.starts < g.ends AND k.ends > g.starts) AS n
	WHERE g.rows + g.unknown > 0;
	IF found.lost > 0 THEN
		RAISE EXCEPTION 'the source has no rows any more for % of the frames to be made anew', found.lost
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('%s kept rows would be lost. Their frames begin on %s%s.', found.rows, array_to_string(found.days[:5], ', '),
					CASE WHEN found.lost > 5 THEN format(' and %s more days until %s', found.lost - 5, found.days[found.lost]) END),
				HINT = format('Frame anew from a later time on, or let go of them first: '
					'DELETE FROM leadscore.kept_frames WHERE name = %L AND starts BETWEEN %L AND %L.', name, found.first, found.last);
	END IF;
	IF found.fewer > 0 THEN
		RAISE NOTICE 'frames that have fewer rows than before: %', found.fewer;
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_replaced(text, jsonb, timestamptz, text) IS 'an error where frames that were made anew have lost what was kept';

-- lead_keep_frames(name, …): frames the rows of each complete period that has matured
-- and is not kept yet, in one scan of the source, and keeps the frames.
-- name			a model with a time column of type date or timestamp
-- period		'day' or 'week', of the model's time zone; default day, or as before
-- maturity		how long after a period's end its outcomes are known; needed once
-- until		now: periods are kept that ended by this time less maturity
-- again		frame the periods from this time until `until` anew, for rows or labels
--				that came late; '-infinity' for all.  Without it a kept frame never changes
-- returns		a row per period: action 'kept', or 'kept again'.  rows have a label,
--				unknown have none.  A period without rows is kept as well, once there are
--				rows after it: until then they may be about to come.  'dropped' is a frame
--				without rows where none are left before or after it, or one that is not
--				mature by another recipe or period
-- errors		a frame whose rows the source has no more, instead of losing them; more than
--				10,000 periods from the first to the last lead; no time column; frames kept by another recipe or period, or while a column
--				had another type; a recipe that another role wrote; those of the source
CREATE FUNCTION lead_keep_frames(name text, period text DEFAULT NULL, maturity interval DEFAULT NULL,
	until timestamptz DEFAULT NULL, again timestamptz DEFAULT NULL,
	OUT starts timestamptz, OUT ends timestamptz, OUT rows bigint, OUT positives bigint, OUT unknown bigint, OUT action text)
RETURNS SETOF record
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	spec pg_catalog.jsonb;
	chosen leadscore.frame_keeping;
	here pg_catalog.jsonb := leadscore.current_settings();
	zone pg_catalog.text;
	step pg_catalog.interval;
	"from" pg_catalog.timestamptz;
	"to" pg_catalog.timestamptz;
	framed_to pg_catalog.timestamptz;
	before leadscore.frame_keeping;
	unlike pg_catalog.bool;
	gone pg_catalog.jsonb;
BEGIN
	PERFORM leadscore.lock(name);
	spec := leadscore.last_spec(name);
	PERFORM leadscore.day_type(spec);
	zone := spec OPERATOR(pg_catalog.#>>) '{options,timezone}';
	SELECT k.* INTO before FROM leadscore.frame_keeping AS k WHERE k.name OPERATOR(pg_catalog.=) name;
	chosen := leadscore.choose_keeping(name, spec, period, maturity, again);
	unlike := (before.period, before.recipe) OPERATOR(pg_catalog.<>) (chosen.period, chosen.recipe);
	step := pg_catalog.concat('1 ', chosen.period);
	"to" := pg_catalog.date_trunc(chosen.period, (COALESCE(until, pg_catalog.now()) AT TIME ZONE zone)
		OPERATOR(pg_catalog.-) chosen.maturity) AT TIME ZONE zone;
	"from" := (SELECT pg_catalog.max(k.ends) FROM leadscore.kept_frames AS k WHERE k.name OPERATOR(pg_catalog.=) name);

	PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
	again := CASE WHEN pg_catalog.isfinite(again) THEN pg_catalog.date_trunc(chosen.period, again AT TIME ZONE zone) AT TIME ZONE zone
		ELSE again END;
	-- what comes after `until` stays, unless it does not fit any more
	WITH d AS (
		DELETE FROM leadscore.kept_frames AS k
		WHERE k.name OPERATOR(pg_catalog.=) name AND k.starts OPERATOR(pg_catalog.>=) again
			AND (unlike OR k.starts OPERATOR(pg_catalog.<) "to") RETURNING k.starts, k.ends, k.rows, k.positives, k.unknown)
	SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(d)), '[]'), GREATEST("to", pg_catalog.max(d.ends)) INTO gone, framed_to FROM d;
	IF "from" IS NULL OR again OPERATOR(pg_catalog.<) "from" THEN
		"from" := leadscore.first_period(spec, chosen.period);
		"from" := GREATEST("from", CASE WHEN again OPERATOR(pg_catalog.>) '-infinity' THEN again END);
	END IF;
	IF "from" OPERATOR(pg_catalog.<) framed_to THEN
		EXECUTE pg_catalog.format('WITH f AS MATERIALIZED (%s)
			INSERT INTO leadscore.kept_frames (name, starts, ends, frame, rows, positives, unknown)
			SELECT $3, p.starts AT TIME ZONE $4, (p.starts OPERATOR(pg_catalog.+) $5) AT TIME ZONE $4,
				leadscore.set_time_range(f.frame), COALESCE(c.rows, 0), COALESCE(c.positives, 0), COALESCE(c.unknown, 0)
			FROM pg_catalog.generate_series(pg_catalog.date_trunc($6, $1 AT TIME ZONE $4),
					CASE WHEN EXISTS (SELECT FROM leadscore.kept_frames AS k WHERE k.name OPERATOR(pg_catalog.=) $3
						AND k.starts OPERATOR(pg_catalog.>=) $2) THEN ($2 AT TIME ZONE $4) OPERATOR(pg_catalog.-) $5
					ELSE leadscore.check_span($3, $1 AT TIME ZONE $4, (SELECT pg_catalog.max(f.starts) FROM f) AT TIME ZONE $4, $6) END,
					$5) AS p(starts)
				LEFT JOIN f ON f.starts OPERATOR(pg_catalog.=) (p.starts AT TIME ZONE $4)
				LEFT JOIN LATERAL leadscore.frame_counts(f.frame) AS c ON true',
			leadscore.keeping_query(spec, chosen.period)) USING "from", framed_to, name, zone, step, chosen.period;
		-- an error where a column has another type by now: the frames could not be one
		PERFORM @extschema@.lead_frame(k.frame) FROM (
			(SELECT f.frame FROM leadscore.kept_frames AS f WHERE f.name OPERATOR(pg_catalog.=) name
				AND f.starts OPERATOR(pg_catalog.<) "from" AND f.rows OPERATOR(pg_catalog.>) 0 ORDER BY f.starts DESC LIMIT 1)
			UNION ALL
			(SELECT f.frame FROM leadscore.kept_frames AS f WHERE f.name OPERATOR(pg_catalog.=) name
				AND f.starts OPERATOR(pg_catalog.>=) "from" AND f.rows OPERATOR(pg_catalog.>) 0 ORDER BY f.starts LIMIT 1)
			UNION ALL
			(SELECT f.frame FROM leadscore.kept_frames AS f WHERE f.name OPERATOR(pg_catalog.=) name
				AND f.starts OPERATOR(pg_catalog.>=) framed_to AND f.rows OPERATOR(pg_catalog.>) 0 ORDER BY f.starts LIMIT 1)) AS k;
	END IF;
	PERFORM leadscore.set_settings(here);
	PERFORM leadscore.check_replaced(name, gone, "from", zone);
	DELETE FROM leadscore.kept_frames AS k
	WHERE unlike AND k.name OPERATOR(pg_catalog.=) name AND k.starts OPERATOR(pg_catalog.>=) "to";
	RETURN QUERY SELECT k.starts, k.ends, k.rows, k.positives, k.unknown, CASE WHEN g.starts IS NULL THEN 'kept' ELSE 'kept again' END
	FROM leadscore.kept_frames AS k LEFT JOIN pg_catalog.jsonb_to_recordset(gone) AS g(starts pg_catalog.timestamptz)
		ON g.starts OPERATOR(pg_catalog.=) k.starts
	WHERE k.name OPERATOR(pg_catalog.=) name AND k.starts OPERATOR(pg_catalog.>=) "from" AND k.starts OPERATOR(pg_catalog.<) "to"
	UNION ALL
	SELECT g.starts, g.ends, g.rows, g.positives, g.unknown, 'dropped'
	FROM pg_catalog.jsonb_to_recordset(gone) AS g(starts pg_catalog.timestamptz, ends pg_catalog.timestamptz,
		rows pg_catalog.int8, positives pg_catalog.int8, unknown pg_catalog.int8)
	WHERE NOT EXISTS (SELECT FROM leadscore.kept_frames AS k WHERE k.name OPERATOR(pg_catalog.=) name
		AND k.starts OPERATOR(pg_catalog.>) (g.starts OPERATOR(pg_catalog.-) '8 days'::pg_catalog.interval)
		AND k.starts OPERATOR(pg_catalog.<) g.ends AND k.ends OPERATOR(pg_catalog.>) g.starts)
	ORDER BY 1;
END;
$$;
COMMENT ON FUNCTION lead_keep_frames(text, text, interval, timestamptz, timestamptz) IS
'frames a model''s rows by the day or week once they are mature, and keeps the frames';
