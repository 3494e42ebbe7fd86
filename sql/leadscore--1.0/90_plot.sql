----------------------------------------------------------------------------
-- Pictures, drawn with 90_draw.sql
----------------------------------------------------------------------------

-- lead_drift_bins(reference, current, column): how one column is distributed on
-- both sides, a row per bin, to look at (the statistics of lead_drift() keep to
-- bins of their own).
-- column		numbers and times: intervals of a round width, low <= x < high, the
--				last one closed; where a side's outermost 0.5 % lie far off they are
--				one open bin, low or high infinite; at most so many different numbers
--				are a bin each, low = high; texts: the most frequent levels, then
--				"(other)", low and high NULL; "(null)" comes last; of columns that are
--				only counted, or counted by a hash, "(any value)"
-- bins			at most so many, 1 … 200, those of tails, (other) and (null) not
--				counted; default 20 intervals or 12 levels
-- low, high	times in seconds since 1970
-- share		of all rows of the side, NULLs included; NULL without rows, or where
--				the profile lacks the column
-- NULL			profile or column: no rows
-- errors		a column that neither has; one of another kind
CREATE FUNCTION lead_drift_bins(reference leadprofile, current leadprofile, "column" text, bins integer DEFAULT NULL,
	OUT bin integer, OUT level text, OUT low double precision, OUT high double precision,
	OUT rows_before bigint, OUT rows_now bigint, OUT share_before double precision, OUT share_now double precision)
RETURNS SETOF record AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION lead_drift_bins(leadprofile, leadprofile, text, integer) IS
'how one column is distributed in two profiles, in bins that a person can read';

-- ---- curves of a score ----

-- lead_plot(…): a picture as SVG.  What is empty or NULL gives one that says so.

-- A curve as it is drawn and stored: {"x", "y", "area", "positives", "negatives"},
-- the points that can be seen in 328 columns, and the exact area below all of them.
CREATE FUNCTION leadscore.curve_document(xs float8[], ys float8[], area float8, positives bigint, negatives bigint)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('x', jsonb_agg(round(xs[i]::numeric, 5) ORDER BY i), 'y', jsonb_agg(round(ys[i]::numeric, 5) ORDER BY i),
		'area', area, 'positives', positives, 'negatives', negatives)
	FROM unnest(leadscore.visible_points(xs, ys, 328)) AS i;
END;
COMMENT ON FUNCTION leadscore.curve_document(float8[], float8[], float8, bigint, bigint) IS 'a curve thinned to what can be seen';

