-- ---- over time ----

-- A figure over time.  References, such as a threshold, are a dashed line, with
-- a band where they have an interval.
-- xs			seconds since 1970
-- solid		a dot, else a ring
-- versions	where the next one begins a line stands with its number
CREATE FUNCTION leadscore.plot_series(title text, subtitle text, legend text[], y_label text, form text, xs float8[], ys float8[],
	lows float8[], highs float8[], refs float8[], ref_lows float8[], ref_highs float8[], solid boolean[], zero boolean, versions integer[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n > 0 THEN
		leadscore.svg_document(320, title, subtitle, concat(n, ' values over time, the last is ', CASE form WHEN 'percent'
				THEN leadscore.share_text(last_y) ELSE leadscore.number_text(last_y) END, '.'),
			leadscore.svg_legend(58, '{dot,dash}', '{#0072B2,#6b6b6b}', legend)
			|| coalesce(band, '') || leadscore.svg_axes(p, places, texts, 'Time (UTC)', y_ticks, leadscore.tick_texts(y_ticks, form), y_label)
			|| coalesce(leadscore.svg_line(p, xs, refs, '#6b6b6b', '5 4', 1.5), '')
			|| coalesce(changes, '') || leadscore.svg_line(p, xs, ys, '#0072B2', '', 1.5) || marks)
		ELSE leadscore.svg_note(title, 'Nothing was measured yet.') END
	FROM (SELECT count(y) AS n, min(x) AS first_x, max(x) AS last_x, (array_agg(y ORDER BY i DESC) FILTER (WHERE y IS NOT NULL))[1] AS last_y,
				min(least(y, low, r, rl, CASE WHEN zero THEN 0 END)) AS least,
				max(greatest(nullif(y, 'Infinity'), high, r, rh, CASE WHEN zero THEN 0 END)) AS most	-- what is infinite is drawn on the edge
			FROM unnest(xs, ys, lows, highs, refs, ref_lows, ref_highs) WITH ORDINALITY AS u(x, y, low, high, r, rl, rh, i)) AS s,
		LATERAL leadscore.nice_ticks(least, most) AS y_ticks,
		LATERAL (SELECT first_x - margin AS a, last_x + margin AS b FROM (SELECT greatest((last_x - first_x) * 0.04, 43200) AS margin) AS g) AS t,
		LATERAL leadscore.plane_of(320, a, b, y_ticks[1], y_ticks[cardinality(y_ticks)]) AS p,
		LATERAL leadscore.time_ticks(a, b) AS tt,
		LATERAL (SELECT leadscore.svg_band(p, array_agg(x ORDER BY i), array_agg(rl ORDER BY i), array_agg(rh ORDER BY i), '#e4e4e4') AS band
			FROM unnest(xs, ref_lows, ref_highs) WITH ORDINALITY AS u(x, rl, rh, i) WHERE rl IS NOT NULL AND rh IS NOT NULL) AS bands,
		LATERAL (SELECT string_agg(coalesce(leadscore.svg_rule(at, leadscore.at_y(p, low), at, leadscore.at_y(p, high), '#0072B2', 1.5), '')
				|| leadscore.svg_mark(at, leadscore.at_y(p, y), CASE WHEN filled THEN 'dot' ELSE 'ring' END, '#0072B2',
					concat(to_char(to_timestamp(x) AT TIME ZONE 'UTC', 'YYYY-MM-DD'), ': ', leadscore.number_text(y),
						' (' || leadscore.number_text(low) || ' to ' || leadscore.number_text(high) || ')')), '' ORDER BY i) AS marks
			FROM unnest(xs, ys, lows, highs, solid) WITH ORDINALITY AS u(x, y, low, high, filled, i), LATERAL leadscore.at_x(p, x) AS at
			WHERE y IS NOT NULL) AS m,
		LATERAL (SELECT string_agg(leadscore.svg_rule(at, (p).py1, at, (p).py0, '#6b6b6b', 1, '2 3')
				|| leadscore.svg_text(at, (p).py1 - 2, concat('v', version), 'middle', 11), '' ORDER BY i) AS changes
			FROM (SELECT (x + lag(x) OVER (ORDER BY i)) / 2 AS middle, version, lag(version) OVER (ORDER BY i) AS before, i
				FROM unnest(xs, versions) WITH ORDINALITY AS u(x, version, i)) AS v, LATERAL leadscore.at_x(p, middle) AS at
			WHERE version <> before) AS c;
END;
COMMENT ON FUNCTION leadscore.plot_series(text, text, text[], text, text, float8[], float8[], float8[], float8[], float8[], float8[], float8[],
	boolean[], boolean, integer[]) IS 'a figure over time as SVG';

-- How far a column has drifted, 1 at the threshold: tests by the logarithm of p.
CREATE FUNCTION leadscore.drift_ratio(method text, statistic float8, p_value float8, threshold float8)
RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN method IN ('psi', 'jensenshannon', 'wasserstein') THEN statistic / nullif(threshold, 0)
	WHEN p_value <= 0 THEN 1e9 WHEN threshold > 0 AND threshold < 1 THEN ln(p_value) / ln(threshold) END;
COMMENT ON FUNCTION leadscore.drift_ratio(text, float8, float8, float8) IS 'a drift statistic in units of its threshold';

-- When a run of lead_monitor() stands for.
CREATE FUNCTION leadscore.monitor_time(run leadscore.monitor_run)
RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN extract(epoch FROM coalesce((run).window_to, (run).started_at))::float8;
COMMENT ON FUNCTION leadscore.monitor_time(leadscore.monitor_run) IS 'where a run stands on an axis of time: the end of its window';

-- The runs of a model that can be compared over time: with the source of the newest
-- one that met leads and a window of about its length (months differ by a tenth).
-- Of two with one end the later one counts.
-- others	runs that are left out
CREATE FUNCTION leadscore.comparable_runs(named text, OUT monitor_run_id bigint, OUT version integer, OUT x float8, OUT others bigint)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH runs AS (
		SELECT r.monitor_run_id, r.version, leadscore.monitor_time(r) AS x, r.source, extract(epoch FROM r.window_to - r.window_from)::float8 AS length
		FROM leadscore.monitor_run AS r WHERE r.name = named AND r.rows > 0),
	alike AS (
		SELECT r.*, r.source = newest.source AND (r.length IS NULL AND newest.length IS NULL OR r.length BETWEEN newest.length * 0.89
			AND newest.length / 0.89) AS alike
		FROM runs AS r, (SELECT n.source, n.length FROM runs AS n ORDER BY n.x DESC, n.monitor_run_id DESC LIMIT 1) AS newest)
	SELECT DISTINCT ON (a.x) a.monitor_run_id, a.version, a.x, (SELECT count(*) FROM alike AS o WHERE o.alike IS NOT TRUE)
	FROM alike AS a WHERE a.alike ORDER BY a.x, a.monitor_run_id DESC;
END;
COMMENT ON FUNCTION leadscore.comparable_runs(text) IS 'runs of lead_monitor() with windows of one length and one source';

CREATE FUNCTION leadscore.others_text(others bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN others > 0 THEN concat('; ', others, CASE others WHEN 1 THEN ' look' ELSE ' looks' END, ' not drawn') ELSE '' END;
COMMENT ON FUNCTION leadscore.others_text(bigint) IS 'how many runs comparable_runs() has left out';

-- The newest run of a version, or of another one where it has none; those that rules
-- judge before others.
-- what	look: any; drift, outcomes: that has measured it
CREATE FUNCTION leadscore.run_shown(named text, number integer, what text)
RETURNS bigint
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT r.monitor_run_id FROM leadscore.monitor_run AS r
	WHERE r.name = named AND CASE what WHEN 'look' THEN true WHEN 'drift' THEN r.measured > 0
		ELSE EXISTS (SELECT FROM leadscore.monitor_metric AS m WHERE m.monitor_run_id = r.monitor_run_id AND m.value IS NOT NULL) END
	ORDER BY coalesce(r.version = number, true) DESC,
		EXISTS (SELECT FROM leadscore.judged_looks AS j WHERE j.monitor_run_id = r.monitor_run_id) DESC,
		leadscore.monitor_time(r) DESC, r.monitor_run_id DESC LIMIT 1;
END;
COMMENT ON FUNCTION leadscore.run_shown(text, integer, text) IS 'the run of lead_monitor() that pictures of a version show';

-- Whose a run is, and of when; and that a later one met no leads.
CREATE FUNCTION leadscore.run_text(id bigint)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT concat('Version ', r.version, CASE WHEN r.window_from IS NULL AND r.window_to IS NULL THEN ', the whole source' ELSE concat(': ',
			coalesce(to_char(r.window_from AT TIME ZONE 'UTC', format), 'the first'), ' to ',
			coalesce(to_char(r.window_to AT TIME ZONE 'UTC', format), 'the latest')) END,
		CASE WHEN EXISTS (SELECT FROM leadscore.monitor_run AS n WHERE n.name = r.name AND coalesce(n.rows, 0) = 0
			AND (leadscore.monitor_time(n), n.monitor_run_id) > (leadscore.monitor_time(r), r.monitor_run_id)) THEN '; newest look: no leads' END)
	FROM leadscore.monitor_run AS r, LATERAL (SELECT CASE WHEN r.window_to - r.window_from < interval '1 day' THEN 'YYYY-MM-DD HH24:MI'
		ELSE 'YYYY-MM-DD' END AS format) AS f
	WHERE r.monitor_run_id = id;
END;
COMMENT ON FUNCTION leadscore.run_text(bigint) IS 'the version and the window of a run of lead_monitor()';

-- The last 30 runs of a model that measured a drift.
CREATE FUNCTION leadscore.plot_drift_column(name text, "column" text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.plot_series(concat('Drift of ', left(plot_drift_column."column", 100)), concat('Against the ',
		CASE plot_drift_column."column" WHEN '(score)' THEN 'hold-out' ELSE 'training' END, ', by ',
			string_agg(DISTINCT method, ', '), leadscore.others_text(max(others))),
		'{"statistic (solid: drifted)","threshold"}', 'Statistic', 'number', array_agg(x ORDER BY i), array_agg(statistic ORDER BY i), NULL, NULL,
		array_agg(CASE WHEN method IN ('psi', 'jensenshannon', 'wasserstein') THEN threshold END ORDER BY i), NULL, NULL,
		array_agg(coalesce(drifted, false) ORDER BY i), true, array_agg(version ORDER BY i))
	FROM (SELECT row_number() OVER (ORDER BY x DESC) * -1 AS i, r.version, r.x, r.others, c.*
		FROM leadscore.comparable_runs(plot_drift_column.name) AS r JOIN leadscore.monitor_column AS c USING (monitor_run_id)
		WHERE c."column" = plot_drift_column."column" AND c.against = 'training' ORDER BY i DESC LIMIT 30) AS runs;
END;
COMMENT ON FUNCTION leadscore.plot_drift_column(text, text) IS 'the drift of one column over time as SVG';

-- The last 24 runs, the scores and the 14 columns that drifted most, a cell each.
CREATE FUNCTION leadscore.plot_drift(name text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH runs AS (
		SELECT monitor_run_id, version, others, to_char(to_timestamp(x) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS at, row_number() OVER (ORDER BY x) AS i,
			count(*) OVER () AS n, lag(version) OVER (ORDER BY x) AS version_before
		FROM (SELECT r.* FROM leadscore.comparable_runs(plot_drift.name) AS r
			WHERE EXISTS (SELECT FROM leadscore.monitor_column AS c WHERE c.monitor_run_id = r.monitor_run_id AND c.statistic IS NOT NULL)
			ORDER BY r.x DESC LIMIT 24) AS last),
	cells AS (
		SELECT c."column", i, n, leadscore.drift_ratio(method, statistic, p_value, threshold) AS ratio, position, kind
		FROM runs JOIN leadscore.monitor_column AS c USING (monitor_run_id) WHERE against = 'training'),
	lines AS (
		SELECT "column", row_number() OVER (ORDER BY min(kind) = 'score' DESC NULLS LAST, max(ratio) DESC NULLS LAST, min(position),
			"column" COLLATE "C") AS line,
			count(*) OVER () AS all_of_them
		FROM cells GROUP BY "column" HAVING max(ratio) IS NOT NULL)
	SELECT coalesce((
		SELECT leadscore.svg_document(height, title, concat('Against the training; ', CASE WHEN lines_shown < all_of_them
					THEN concat(lines_shown, ' of ', all_of_them, ' columns') ELSE 'all columns measured' END, leadscore.others_text(others)),
				concat('Drift of ', lines_shown, ' columns in ', n, ' runs, in units of the threshold.'),
				leadscore.svg_legend(58, '{box,box,box,box}', '{#fff,#B7DCEF,#0072B2,#08263F}', '{"< 0.5","0.5 to 1","1 to 2","> 2"}')
				|| leadscore.svg_text(388, 58, 'x the threshold', 'end') || names || '<g stroke="#999">' || boxes || '</g>' || coalesce(changes, '')
				|| leadscore.svg_text(150, height - 26, first_at) || CASE WHEN n > 1 THEN leadscore.svg_text(150 + width * n, height - 26,
					last_at, 'end') ELSE '' END
				|| leadscore.svg_text(378, height - 9, 'Time (UTC): end of the window', 'end'))
		FROM (SELECT max(n) AS n, min(at) FILTER (WHERE i = 1) AS first_at, min(at) FILTER (WHERE i = n) AS last_at, max(others) AS others
			FROM runs) AS r,
			LATERAL (SELECT least(228.0 / n, 60)::float8 AS width) AS w,
			(SELECT least(max(line), 15) AS lines_shown, max(all_of_them) AS all_of_them, 116 + 20 * least(max(line), 15)::float8 AS height,
				string_agg(leadscore.svg_text(144, 68 + 20 * line, leadscore.svg_label("column", 132), 'end'), '' ORDER BY line)
					FILTER (WHERE line <= 15) AS names
			FROM lines) AS l,
			LATERAL (SELECT string_agg(leadscore.svg_rect(150 + width * (i - 1), 54 + 20 * line, width - 1, 19,
					CASE WHEN ratio >= 2 THEN '#08263F' WHEN ratio >= 1 THEN '#0072B2' WHEN ratio >= 0.5 THEN '#B7DCEF' ELSE '#fff' END), ''
						ORDER BY line, i) AS boxes
				FROM cells JOIN lines USING ("column") WHERE line <= 15 AND ratio IS NOT NULL) AS b,
			LATERAL (SELECT string_agg(leadscore.svg_rule(at_x, 68, at_x, height - 42, '#6b6b6b', 1, '2 3')
					|| leadscore.svg_text(at_x, 72, concat('v', version), 'middle', 11), '' ORDER BY i) AS changes
				FROM runs, LATERAL (SELECT 149.5 + width * (i - 1) AS at_x) AS a WHERE version <> version_before) AS v,
			(SELECT 'Drift over time' AS title) AS c
		WHERE n > 0 AND lines_shown > 0), leadscore.svg_note('Drift over time', 'lead_monitor() has measured nothing yet.'));
END;
COMMENT ON FUNCTION leadscore.plot_drift(text) IS 'the drift of the columns over time as SVG';

-- What each column moved the mean score, in a run.
CREATE FUNCTION leadscore.plot_impact(run bigint)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH shown AS (
		SELECT c."column", impact_points AS x, row_number() OVER (ORDER BY abs(impact_points) DESC, position) AS i, count(*) OVER () AS n
		FROM leadscore.monitor_column AS c
		WHERE against = 'training' AND impact_points IS NOT NULL AND kind IS DISTINCT FROM 'score'
			AND monitor_run_id = run)
	SELECT CASE WHEN lines > 0 THEN
		leadscore.svg_document(height, title, leadscore.run_text(run),
			concat('Percentage points by which ', lines, ' columns moved the mean score.'),
			leadscore.svg_legend(58, '{box,box}', '{#0072B2,#F3CF80}', '{"raises the score","lowers it"}')
			|| leadscore.svg_axes(p, ticks, leadscore.tick_texts(ticks), 'Points of the mean score since the training (first-order)', '{}', '{}', '')
			|| bars || leadscore.svg_rule(zero, 72, zero, (p).py0))
		ELSE leadscore.svg_note(title, 'lead_monitor() has measured nothing yet.') END
	FROM (SELECT count(*) AS lines, least(min(x), 0) AS least, greatest(max(x), 0) AS most, 118 + 20 * count(*) AS height FROM shown
		WHERE i <= 12) AS s,
		LATERAL leadscore.nice_ticks(least, most, 4) AS ticks,
		LATERAL (SELECT ROW(150, 344, height - 44, 74, ticks[1], ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL leadscore.at_x(p, 0) AS zero,
		LATERAL (SELECT string_agg(leadscore.svg_text(144, 68 + 20 * i, leadscore.svg_label("column", 132), 'end')
				|| leadscore.svg_rect(least(zero, at), 57 + 20 * i, abs(at - zero), 14, CASE WHEN x < 0 THEN '#F3CF80' ELSE '#0072B2' END,
					CASE WHEN x < 0 THEN '#9A6A00' ELSE 'none' END)
				|| leadscore.svg_text((p).px1 + 48, 68 + 20 * i, round(x::numeric, 2)::text, 'end', 11), '' ORDER BY i) AS bars
			FROM shown, LATERAL leadscore.at_x(p, x) AS at WHERE i <= 12) AS b,
		(SELECT 'Impact of the drift' AS title) AS c;
END;
COMMENT ON FUNCTION leadscore.plot_impact(bigint) IS 'what each column moved the mean score in a run, as SVG';

-- How metrics are called and written.
CREATE FUNCTION leadscore.metric_names(OUT metric text, OUT title text, OUT form text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	VALUES ('auc', 'AUC', 'number'), ('average_precision', 'Average precision', 'number'), ('log_loss', 'Log loss', 'number'),
		('brier', 'Brier score', 'number'), ('calibration_slope', 'Calibration slope', 'number'),
		('calibration_intercept', 'Calibration intercept', 'number'), ('lift_10', 'Lift of the best tenth', 'number'),
		('positive_rate', 'Positive rate', 'percent'), ('mean_score', 'Mean score', 'percent'), ('ks', 'KS', 'number'),
		('threshold', 'Threshold', 'number'), ('precision', 'Precision at the threshold', 'percent'), ('recall', 'Recall at the threshold',
			'percent'),
		('accuracy', 'Accuracy at the threshold', 'percent'), ('f1', 'F1 at the threshold', 'number');
END;
COMMENT ON FUNCTION leadscore.metric_names() IS 'names of metrics for people';

-- The last 30 runs of a model that measured a metric.
CREATE FUNCTION leadscore.plot_quality(name text, metric text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.plot_series(min(m.title) || ' over time', concat('On outcomes known, with 95 % intervals', leadscore.others_text(max(others))),
		'{"observed","the hold-out, with its interval"}',
		min(m.title), min(m.form), array_agg(x ORDER BY i), array_agg(value ORDER BY i), array_agg(low ORDER BY i), array_agg(high ORDER BY i),
		array_agg(reference ORDER BY i), array_agg(reference_low ORDER BY i), array_agg(reference_high ORDER BY i), array_agg(true
			ORDER BY i), false, array_agg(version ORDER BY i))
	FROM leadscore.metric_names() AS m LEFT JOIN
		(SELECT row_number() OVER (ORDER BY x DESC) * -1 AS i, r.version, r.x, r.others, q.*
		FROM leadscore.comparable_runs(plot_quality.name) AS r JOIN leadscore.monitor_metric AS q USING (monitor_run_id)
		WHERE q.metric = plot_quality.metric AND q.value IS NOT NULL ORDER BY i DESC LIMIT 30) AS runs ON runs.metric = m.metric
	WHERE m.metric = plot_quality.metric;
END;
COMMENT ON FUNCTION leadscore.plot_quality(text, text) IS 'a metric over time as SVG';

-- ---- by name ----

-- keep_curves(run, model, holdout): the curves of the rows that judged a version,
-- as the run's artifact curves.json, for those who may not see the rows.  Called
-- once the run has its metrics: the areas are those.
-- model	as it was judged
-- out_of_bag	the rows are a forest's own, and their scores those out of the bag
--
-- Of the points of ROC and precision those are taken that lie a thousandth apart in
-- true or in false positives, which is less than a pixel and at most 2,000.
CREATE FUNCTION leadscore.keep_curves(run uuid, model bytea, holdout leadframe, out_of_bag boolean DEFAULT false)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.artifacts (run_id, path, body)
	WITH scores AS MATERIALIZED (SELECT * FROM leadscore.judging_scores($2, $3, $4)),
	totals AS (SELECT sum(positives)::float8 AS p, sum(negatives)::float8 AS n, leadscore.nice_ticks(greatest(min(score) - 0.01, 0),
		least(max(score) + 0.01, 1), 21) AS edge FROM scores),
	ranked AS (SELECT sum(positives::float8) OVER falling AS tp, sum(negatives::float8) OVER falling AS fp
		FROM scores WINDOW falling AS (ORDER BY score DESC)),
	points AS (
		SELECT max(tp) AS tp, max(fp) AS fp FROM ranked, totals GROUP BY floor(tp * 1000 / nullif(p, 0)), floor(fp * 1000 / nullif(n, 0))
		UNION ALL SELECT 0, 0),
	curves AS (
		SELECT array_agg(ROW(NULL, fp / nullif(n, 0), tp / nullif(p, 0), tp, fp)::@extschema@.lead_roc_point ORDER BY fp, tp) AS roc,
			array_agg(ROW(NULL, tp / (tp + fp), tp / nullif(p, 0), tp, fp)::@extschema@.lead_pr_point ORDER BY tp DESC, fp DESC)
				FILTER (WHERE tp + fp > 0) AS pr
		FROM points, totals),
	-- most rows are no other's equal: a series for each of them would take longest
	leads AS (
		SELECT score, true AS won FROM scores WHERE positives > 0
		UNION ALL SELECT score, false FROM scores WHERE negatives > 0
		UNION ALL SELECT score, true FROM scores, generate_series(2, positives) WHERE positives > 1
		UNION ALL SELECT score, false FROM scores, generate_series(2, negatives) WHERE negatives > 1),
	bins AS (SELECT @extschema@.lead_calibration(score, won) AS calibration, @extschema@.lead_lift(score, won) AS lift FROM leads),
	counts AS (
		SELECT i, sum(positives) AS positives, sum(negatives) AS negatives
		FROM scores, totals, LATERAL least(width_bucket(score, edge), cardinality(edge) - 1) AS i GROUP BY i),
	areas AS (SELECT max(value) FILTER (WHERE key = b.prefix || 'auc') AS auc,
			max(value) FILTER (WHERE key = b.prefix || 'average_precision') AS ap
		FROM leadscore.metrics, (SELECT CASE WHEN $4 THEN 'oob.' ELSE '' END AS prefix) AS b WHERE run_id = $1)
	SELECT $1, 'curves.json', jsonb_build_object('roc', leadscore.curve_of(roc) || jsonb_build_object('area', auc),
		'pr', leadscore.curve_of(pr) || jsonb_build_object('area', ap), 'calibration', calibration, 'lift', lift,
		'scores', (SELECT jsonb_agg(jsonb_build_array(edge[i], edge[i + 1], coalesce(c.positives, 0), coalesce(c.negatives, 0)) ORDER BY i)
			FROM totals, generate_series(1, cardinality(edge) - 1) AS i LEFT JOIN counts AS c USING (i)))::text
	FROM curves, bins, areas
$$;
COMMENT ON FUNCTION leadscore.keep_curves(uuid, bytea, leadframe, boolean) IS 'keeps the curves of a version''s held-out rows, for pictures';

-- The version behind 'name', 'name@alias' or 'name@3': of a bare name the
-- champion, or the newest where none is live; NULL where there is no version.
-- errors	as lead_model_version(), and a name that there is not
CREATE FUNCTION leadscore.picture_version(reference text, OUT name text, OUT version integer, OUT run_id uuid)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	name := split_part(reference, '@', 1);
	PERFORM leadscore.require_model(name);
	IF position('@' IN reference) > 0 THEN
		version := @extschema@.lead_model_version(reference);
	ELSE
		SELECT v.version INTO version
		FROM leadscore.versions AS v LEFT JOIN leadscore.aliases AS a ON a.name = v.name AND a.version = v.version AND a.alias = 'champion'
		WHERE v.name = name ORDER BY a.alias IS NULL, v.version DESC LIMIT 1;
	END IF;
	SELECT v.run_id INTO run_id FROM leadscore.versions AS v WHERE v.name = name AND v.version = version;
END;
$$;
COMMENT ON FUNCTION leadscore.picture_version(text) IS 'the version that pictures of a model show';

-- A picture of the curves that a run has kept.
CREATE FUNCTION leadscore.plot_kept(run uuid, what text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((
		SELECT CASE what WHEN 'roc' THEN leadscore.plot_roc(doc->'roc') WHEN 'pr' THEN leadscore.plot_pr(doc->'pr')
			WHEN 'calibration' THEN lead_plot((SELECT array_agg(b ORDER BY b.bin)
				FROM jsonb_populate_recordset(NULL::lead_calibration_bin, nullif(doc->'calibration', 'null')) AS b))
			WHEN 'lift' THEN lead_plot((SELECT array_agg(t ORDER BY t.tile) FROM jsonb_populate_recordset(NULL::lead_lift_tile,
				nullif(doc->'lift', 'null')) AS t))
			WHEN 'scores' THEN (SELECT leadscore.plot_scores(array_agg((s->>0)::float8 ORDER BY i), array_agg((s->>1)::float8 ORDER BY i),
					array_agg((s->>2)::bigint ORDER BY i), array_agg((s->>3)::bigint ORDER BY i))
				FROM jsonb_array_elements(nullif(doc->'scores', 'null')) WITH ORDINALITY AS e(s, i)) END
		FROM leadscore.artifacts AS a, LATERAL (SELECT a.body::jsonb AS doc) AS d WHERE a.run_id = run AND a.path = 'curves.json'),
		leadscore.svg_note(CASE what WHEN 'roc' THEN 'ROC curve' WHEN 'pr' THEN 'Precision and recall' WHEN 'calibration' THEN 'Calibration'
			WHEN 'lift' THEN 'Lift' ELSE 'Scores by outcome' END, 'No rows were held out to judge this version.'));
END;
COMMENT ON FUNCTION leadscore.plot_kept(uuid, text) IS 'a curve of the rows that judged a version, as SVG';

-- A column in a monitored window, and in what it was compared with.
CREATE FUNCTION leadscore.plot_monitored(run bigint, "column" text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((
		SELECT leadscore.plot_column(CASE "column" WHEN '(score)' THEN h.holdout ELSE lead_profile(v.model) END, r.profile, "column",
			CASE "column" WHEN '(score)' THEN 'hold-out' ELSE 'training' END, 'now', leadscore.run_text(run))
		FROM leadscore.monitor_run AS r JOIN leadscore.versions AS v USING (name, version)
			LEFT JOIN leadscore.version_profiles AS h USING (name, version)
		WHERE r.monitor_run_id = run AND r.profile IS NOT NULL),
		leadscore.svg_note(left("column", 100), 'lead_monitor() has measured nothing yet.'));
END;
COMMENT ON FUNCTION leadscore.plot_monitored(bigint, text) IS 'a column in a monitored window, and in what it was compared with, as SVG';

-- lead_plot(name, what [, column]): a picture of a model of the registry.
-- name		'name', 'name@alias', 'name@3', as for lead_score(); with a bare name the
--			newest version where none is live
-- what		roc, pr, calibration, lift, scores: of the rows that judged the version;
--			coefficients; of lead_monitor()'s runs: drift (of all columns, or of
--			one), impact, column (before and now), quality (of a metric)
-- column	for column and drift; '(score)' is the scores; for quality the name of a
--			metric, default auc
-- errors	a model, version, kind of picture, column or metric that there is not
CREATE FUNCTION lead_plot(name text, what text, "column" text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known CONSTANT text[] := '{roc,pr,calibration,lift,scores,coefficients,drift,impact,column,quality}';
	metrics text[];
	shown record;
BEGIN
	IF name IS NULL OR what IS NULL THEN
		RETURN leadscore.svg_note('Nothing to draw', 'The name of a model, or of the kind of picture, is NULL.');
	END IF;
	SELECT * INTO shown FROM leadscore.picture_version(name);
	what := lower(what);
	IF what <> ALL (known) THEN
		RAISE EXCEPTION 'unknown picture "%"', what USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Pictures are: %s.', array_to_string(known, ', '));
	ELSIF "column" IS NOT NULL AND what NOT IN ('drift', 'column', 'quality') THEN
		RAISE EXCEPTION 'the picture "%" is not of a column', what USING ERRCODE = 'invalid_parameter_value',
			HINT = 'A column goes with: drift, column; a metric with: quality.';
	END IF;
	IF what IN ('drift', 'column') AND "column" IS NOT NULL AND EXISTS (SELECT FROM leadscore.monitor_run AS r WHERE r.name = shown.name)
		AND NOT EXISTS (SELECT FROM leadscore.monitor_column AS c JOIN leadscore.monitor_run AS r USING (monitor_run_id)
			WHERE r.name = shown.name AND c."column" = "column") THEN
		RAISE EXCEPTION 'no run of lead_monitor() has a column "%"', "column" USING ERRCODE = 'undefined_column',
			HINT = coalesce((SELECT format('Columns that are watched: %s.', string_agg(DISTINCT c."column", ', ')) FROM leadscore.monitor_column AS c
				WHERE c.monitor_run_id = leadscore.run_shown(shown.name, shown.version, 'drift') HAVING count(*) > 0), 'The newest look has measured no column.');
	END IF;
	CASE what
		WHEN 'coefficients' THEN
			RETURN coalesce((SELECT @extschema@.lead_plot(v.model) FROM leadscore.versions AS v WHERE v.run_id = shown.run_id),
				leadscore.svg_note('Coefficients', 'No version was trained yet.'));
		WHEN 'drift' THEN
			RETURN CASE WHEN "column" IS NULL THEN leadscore.plot_drift(shown.name) ELSE leadscore.plot_drift_column(shown.name, "column") END;
		WHEN 'impact' THEN
			RETURN leadscore.plot_impact(leadscore.run_shown(shown.name, shown.version, 'drift'));
		WHEN 'column' THEN
			IF "column" IS NULL THEN
				RAISE EXCEPTION 'which column is to be drawn?' USING ERRCODE = 'invalid_parameter_value',
					HINT = format('Write lead_plot(%L, ''column'', ''city'').', name);
			END IF;
			RETURN leadscore.plot_monitored(leadscore.run_shown(shown.name, shown.version, 'drift'), "column");
		WHEN 'quality' THEN
			metrics := '{auc,log_loss,brier,calibration_slope,calibration_intercept,lift_10,positive_rate,mean_score}';
			IF coalesce("column", 'auc') <> ALL (metrics) THEN
				RAISE EXCEPTION 'unknown metric "%"', "column" USING ERRCODE = 'invalid_parameter_value',
					HINT = format('Metrics are: %s.', array_to_string(metrics, ', '));
			END IF;
			RETURN leadscore.plot_quality(shown.name, coalesce("column", 'auc'));
		ELSE
			RETURN leadscore.plot_kept(shown.run_id, what);
	END CASE;
END;
$$;
COMMENT ON FUNCTION lead_plot(text, text, text) IS 'a picture of a model of the registry, as SVG';