CREATE FUNCTION leadscore.numbers(list jsonb)
RETURNS float8[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg((x #>> '{}')::float8 ORDER BY i) FROM jsonb_array_elements(list) WITH ORDINALITY AS e(x, i);
END;
COMMENT ON FUNCTION leadscore.numbers(jsonb) IS 'the numbers of a JSON array';

CREATE FUNCTION leadscore.curve_of(curve lead_roc_point[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT leadscore.curve_document(array_agg(fpr ORDER BY i), array_agg(tpr ORDER BY i), sum((fpr - fpr_before) * (tpr + tpr_before) / 2),
		max(tp), max(fp))
	FROM (SELECT c.*, lag(fpr) OVER (ORDER BY i) AS fpr_before, lag(tpr) OVER (ORDER BY i) AS tpr_before
		FROM unnest(curve) WITH ORDINALITY AS c(threshold, fpr, tpr, tp, fp, i) WHERE fpr BETWEEN 0 AND 1 AND tpr BETWEEN 0 AND 1) AS points
	HAVING count(*) > 1;
END;
COMMENT ON FUNCTION leadscore.curve_of(lead_roc_point[]) IS 'a ROC curve as it is drawn and stored; NULL where there is none';

-- Two corners a point: between two thresholds the precision is that of the lower.
CREATE FUNCTION leadscore.curve_of(curve lead_pr_point[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT leadscore.curve_document(array_agg(x ORDER BY i DESC, corner), array_agg(precision ORDER BY i DESC, corner),
		sum((recall - before) * precision) FILTER (WHERE corner = 1), max(tp), max(fp))
	FROM (SELECT c.*, lag(recall, 1, 0::float8) OVER (ORDER BY i DESC) AS before
			FROM unnest(curve) WITH ORDINALITY AS c(threshold, precision, recall, tp, fp, i)
			WHERE precision BETWEEN 0 AND 1 AND recall BETWEEN 0 AND 1 AND tp + fp > 0) AS steps,
		LATERAL (VALUES (1, before), (2, recall)) AS v(corner, x)
	HAVING max(tp) > 0;
END;
COMMENT ON FUNCTION leadscore.curve_of(lead_pr_point[]) IS 'precision and recall as they are drawn and stored; NULL where there are none';

CREATE FUNCTION leadscore.plot_roc(curve jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN jsonb_typeof(curve->'x') = 'array' AND curve->>'area' IS NOT NULL THEN
		leadscore.svg_document(432, title, concat('AUC ', auc, ' of ', leadscore.rows_text((curve->>'positives')::numeric), ' positives, ',
				leadscore.rows_text((curve->>'negatives')::numeric), ' negatives'),
			concat('True positive rate over false positive rate; the area below the curve is ', auc, '.'),
			leadscore.svg_legend(58, '{line,dash}', '{#0072B2,#6b6b6b}', '{"the score","chance"}')
			|| leadscore.svg_axes(p, ticks, texts, 'False positive rate', ticks, texts, 'True positive rate')
			|| leadscore.svg_line(p, '{0,1}', '{0,1}', '#6b6b6b', '5 4', 1.5)
			|| leadscore.svg_line(p, leadscore.numbers(curve->'x'), leadscore.numbers(curve->'y'), '#0072B2'))
		ELSE leadscore.svg_note(title, 'No curve: it takes leads of both outcomes.') END
	FROM (SELECT 'ROC curve' AS title, '{0,0.2,0.4,0.6,0.8,1}'::float8[] AS ticks) AS c,
		leadscore.plane_of(432, 0, 1, 0, 1) AS p, leadscore.number_text((curve->>'area')::float8) AS auc,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts;
END;
COMMENT ON FUNCTION leadscore.plot_roc(jsonb) IS 'a ROC curve of curve_of() as SVG';

CREATE FUNCTION leadscore.plot_pr(curve jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN jsonb_typeof(curve->'x') = 'array' THEN
		leadscore.svg_document(432, title, concat('Average precision ', ap, '; ', leadscore.share_text(base), ' of all are positives'),
			concat('Precision over recall; the average precision is ', ap, ', that of chance ', leadscore.number_text(base), '.'),
			leadscore.svg_legend(58, '{line,dash}', '{#0072B2,#6b6b6b}', '{"the score","chance"}')
			|| leadscore.svg_axes(p, ticks, texts, 'Recall: share of the positives that are found', ticks, texts,
				'Precision: share of positives among those picked')
			|| leadscore.svg_line(p, '{0,1}', ARRAY[base, base], '#6b6b6b', '5 4', 1.5)
			|| leadscore.svg_line(p, leadscore.numbers(curve->'x'), leadscore.numbers(curve->'y'), '#0072B2'))
		ELSE leadscore.svg_note(title, 'No curve: there are no positives.') END
	FROM leadscore.plane_of(432, 0, 1, 0, 1) AS p, leadscore.number_text((curve->>'area')::float8) AS ap,
		(SELECT 'Precision and recall' AS title, '{0,0.2,0.4,0.6,0.8,1}'::float8[] AS ticks, (curve->>'positives')::float8
				/ ((curve->>'positives')::float8 + (curve->>'negatives')::float8) AS base) AS c,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts;
END;
COMMENT ON FUNCTION leadscore.plot_pr(jsonb) IS 'precision and recall of curve_of() as SVG';

-- The points of lead_roc_curve().
CREATE FUNCTION lead_plot(curve lead_roc_point[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.plot_roc(leadscore.curve_of(curve));
COMMENT ON FUNCTION lead_plot(lead_roc_point[]) IS 'ROC curve as SVG';

-- The points of lead_pr_curve().
CREATE FUNCTION lead_plot(curve lead_pr_point[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.plot_pr(leadscore.curve_of(curve));
COMMENT ON FUNCTION lead_plot(lead_pr_point[]) IS 'precision and recall as SVG';

-- The bins of lead_calibration().
CREATE FUNCTION lead_plot(bins lead_calibration_bin[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN count > 0 THEN
		leadscore.svg_document(432, title, concat('Expected calibration error ', leadscore.share_text(ece), ' over ', count, ' bins of ',
				leadscore.rows_text(total), ' leads'),
			concat('Observed rate over mean score in ', count, ' bins with 95 % intervals; on the diagonal a score can be taken at its word.'),
			leadscore.svg_legend(58, '{dot,dash}', '{#0072B2,#6b6b6b}', '{"a bin, with its 95 % interval","as predicted"}')
			|| leadscore.svg_axes(p, ticks, texts, 'Mean score', ticks, texts, 'Observed rate')
			|| leadscore.svg_line(p, ARRAY[(p).x0, (p).x1], ARRAY[(p).y0, (p).y1], '#6b6b6b', '5 4', 1.5) || marks)
		ELSE leadscore.svg_note(title, 'No bins: there are no leads with a score and an outcome.') END
	FROM (SELECT count(*) AS count, sum(n) AS total, sum(n * abs(rate - mean_score)) / sum(n) AS ece, min(least(mean_score, low, rate)) AS least,
				max(greatest(mean_score, high, rate)) AS most
			FROM unnest(bins) WHERE n > 0) AS b,
		LATERAL leadscore.nice_ticks(least, most, 6) AS ticks,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts,
		LATERAL leadscore.plane_of(432, ticks[1], ticks[cardinality(ticks)], ticks[1], ticks[cardinality(ticks)]) AS p,
		LATERAL (SELECT string_agg(leadscore.svg_rule(x, leadscore.at_y(p, low), x, leadscore.at_y(p, high), '#0072B2', 2)
				|| leadscore.svg_mark(x, leadscore.at_y(p, rate), 'dot', '#0072B2', concat(leadscore.rows_text(n), ' leads, mean score ',
					leadscore.share_text(mean_score), ', observed ', leadscore.share_text(rate), ', 95 % interval ', leadscore.share_text(low),
					' to ', leadscore.share_text(high))), '' ORDER BY bin) AS marks
			FROM unnest(bins), LATERAL leadscore.at_x(p, mean_score) AS x WHERE n > 0) AS m,
		(SELECT 'Calibration' AS title) AS c;
END;
COMMENT ON FUNCTION lead_plot(lead_calibration_bin[]) IS 'observed over predicted rates as SVG';

-- The tiles of lead_lift().
CREATE FUNCTION lead_plot(tiles lead_lift_tile[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN count > 0 AND most IS NOT NULL THEN
		leadscore.svg_document(320, title, concat('Tile 1 of ', count, ': ', leadscore.number_text(first_lift, 2), ' times the average, ',
				leadscore.share_text(first_gain), ' of the positives'),
			concat('Lift by tile, the leads with the highest scores first; the first of ', count, ' tiles has a lift of ',
				leadscore.number_text(first_lift), '.'),
			leadscore.svg_legend(58, '{box,dash}', '{#0072B2,#333}', '{"lift: rate of the tile / average rate","average"}')
			|| leadscore.svg_axes(p, x_ticks, x_texts, 'Tile of the leads, highest scores first', y_ticks, leadscore.tick_texts(y_ticks), 'Lift')
			|| bars || leadscore.svg_line(p, ARRAY[(p).x0, (p).x1], '{1,1}', '#333', '5 4', 1.5)
			|| CASE WHEN count <= 10 THEN texts ELSE '' END)
		ELSE leadscore.svg_note(title, 'No lift: it takes positives.') END
	FROM (SELECT count(*) AS count, max(lift) AS most, min(lift) FILTER (WHERE tile = 1) AS first_lift, min(gain)
		FILTER (WHERE tile = 1) AS first_gain
			FROM unnest(tiles)) AS t,
		LATERAL leadscore.nice_ticks(0, greatest(most, 1)) AS y_ticks,
		LATERAL leadscore.plane_of(320, 0.5, count + 0.5, 0, y_ticks[cardinality(y_ticks)]) AS p,
		LATERAL (SELECT array_agg(i::float8 ORDER BY i) AS x_ticks, array_agg(i::text ORDER BY i) AS x_texts
			FROM generate_series(1, count, greatest(ceil(count / 20.0)::bigint, 1)) AS i) AS x,
		LATERAL (SELECT string_agg(leadscore.svg_rect(left_x, top, width, (p).py0 - top, '#0072B2', 'none', concat('Tile ', tile, ': ',
					leadscore.number_text(positives), ' of ', leadscore.number_text(n), ' positive, lift ', leadscore.number_text(lift), ', gain ',
					leadscore.share_text(gain))), '' ORDER BY tile) AS bars,
				string_agg(CASE WHEN (p).py0 - top > 20 THEN leadscore.svg_text(left_x + width / 2, (p).py0 - 6, round(lift::numeric, 2)::text, 'middle', 11, '#fff')
					ELSE leadscore.svg_text(left_x + width / 2, top - 4, round(lift::numeric, 2)::text, 'middle', 11) END, '' ORDER BY tile) AS texts
			FROM unnest(tiles), LATERAL (SELECT leadscore.at_x(p, tile - 0.4) AS left_x, leadscore.at_x(p, tile + 0.4) - leadscore.at_x(p,
				tile - 0.4) AS width,
				leadscore.at_y(p, lift) AS top) AS at) AS b,
		(SELECT 'Lift' AS title) AS c;
END;
COMMENT ON FUNCTION lead_plot(lead_lift_tile[]) IS 'lift by tile as SVG';

-- How the scores of both outcomes are distributed: rows by interval.
CREATE FUNCTION leadscore.plot_scores(lows float8[], highs float8[], positives bigint[], negatives bigint[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN won + lost > 0 THEN
		leadscore.svg_document(320, title, 'Share of the leads of either outcome',
			concat('How the scores of ', won, ' positives and of ', lost, ' negatives are distributed.'),
			leadscore.svg_legend(58, '{box,line}', '{#F3CF80,#0072B2}', ARRAY[concat('negative (', leadscore.rows_text(lost), ')'),
				concat('positive (', leadscore.rows_text(won), ')')])
			|| leadscore.svg_axes(p, x_ticks, leadscore.tick_texts(x_ticks, 'percent'), 'Score', y_ticks, leadscore.tick_texts(y_ticks, 'percent'),
				'Share of the outcome')
			|| leadscore.svg_step(p, lows, highs, b.shares, '#9A6A00', '#F3CF80', 1) || leadscore.svg_step(p, lows, highs, a.shares, '#0072B2'))
		ELSE leadscore.svg_note(title, 'No scores: there are no leads with an outcome.') END
	FROM (SELECT coalesce(sum(x), 0) AS won FROM unnest(positives) AS x) AS w, (SELECT coalesce(sum(x), 0) AS lost
		FROM unnest(negatives) AS x) AS l,
		LATERAL (SELECT array_agg((x / greatest(won, 1))::float8 ORDER BY i) AS shares, max((x / greatest(won, 1))::float8) AS most
			FROM unnest(positives) WITH ORDINALITY AS u(x, i)) AS a,
		LATERAL (SELECT array_agg((x / greatest(lost, 1))::float8 ORDER BY i) AS shares, max((x / greatest(lost, 1))::float8) AS most
			FROM unnest(negatives) WITH ORDINALITY AS u(x, i)) AS b,
		LATERAL leadscore.nice_ticks(CASE WHEN lows[1] > 0.1 THEN lows[1] ELSE 0 END, CASE WHEN highs[cardinality(highs)] < 0.9
			THEN highs[cardinality(highs)] ELSE 1 END, 6) AS x_ticks, LATERAL leadscore.nice_ticks(0, greatest(a.most,
			b.most)) AS y_ticks,
		LATERAL leadscore.plane_of(320, CASE WHEN lows[1] > 0.1 THEN lows[1] ELSE 0 END,
			CASE WHEN highs[cardinality(highs)] < 0.9 THEN highs[cardinality(highs)] ELSE 1 END, 0, y_ticks[cardinality(y_ticks)]) AS p,
		(SELECT 'Scores by outcome' AS title) AS c;
END;
COMMENT ON FUNCTION leadscore.plot_scores(float8[], float8[], bigint[], bigint[]) IS 'the distribution of scores by outcome as SVG';

-- ---- a model ----

-- The coefficients with the largest effect: by standard deviation of their design
-- columns, so that they can be compared; the odds ratio stands beside them.
-- top	1 … 200
CREATE FUNCTION lead_plot(model bytea, top integer DEFAULT 20)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH effects AS (
		SELECT name, level, odds_ratio, std_estimate AS effect, CASE WHEN estimate <> 0 THEN ci_low * std_estimate / estimate END AS low,
			CASE WHEN estimate <> 0 THEN ci_high * std_estimate / estimate END AS high,
			row_number() OVER (ORDER BY abs(std_estimate) DESC, name COLLATE "C") AS i, count(*) OVER () AS all_of_them
		FROM lead_coefficients(leadscore.line_of(model)) WHERE std_estimate IS NOT NULL AND "column" IS NOT NULL),
	shown AS (SELECT * FROM effects WHERE i <= least(greatest(top, 1), 200))
	SELECT CASE WHEN n > 0 THEN
		leadscore.svg_document(height, title, concat(CASE WHEN n < total THEN concat('The ', n, ' largest of ', total) ELSE 'All' END,
				CASE WHEN intervals THEN ', with 95 % intervals' ELSE '; a fit with this penalty has no intervals' END),
			concat('Effects of ', n, ' design columns on the log-odds, per standard deviation, the largest first.'),
			leadscore.svg_legend(58, '{dot,ring}', '{#0072B2,#D55E00}', '{"raises the score","lowers it"}')
			|| leadscore.svg_axes(p, ticks, leadscore.tick_texts(ticks), 'Effect on the log-odds per standard deviation', '{}', '{}', '')
			|| leadscore.svg_text(392, 78, 'odds x', 'end') || leadscore.svg_rule(zero, 84, zero, (p).py0, '#333', 1, '2 2') || marks)
		ELSE leadscore.svg_note(title, 'There are no coefficients but the intercept.') END
	FROM (SELECT count(*) AS n, max(all_of_them) AS total, bool_or(low IS NOT NULL) AS intervals, least(min(least(low, effect)), 0) AS least,
				greatest(max(greatest(high, effect)), 0) AS most, 130 + 18 * count(*) AS height FROM shown) AS s,
		LATERAL leadscore.nice_ticks(least, most, 6) AS nice,
		LATERAL (SELECT array_agg(t ORDER BY t) AS ticks FROM unnest(nice) AS t WHERE t BETWEEN least AND most) AS inside,
		LATERAL (SELECT ROW(210, 346, height - 44, 84, least, CASE WHEN most > least THEN most ELSE least + 1 END, 0, 1)::leadscore.plane AS p) AS q,
		LATERAL leadscore.at_x(p, 0) AS zero,
		LATERAL (SELECT string_agg(leadscore.svg_text(204, y + 4, label, 'end')
				|| coalesce(leadscore.svg_rule(leadscore.at_x(p, low), y, leadscore.at_x(p, high), y, colour, 2), '')
				|| leadscore.svg_mark(leadscore.at_x(p, effect), y, shape, colour, concat(left(name, 100), ': ', leadscore.number_text(effect),
					' per standard deviation', ' (' || leadscore.number_text(low) || ' to ' || leadscore.number_text(high) || ')'))
				|| coalesce(leadscore.svg_text(392, y + 4, leadscore.number_text(odds_ratio), 'end'), ''), '' ORDER BY i) AS marks
			FROM shown, LATERAL (SELECT 77 + 18 * i AS y, CASE WHEN effect < 0 THEN 'ring' ELSE 'dot' END AS shape,
				CASE WHEN effect < 0 THEN '#D55E00' ELSE '#0072B2' END AS colour) AS look,
				-- the column is cut before its level is
				LATERAL (SELECT CASE WHEN level IS NOT NULL AND right(name, length(level) + 1) = '=' || level AND room > 40
						THEN leadscore.svg_label(left(name, -length(level) - 1), room) || '=' || leadscore.xml_text(level)
						ELSE leadscore.svg_label(name, 196) END AS label
					FROM (SELECT 196 - 12 * leadscore.text_width('=' || left(level, 100)) AS room) AS r) AS named) AS m,
		(SELECT 'Coefficients' AS title) AS c;
END;
COMMENT ON FUNCTION lead_plot(bytea, integer) IS 'the largest effects of a model, with intervals, as SVG';

-- ---- a column and the label ----

-- cells	rows of lead_describe_label(), of one column
CREATE FUNCTION leadscore.plot_rates(title text, cells jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH shown AS (
		SELECT c->>'level' AS level, (c->>'rows')::float8 AS rows, (c->>'positives')::float8 AS positives, (c->>'rate')::float8 AS rate,
			(c->>'rate_low')::float8 AS low, (c->>'rate_high')::float8 AS high, (c->>'woe')::float8 AS woe,
			(c->>'information_value')::float8 AS iv, i
		FROM jsonb_array_elements(cells) WITH ORDINALITY AS e(c, i))
	SELECT CASE WHEN lines > 0 THEN
		leadscore.svg_document(height, coalesce(title, 'Column'), concat('Information value ', coalesce(leadscore.number_text(iv), 'unknown'),
				CASE WHEN total > lines THEN concat('; ', lines, ' of ', total, ' levels') END),
			concat('Rate of the label in ', lines, ' levels or bins, with 95 % intervals.'),
			leadscore.svg_legend(58, '{dot,dash}', '{#0072B2,#6b6b6b}', ARRAY['rate, with its 95 % interval',
				'of all: ' || leadscore.share_text(base)])
			|| leadscore.svg_axes(p, ticks, leadscore.tick_texts(ticks, 'percent'), 'Rate of positives', '{}', '{}', '')
			|| leadscore.svg_text(392, 78, 'rows', 'end')
			|| coalesce(leadscore.svg_rule(leadscore.at_x(p, base), 84, leadscore.at_x(p, base), (p).py0, '#6b6b6b', 1.5, '5 4'), '') || marks)
		ELSE leadscore.svg_note(coalesce(title, 'Column'), 'Nothing to show: there are no rows with a label.') END
	FROM (SELECT least(count(*), 30) AS lines, count(*) AS total, max(iv) AS iv, sum(positives) / nullif(sum(rows), 0) AS base,
				max(high) FILTER (WHERE i <= 30) AS most, 130 + 18 * least(count(*), 30) AS height FROM shown) AS s,
		LATERAL leadscore.nice_ticks(0, greatest(most, base), 4) AS ticks,
		LATERAL (SELECT ROW(150, 336, height - 44, 84, 0, ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL (SELECT string_agg(leadscore.svg_text(144, y + 4, leadscore.svg_label(CASE level WHEN '' THEN '""' ELSE level END, 132), 'end')
				|| coalesce(leadscore.svg_rule(leadscore.at_x(p, low), y, leadscore.at_x(p, high), y, '#0072B2', 2), '')
				|| coalesce(leadscore.svg_mark(leadscore.at_x(p, rate), y, 'dot', '#0072B2', concat(left(level, 100), ': ',
					leadscore.share_text(rate), ' (' || leadscore.share_text(low) || ' to ' || leadscore.share_text(high) || ')',
					', weight of evidence ' || leadscore.number_text(woe))), '')
				|| leadscore.svg_text(392, y + 4, leadscore.rows_text(rows::numeric), 'end'), '' ORDER BY i) AS marks
			FROM shown, LATERAL (SELECT 77 + 18 * i::float8 AS y) AS at WHERE i <= 30) AS m;
END;
COMMENT ON FUNCTION leadscore.plot_rates(text, jsonb) IS 'rates by level or bin as SVG';

-- ---- a column, before and now ----

-- Bars, two a level: what lead_drift_bins() gives of levels and of few numbers.
CREATE FUNCTION leadscore.plot_levels(title text, subtitle text, legend text[], levels text[], before float8[], now float8[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT leadscore.svg_document(height, title, subtitle,
		concat('Shares of ', cardinality(levels), ' values, before and now, as pairs of bars.'),
		leadscore.svg_legend(58, '{box,box}', '{#F3CF80,#0072B2}', legend)
		|| leadscore.svg_axes(p, ticks, leadscore.tick_texts(ticks, 'percent'), 'Share of the rows', '{}', '{}', '') || bars)
	FROM (SELECT max(x) AS most FROM unnest(before || now) AS x) AS s,
		LATERAL leadscore.nice_ticks(0, coalesce(nullif(most, 0), 1), 4) AS ticks, (SELECT 122 + 30 * cardinality(levels) AS height) AS t,
		LATERAL (SELECT ROW(130, 344, height - 44, 74, 0, ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL (SELECT string_agg(leadscore.svg_text(124, y + 17, leadscore.svg_label(level, 116), 'end')
				|| coalesce(leadscore.svg_rect((p).px0, y, leadscore.at_x(p, a) - (p).px0, 12, '#F3CF80', '#9A6A00', concat(level, ' before: ',
					leadscore.share_text(a)))
					|| leadscore.svg_text(leadscore.at_x(p, a) + 4, y + 10, leadscore.xml_text(leadscore.share_text(a)), 'start', 11), '')
				|| coalesce(leadscore.svg_rect((p).px0, y + 12, leadscore.at_x(p, b) - (p).px0, 12, '#0072B2', 'none', concat(level, ' now: ',
					leadscore.share_text(b)))
					|| leadscore.svg_text(leadscore.at_x(p, b) + 4, y + 22, leadscore.xml_text(leadscore.share_text(b)), 'start', 11), ''),
				'' ORDER BY i) AS bars
			FROM unnest(levels, before, now) WITH ORDINALITY AS u(given, a, b, i),
				LATERAL (SELECT 50 + 30 * i AS y, CASE given WHEN '' THEN '""' ELSE left(given, 100) END AS level) AS at) AS m;
END;
COMMENT ON FUNCTION leadscore.plot_levels(text, text, text[], text[], float8[], float8[]) IS 'shares by level, before and now, as SVG';

-- Two histograms over intervals; an open bin is as wide as its neighbour.
CREATE FUNCTION leadscore.plot_intervals(title text, subtitle text, legend text[], missing text, lows float8[], highs float8[], before float8[],
	now float8[], form text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT leadscore.svg_document(320, title, subtitle, concat('Shares of the rows in ', cardinality(lows), ' intervals, before and now.'),
		leadscore.svg_legend(58, '{box,line}', '{#F3CF80,#0072B2}', legend)
		|| leadscore.svg_axes(p, x_ticks, x_texts, CASE WHEN open_low AND open_high THEN 'first and last interval: all beyond'
				WHEN open_high THEN 'last interval: all beyond' WHEN open_low THEN 'first interval: all below' ELSE '' END,
			y_ticks, leadscore.tick_texts(y_ticks, 'percent'), 'Share of the rows')
		|| leadscore.svg_text(388, 78, leadscore.xml_text(missing), 'end')
		|| coalesce(leadscore.svg_step(p, a, b, before, '#9A6A00', '#F3CF80', 1), '') || coalesce(leadscore.svg_step(p, a, b, now, '#0072B2'), ''))
	FROM (SELECT lows[1] = '-Infinity' AS open_low, highs[cardinality(highs)] = 'Infinity' AS open_high,
			greatest(max(h - l) FILTER (WHERE h - l < 'Infinity'), 0) AS width, min(h) AS least, max(l) AS most FROM unnest(lows,
				highs) AS u(l, h)) AS e,
		LATERAL (SELECT array_agg(greatest(l, least - width) ORDER BY i) AS a, array_agg(least(h, most + width) ORDER BY i) AS b
			FROM unnest(lows, highs) WITH ORDINALITY AS u(l, h, i)) AS edges,
		(SELECT max(x) AS most_share FROM unnest(before || now) AS x) AS s,
		LATERAL leadscore.nice_ticks(0, coalesce(nullif(most_share, 0), 1)) AS y_ticks,
		LATERAL leadscore.plane_of(320, a[1], b[cardinality(b)], 0, y_ticks[cardinality(y_ticks)]) AS p,
		LATERAL (SELECT * FROM leadscore.time_ticks(a[1], b[cardinality(b)]) WHERE form = 'time'
			UNION ALL
			SELECT array_agg(x ORDER BY i), array_agg(t ORDER BY i)
			FROM leadscore.nice_ticks(a[1], b[cardinality(b)], 6) AS ticks, LATERAL unnest(ticks,
				leadscore.tick_texts(ticks)) WITH ORDINALITY AS u(x, t, i)
			WHERE form <> 'time' AND x BETWEEN a[1] + CASE WHEN open_low THEN width ELSE 0 END AND b[cardinality(b)] - CASE
				WHEN open_high THEN width ELSE 0 END
			HAVING form <> 'time') AS x(x_ticks, x_texts);
END;
COMMENT ON FUNCTION leadscore.plot_intervals(text, text, text[], text, float8[], float8[], float8[], float8[], text) IS 'two histograms, before and now, as SVG';

-- One column on both sides; before and now: what they are called.
CREATE FUNCTION leadscore.plot_column(reference leadprofile, current leadprofile, "column" text, before text, now text, subtitle text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n IS NULL THEN leadscore.svg_note(title, 'Nothing to show: there are no values.')
		WHEN intervals THEN leadscore.plot_intervals(title, subtitle, legend, missing, lows, highs, shares_before, shares_now,
			CASE WHEN levels[1] ~ '^(\(-inf|\[[0-9]{4,}-[0-9]{2}-[0-9]{2})' AND highs[1] > 1e7 THEN 'time' ELSE 'number' END)
		ELSE leadscore.plot_levels(title, subtitle, legend, all_levels, all_before, all_now) END
	FROM (SELECT nullif(count(*), 0) AS n, bool_or(low < high) AS intervals, array_agg(level ORDER BY bin) AS all_levels,
				array_agg(share_before ORDER BY bin) AS all_before, array_agg(share_now ORDER BY bin) AS all_now,
				array_agg(level ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS levels, array_agg(low ORDER BY bin)
					FILTER (WHERE low IS NOT NULL) AS lows,
				array_agg(high ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS highs,
				array_agg(share_before ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS shares_before,
				array_agg(share_now ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS shares_now,
				sum(rows_before) AS rows_before, sum(rows_now) AS rows_now,
				coalesce(sum(share_before) FILTER (WHERE low IS NULL), 0) AS missing_before, coalesce(sum(share_now) FILTER (WHERE low IS NULL),
					0) AS missing_now
			FROM lead_drift_bins(reference, current, "column")) AS b,
		LATERAL (SELECT coalesce("column", 'Column') AS title,
			concat('missing: ', leadscore.share_text(missing_before), ' ', before, ', ', leadscore.share_text(missing_now), ' ', now) AS missing,
			ARRAY[coalesce(before || ' (' || leadscore.rows_text(rows_before) || ' rows)', 'not there ' || before),
				coalesce(now || ' (' || leadscore.rows_text(rows_now) || ' rows)', 'not there ' || now)] AS legend) AS c;
END;
COMMENT ON FUNCTION leadscore.plot_column(leadprofile, leadprofile, text, text, text, text) IS 'how one column is distributed in two profiles, as SVG';

-- lead_plot(reference, current, column): one column on both sides.
-- errors	as lead_drift_bins()
CREATE FUNCTION lead_plot(reference leadprofile, current leadprofile, "column" text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.plot_column(reference, current, "column", 'before', 'now', 'Share of the rows by value');
COMMENT ON FUNCTION lead_plot(leadprofile, leadprofile, text) IS 'how one column is distributed in two profiles, as SVG';

-- lead_plot(frame, column): the rate of the label by level or bin of a column, with
-- its 95 % interval and the rows, as lead_describe_label() has them; at most 30.
-- errors	a column that the frame does not have or has only counted
CREATE FUNCTION lead_plot(frame leadframe, "column" text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF frame IS NOT NULL AND "column" IS NOT NULL AND NOT EXISTS (SELECT FROM @extschema@.lead_describe_label(frame) AS d WHERE d."column" = "column") THEN
		RAISE EXCEPTION 'the frame does not tell what column "%" says about the label', "column" USING ERRCODE = 'undefined_column',
			HINT = coalesce(format('Columns that it tells of: %s.', (SELECT string_agg(DISTINCT d."column", ', ')
				FROM @extschema@.lead_describe_label(frame) AS d)), 'Times and columns that are only counted have no rates.');
	END IF;
	RETURN leadscore.plot_rates("column", (SELECT jsonb_agg(d ORDER BY d.cell) FROM @extschema@.lead_describe_label(frame) AS d WHERE d."column" = "column"));
END;
$$;
COMMENT ON FUNCTION lead_plot(leadframe, text) IS 'the rate of the label by level or bin of a column, as SVG';
