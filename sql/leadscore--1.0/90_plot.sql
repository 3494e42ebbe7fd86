----------------------------------------------------------------------------
-- Pictures
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

/*
 * A picture is SVG as text, put together from the functions below.  They are SQL
 * with names resolved when the extension is made, so that who may call them needs
 * no right on this schema, and their text depends on no setting: numbers go
 * through numeric, times through UTC.
 *
 * What is used more than once is a function in FROM: of a sub-select the planner
 * would write its expression wherever it is used, and it would be computed as often.
 *
 * A unit is a pixel at 400 pixels of width, and no text is smaller than 11, so it
 * can be read on a phone.  Colours are Okabe and Ito's, which the colour-blind
 * tell apart; those used together differ in luminance and in dash or shape as
 * well, for printing in grey.
 *
 *	xml_text, svg_label, text_width			texts from users, escaped and cut to fit
 *	number_text, share_text, rows_text	numbers for people
 *	nice_ticks, tick_texts, time_ticks	where an axis is labelled, and how
 *	plane, plane_of, at_x, at_y			data to pixels
 *	svg_axes, svg_legend, svg_path, svg_step, svg_band, svg_rect, svg_mark, svg_rule, svg_text
 *	svg_document, svg_note				the whole, or why there is none
 */

-- Text for XML: markup escaped, control characters that XML 1.0 forbids replaced.
CREATE FUNCTION leadscore.xml_text(t text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(replace(replace(replace(replace(replace(t, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;'),
	'[\u0001-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]', '&#65533;', 'g');
COMMENT ON FUNCTION leadscore.xml_text(text) IS 'a text as XML and HTML have it, safe between tags and in attributes';

-- Where the characters of a text end, in units of its size, about as Helvetica has
-- them.
CREATE FUNCTION leadscore.text_ends(t text)
RETURNS float8[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg(ends ORDER BY i)
	FROM (SELECT i, sum(CASE WHEN position(c IN 'ijltfI.,:;''|!()[] ') > 0 THEN 0.3 WHEN position(c IN 'mwMW@%') > 0 THEN 0.87
			WHEN ascii(c) BETWEEN 65 AND 90 THEN 0.69 WHEN ascii(c) >= 4352 THEN 1 ELSE 0.56 END::float8) OVER (ORDER BY i) AS ends
		FROM regexp_split_to_table(t, '') WITH ORDINALITY AS u(c, i)) AS characters;
END;
COMMENT ON FUNCTION leadscore.text_ends(text) IS 'about where the characters of a text end, in units of its size';

CREATE FUNCTION leadscore.text_width(t text)
RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE t WHEN '' THEN 0 ELSE (leadscore.text_ends(t))[length(t)] END;
COMMENT ON FUNCTION leadscore.text_width(text) IS 'about how wide a text is drawn, in units of its size';

-- A text cut to a width, its middle left out: names of levels differ at the end.
CREATE FUNCTION leadscore.svg_label(t text, width float8, size float8 DEFAULT 12)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN t = '' OR length(t) = n AND ends[n] * size <= width THEN leadscore.xml_text(t)
		ELSE leadscore.xml_text(left(t, kept / 2)) || '&#8230;' || leadscore.xml_text(right(t, kept - kept / 2)) END
	FROM (SELECT least(length(t), 200) AS n) AS given, leadscore.text_ends(CASE WHEN length(t) > 200 THEN left(t, 100) || right(t, 100) ELSE t END) AS ends,
		LATERAL (SELECT coalesce(max(k), 1) AS kept FROM generate_series(1, n - 1) AS k
			WHERE (coalesce(ends[k / 2], 0) + ends[n] - ends[n - (k - k / 2)] + 1) * size <= width) AS best;
END;
COMMENT ON FUNCTION leadscore.svg_label(text, float8, float8) IS 'a text as XML, cut to a width in pixels';

-- ---- numbers for people ----

-- Pixels: a tenth is enough for the eye.
CREATE FUNCTION leadscore.px(x float8)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN trim_scale(round(x::numeric, 1))::text;
COMMENT ON FUNCTION leadscore.px(float8) IS 'a place in a picture';

-- A number with so many significant digits: 0.777, 12.3, 1.2 k, 3.46 M, 1.2e-07.
CREATE FUNCTION leadscore.number_text(x float8, digits integer DEFAULT 3)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN x IN ('NaN', 'Infinity', '-Infinity') THEN x::text
		WHEN abs(x) >= 1e15 OR abs(x) < 1e-4 AND x <> 0 THEN
			round((x / power(10::float8, e))::numeric, digits - 1)::text || 'e' || e
		ELSE trim_scale(round((x / unit)::numeric, greatest(digits - 1 - (e - log(unit)::integer), 0)))::text || symbol END
	FROM (SELECT CASE WHEN x = 0 OR x IN ('NaN', 'Infinity', '-Infinity') THEN 0 ELSE floor(log(abs(x)))::integer END AS e) AS size,
		LATERAL (SELECT unit, symbol FROM (VALUES (1e12::float8, ' T'), (1e9, ' G'), (1e6, ' M'), (1e4, ' k'), (0, '')) AS u(least, symbol),
			LATERAL (SELECT CASE least WHEN 0 THEN 1 WHEN 1e4 THEN 1e3 ELSE least END) AS v(unit)
			WHERE abs(x) >= least OR least = 0 ORDER BY least DESC LIMIT 1) AS scale;
END;
COMMENT ON FUNCTION leadscore.number_text(float8, integer) IS 'a number for people, with so many significant digits';

-- A share as percent: 0.1234 is 12.3 %.
CREATE FUNCTION leadscore.share_text(x float8)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN x IN ('NaN', 'Infinity', '-Infinity') THEN x::text
	WHEN abs(x) < 0.0005 AND x <> 0 THEN CASE WHEN x > 0 THEN '< 0.1 %' ELSE '> -0.1 %' END
	ELSE CASE WHEN x IN (0, 1) THEN round((100 * x)::numeric) ELSE round((100 * x)::numeric, 1) END || ' %' END;
COMMENT ON FUNCTION leadscore.share_text(float8) IS 'a share as percent, for people';

-- A count in full: 15,084.
CREATE FUNCTION leadscore.rows_text(n numeric)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN trim(to_char(n, '999,999,999,999,999,999,990'));
COMMENT ON FUNCTION leadscore.rows_text(numeric) IS 'a count in full, thousands apart';

-- ---- scales ----

-- Heckbert's nice numbers: 1, 2 and 5 times a power of ten, the nearest or the next.
CREATE FUNCTION leadscore.nice_number(x float8, nearest boolean)
RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN nearest THEN CASE WHEN f < 1.5 THEN 1 WHEN f < 3 THEN 2 WHEN f < 7 THEN 5 ELSE 10 END
		ELSE CASE WHEN f <= 1 THEN 1 WHEN f <= 2 THEN 2 WHEN f <= 5 THEN 5 ELSE 10 END END * power(10::numeric, e)
	FROM (SELECT floor(log(x))::integer AS e) AS size, LATERAL (SELECT x / power(10::float8, e) AS f) AS part;
END;
COMMENT ON FUNCTION leadscore.nice_number(float8, boolean) IS 'Heckbert''s nice numbers for graph labels';

-- About so many round numbers, the first at most low, the last at least high.
CREATE FUNCTION leadscore.nice_ticks(low float8, high float8, ticks integer DEFAULT 5)
RETURNS float8[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg((i * step)::float8 ORDER BY i)
	FROM (SELECT greatest(least(low, 1e300), -1e300) AS l, greatest(least(high, 1e300), -1e300) AS h) AS given,	-- what can be subtracted
		LATERAL (SELECT CASE WHEN h > l THEN l ELSE l - greatest(abs(l), 1) / 2 END AS a, CASE WHEN h > l THEN h ELSE l + greatest(abs(l), 1) / 2 END AS b) AS ends,
		LATERAL leadscore.nice_number(leadscore.nice_number(b - a, false)::float8 / (ticks - 1), true) AS step,
		LATERAL generate_series(floor(a::numeric / step), ceil(b::numeric / step)) AS i;
END;
COMMENT ON FUNCTION leadscore.nice_ticks(float8, float8, integer) IS 'round numbers that span an axis';

-- Ticks of one axis in one unit, with as many decimals as they need.
-- form	percent: of shares; number
CREATE FUNCTION leadscore.tick_texts(ticks float8[], form text DEFAULT 'number')
RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN form = 'number' AND (most >= 1e15 OR most < 1e-4) THEN
		(SELECT array_agg(CASE t WHEN 0 THEN '0' ELSE leadscore.number_text(t, 3) END ORDER BY i) FROM unnest(ticks) WITH ORDINALITY AS u(t, i))
		ELSE (SELECT array_agg(CASE WHEN t = 0 AND unit > 1 THEN '0' ELSE round((t / unit)::numeric, decimals)::text || symbol END ORDER BY i)
			FROM unnest(ticks) WITH ORDINALITY AS u(t, i),
				(SELECT least(max(scale(trim_scale((t / unit)::numeric))), 12) AS decimals FROM unnest(ticks) AS t) AS d) END
	FROM (SELECT max(abs(t)) AS most FROM unnest(ticks) AS t) AS m,
		LATERAL (SELECT CASE WHEN form = 'percent' THEN 0.01 WHEN most >= 1e12 THEN 1e12 WHEN most >= 1e9 THEN 1e9
			WHEN most >= 1e6 THEN 1e6 WHEN most >= 1e4 THEN 1e3 ELSE 1 END::float8 AS unit) AS u,
		LATERAL (SELECT CASE WHEN form = 'percent' THEN ' %' ELSE CASE unit WHEN 1e12 THEN ' T' WHEN 1e9 THEN ' G'
			WHEN 1e6 THEN ' M' WHEN 1e3 THEN ' k' ELSE '' END END AS symbol) AS s;
END;
COMMENT ON FUNCTION leadscore.tick_texts(float8[], text) IS 'the labels of an axis';

-- At most five times that divide an axis, in UTC, as seconds since 1970.
CREATE FUNCTION leadscore.time_ticks(low float8, high float8, OUT places float8[], OUT texts text[])
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(array_agg(extract(epoch FROM t)::float8 ORDER BY t), ARRAY[low]),
		coalesce(array_agg(to_char(t, CASE WHEN step < interval '1 day' THEN 'MM-DD HH24:MI' ELSE 'YYYY-MM-DD' END) ORDER BY t),
			ARRAY[to_char(to_timestamp(greatest(least(low, 5e12), -2e11)) AT TIME ZONE 'UTC', 'YYYY-MM-DD')])
	FROM (SELECT greatest(least(low, 5e12), -2e11) AS l, greatest(least(high, 5e12), -2e11) AS h) AS given,	-- what has a date
		LATERAL (SELECT to_timestamp(l) AT TIME ZONE 'UTC' AS a, to_timestamp(h) AT TIME ZONE 'UTC' AS b) AS ends,
		LATERAL (SELECT step FROM unnest('{1 hour,3 hours,6 hours,12 hours,1 day,2 days,7 days,14 days,1 month,2 months,3 months,6 months,
				1 year,2 years,5 years,10 years,50 years,1000 years,50000 years}'::interval[]) WITH ORDINALITY AS s(step, n)
			WHERE h - l < 5 * extract(epoch FROM step) OR step = interval '50000 years' ORDER BY n LIMIT 1) AS width,
		LATERAL generate_series(CASE WHEN step >= interval '1 year' THEN date_trunc('year', a)
			WHEN step >= interval '1 month' THEN date_trunc('month', a) ELSE date_trunc('day', a) END, b, step) AS t
	WHERE t >= a;
END;
COMMENT ON FUNCTION leadscore.time_ticks(float8, float8) IS 'round times on an axis, and how they are written';

-- Where data lie in a picture: x0 … x1 from the pixels px0 to px1, y upwards from
-- py0 to py1.
CREATE TYPE leadscore.plane AS (px0 float8, px1 float8, py0 float8, py1 float8, x0 float8, x1 float8, y0 float8, y1 float8);
COMMENT ON TYPE leadscore.plane IS 'the part of a picture where data are drawn: its corners in pixels, and in data';

-- Room for title, subtitle, legend and the labels of both axes.
CREATE FUNCTION leadscore.plane_of(height float8, x0 float8, x1 float8, y0 float8, y1 float8)
RETURNS leadscore.plane
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(50, 378, height - 44, 92, x0, x1, y0, y1)::leadscore.plane;
COMMENT ON FUNCTION leadscore.plane_of(float8, float8, float8, float8, float8) IS 'where data are drawn in a picture of such a height';

-- What lies outside is drawn on the edge.
CREATE FUNCTION leadscore.at_x(p leadscore.plane, x float8)
RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (p).px0 + (least(greatest(x, (p).x0), (p).x1) - (p).x0) / ((p).x1 - (p).x0) * ((p).px1 - (p).px0);
COMMENT ON FUNCTION leadscore.at_x(leadscore.plane, float8) IS 'the pixel of an x';

CREATE FUNCTION leadscore.at_y(p leadscore.plane, y float8)
RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (p).py0 + (least(greatest(y, (p).y0), (p).y1) - (p).y0) / ((p).y1 - (p).y0) * ((p).py1 - (p).py0);
COMMENT ON FUNCTION leadscore.at_y(leadscore.plane, float8) IS 'the pixel of a y';

-- Which points of a curve the eye can tell apart: by column of the picture the
-- first, the last, the lowest and the highest (Jugel et al., M4, 2014).  A line
-- through these covers the same pixels as the line through all.
CREATE FUNCTION leadscore.visible_points(xs float8[], ys float8[], columns integer)
RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	WITH points AS MATERIALIZED (
		SELECT i, y, width_bucket(x, least_x, nullif(most_x, least_x), columns) AS part
		FROM unnest(xs, ys) WITH ORDINALITY AS u(x, y, i), (SELECT min(x) AS least_x, max(x) AS most_x FROM unnest(xs) AS x) AS ends),
	parts AS (SELECT part, min(y) AS lowest, max(y) AS highest FROM points GROUP BY part),
	kept AS (SELECT min(i) AS a, max(i) AS b, min(i) FILTER (WHERE y = lowest) AS c, min(i) FILTER (WHERE y = highest) AS d
		FROM points JOIN parts ON parts.part IS NOT DISTINCT FROM points.part GROUP BY points.part)
	SELECT array_agg(DISTINCT i::integer ORDER BY i::integer) FROM kept, unnest(ARRAY[a, b, c, d]) AS i WHERE i IS NOT NULL;
END;
COMMENT ON FUNCTION leadscore.visible_points(float8[], float8[], integer) IS 'the points of a curve that can be seen in so many columns';

-- ---- drawing ----

CREATE FUNCTION leadscore.svg_text(x float8, y float8, content text, anchor text DEFAULT 'start', size integer DEFAULT 12,
	fill text DEFAULT '#333', weight text DEFAULT 'normal')
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<text x="' || leadscore.px(x) || '" y="' || leadscore.px(y) || '" font-size="' || size || '" fill="' || fill || '"'
	|| CASE anchor WHEN 'start' THEN '' ELSE ' text-anchor="' || anchor || '"' END
	|| CASE weight WHEN 'normal' THEN '' ELSE ' font-weight="' || weight || '"' END || '>' || content || '</text>';
COMMENT ON FUNCTION leadscore.svg_text(float8, float8, text, text, integer, text, text) IS 'a text in a picture; content is XML already';

CREATE FUNCTION leadscore.svg_rule(x1 float8, y1 float8, x2 float8, y2 float8, colour text DEFAULT '#333', width float8 DEFAULT 1,
	dash text DEFAULT '')
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<line x1="' || leadscore.px(x1) || '" y1="' || leadscore.px(y1) || '" x2="' || leadscore.px(x2) || '" y2="' || leadscore.px(y2)
	|| '" stroke="' || colour || '" stroke-width="' || leadscore.px(width) || '"'
	|| CASE dash WHEN '' THEN '' ELSE ' stroke-dasharray="' || dash || '"' END || '/>';
COMMENT ON FUNCTION leadscore.svg_rule(float8, float8, float8, float8, text, float8, text) IS 'a straight line';

-- tip	shown where a pointer rests on it
CREATE FUNCTION leadscore.svg_rect(x float8, y float8, width float8, height float8, fill text, stroke text DEFAULT 'none', tip text DEFAULT '')
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<rect x="' || leadscore.px(x) || '" y="' || leadscore.px(y) || '" width="' || leadscore.px(greatest(width, 0))
	|| '" height="' || leadscore.px(greatest(height, 0)) || '" fill="' || fill || '"'
	|| CASE stroke WHEN 'none' THEN '' ELSE ' stroke="' || stroke || '"' END
	|| CASE tip WHEN '' THEN '/>' ELSE '><title>' || leadscore.xml_text(tip) || '</title></rect>' END;
COMMENT ON FUNCTION leadscore.svg_rect(float8, float8, float8, float8, text, text, text) IS 'a bar';

-- shape	dot or ring
CREATE FUNCTION leadscore.svg_mark(x float8, y float8, shape text, colour text, tip text DEFAULT '')
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '<circle cx="' || leadscore.px(x) || '" cy="' || leadscore.px(y) || '" r="4" stroke="' || colour || '" stroke-width="2" fill="'
	|| CASE shape WHEN 'ring' THEN '#fff' ELSE colour END || '"'
	|| CASE tip WHEN '' THEN '/>' ELSE '><title>' || leadscore.xml_text(tip) || '</title></circle>' END;
COMMENT ON FUNCTION leadscore.svg_mark(float8, float8, text, text, text) IS 'a point';

CREATE FUNCTION leadscore.svg_line(p leadscore.plane, xs float8[], ys float8[], colour text, dash text DEFAULT '', width float8 DEFAULT 2)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<polyline fill="none" stroke="' || colour || '" stroke-width="' || leadscore.px(width) || '" stroke-linejoin="round"'
		|| CASE dash WHEN '' THEN '' ELSE ' stroke-dasharray="' || dash || '"' END || ' points="'
		|| string_agg(leadscore.px(leadscore.at_x(p, xs[i])) || ',' || leadscore.px(leadscore.at_y(p, ys[i])), ' ' ORDER BY i) || '"/>'
	FROM unnest(leadscore.visible_points(xs, ys, ((p).px1 - (p).px0)::integer)) AS i
	WHERE xs[i] IS NOT NULL AND ys[i] IS NOT NULL;
END;
COMMENT ON FUNCTION leadscore.svg_line(leadscore.plane, float8[], float8[], text, text, float8) IS 'a curve through points, as many as can be seen';

-- The outline of a histogram: from lows to highs at ys.  With a fill it is closed
-- down to the axis.
CREATE FUNCTION leadscore.svg_step(p leadscore.plane, lows float8[], highs float8[], ys float8[], colour text, fill text DEFAULT 'none',
	width float8 DEFAULT 2)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<path fill="' || fill || '" stroke="' || colour || '" stroke-width="' || leadscore.px(width) || '" d="M'
		|| leadscore.px(leadscore.at_x(p, lows[1])) || ' ' || leadscore.px((p).py0)
		|| string_agg('V' || leadscore.px(leadscore.at_y(p, y)) || 'H' || leadscore.px(leadscore.at_x(p, highs[i])), '' ORDER BY i)
		|| 'V' || leadscore.px((p).py0) || CASE fill WHEN 'none' THEN '' ELSE 'Z' END || '"/>'
	FROM unnest(ys) WITH ORDINALITY AS u(y, i);
END;
COMMENT ON FUNCTION leadscore.svg_step(leadscore.plane, float8[], float8[], float8[], text, text, float8) IS 'the outline of a histogram';

CREATE FUNCTION leadscore.svg_band(p leadscore.plane, xs float8[], lows float8[], highs float8[], fill text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<polygon fill="' || fill || '" points="' || string_agg(leadscore.px(leadscore.at_x(p, x)) || ',' || leadscore.px(leadscore.at_y(p, y)),
		' ' ORDER BY side, i * side) || '"/>'
	FROM (SELECT 1 AS side, x, y, i FROM unnest(xs, highs) WITH ORDINALITY AS u(x, y, i)
		UNION ALL SELECT -1, x, y, i FROM unnest(xs, lows) WITH ORDINALITY AS u(x, y, i)) AS around;
END;
COMMENT ON FUNCTION leadscore.svg_band(leadscore.plane, float8[], float8[], float8[], text) IS 'the area between two curves';

-- Grid, ticks and labels.  The label of y stands above the axis, to be read
-- without turning the head.
CREATE FUNCTION leadscore.svg_axes(p leadscore.plane, x_ticks float8[], x_texts text[], x_label text,
	y_ticks float8[], y_texts text[], y_label text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<g stroke="#ddd">'
		|| coalesce((SELECT string_agg('<path d="M' || leadscore.px((p).px0) || ' ' || leadscore.px(leadscore.at_y(p, y)) || 'H'
			|| leadscore.px((p).px1) || '"/>', '' ORDER BY i) FROM unnest(y_ticks) WITH ORDINALITY AS u(y, i)), '')
		|| coalesce((SELECT string_agg('<path d="M' || leadscore.px(leadscore.at_x(p, x)) || ' ' || leadscore.px((p).py0) || 'v5" stroke="#333"/>',
			'' ORDER BY i) FROM unnest(x_ticks) WITH ORDINALITY AS u(x, i)), '')
		|| '</g>' || leadscore.svg_rule((p).px0, (p).py0, (p).px1, (p).py0)
		|| coalesce((SELECT string_agg(leadscore.svg_text((p).px0 - 6, leadscore.at_y(p, y) + 4, leadscore.xml_text(t), 'end'), '' ORDER BY i)
			FROM unnest(y_ticks, y_texts) WITH ORDINALITY AS u(y, t, i)), '')
		|| coalesce((SELECT string_agg(leadscore.svg_text(least(leadscore.at_x(p, x), 397 - 6 * leadscore.text_width(t)), (p).py0 + 18, leadscore.xml_text(t), 'middle'), '' ORDER BY i)
			FROM unnest(x_ticks, x_texts) WITH ORDINALITY AS u(x, t, i)), '')
		|| leadscore.svg_text((p).px1, (p).py0 + 35, leadscore.xml_text(x_label), 'end')
		|| leadscore.svg_text(12, (p).py1 - 14, leadscore.xml_text(y_label));
END;
COMMENT ON FUNCTION leadscore.svg_axes(leadscore.plane, float8[], text[], text, float8[], text[], text) IS 'axes with grid, ticks and labels';

-- kinds	line, dash, dot, ring or box, each with its colour and text, in one row
CREATE FUNCTION leadscore.svg_legend(y float8, kinds text[], colours text[], texts text[])
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(CASE kind
			WHEN 'line' THEN leadscore.svg_rule(at, y - 4, at + 22, y - 4, colour, 2)
			WHEN 'dash' THEN leadscore.svg_rule(at, y - 4, at + 22, y - 4, colour, 2, '5 4')
			WHEN 'box' THEN leadscore.svg_rect(at + 5, y - 10, 12, 12, colour, '#333')
			ELSE leadscore.svg_mark(at + 11, y - 4, kind, colour) END
		|| leadscore.svg_text(at + 28, y, leadscore.xml_text(t)), '' ORDER BY i)
	FROM (SELECT kind, colour, t, i, 12 + coalesce(sum(40 + 12 * leadscore.text_width(t)) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING
			AND 1 PRECEDING), 0) AS at
		FROM unnest(kinds, colours, texts) WITH ORDINALITY AS u(kind, colour, t, i)) AS items;
END;
COMMENT ON FUNCTION leadscore.svg_legend(float8, text[], text[], text[]) IS 'what lines and colours mean';

-- The whole picture, 400 wide.  title, subtitle, description: plain text.
CREATE FUNCTION leadscore.svg_document(height float8, title text, subtitle text, description text, body text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 ' || leadscore.px(height) || '" width="600" height="' || leadscore.px(1.5 * height)
	|| '" role="img" font-family="Helvetica, Arial, sans-serif"><title>' || leadscore.xml_text(title) || '</title><desc>'
	|| leadscore.xml_text(description) || '</desc><rect width="400" height="' || leadscore.px(height) || '" fill="#fff"/>'
	|| leadscore.svg_text(12, 21, leadscore.svg_label(title, 376, 15), 'start', 15, '#111', 'bold')
	|| CASE subtitle WHEN '' THEN '' ELSE leadscore.svg_text(12, 39, leadscore.svg_label(subtitle, 376)) END || body || '</svg>';
COMMENT ON FUNCTION leadscore.svg_document(float8, text, text, text, text) IS 'a picture as a document of its own';

-- There is nothing to draw, and why.
CREATE FUNCTION leadscore.svg_note(title text, note text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.svg_document(64, title, note, note, '');
COMMENT ON FUNCTION leadscore.svg_note(text, text) IS 'a picture that says why there is none';

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
			|| leadscore.svg_line(p, ARRAY[0, (p).x1], ARRAY[0, (p).y1], '#6b6b6b', '5 4', 1.5) || marks)
		ELSE leadscore.svg_note(title, 'No bins: there are no leads with a score and an outcome.') END
	FROM (SELECT count(*) AS count, sum(n) AS total, sum(n * abs(rate - mean_score)) / sum(n) AS ece, max(greatest(mean_score, high, rate)) AS most
			FROM unnest(bins) WHERE n > 0) AS b,
		LATERAL leadscore.nice_ticks(0, least(greatest(most, 0.001), 1), 6) AS ticks,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts,
		LATERAL leadscore.plane_of(432, 0, ticks[cardinality(ticks)], 0, ticks[cardinality(ticks)]) AS p,
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
			concat('Lift by tile, the leads with the highest scores first; the first of ', count, ' tiles has a lift of ', leadscore.number_text(first_lift), '.'),
			leadscore.svg_legend(58, '{box,dash}', '{#0072B2,#333}', '{"lift: rate of the tile / average rate","average"}')
			|| leadscore.svg_axes(p, x_ticks, x_texts, 'Tile of the leads, highest scores first', y_ticks, leadscore.tick_texts(y_ticks), 'Lift')
			|| bars || leadscore.svg_line(p, ARRAY[(p).x0, (p).x1], '{1,1}', '#333', '5 4', 1.5)
			|| CASE WHEN count <= 10 THEN '<g stroke="#fff" stroke-width="3" paint-order="stroke">' || texts || '</g>' ELSE '' END)
		ELSE leadscore.svg_note(title, 'No lift: it takes positives.') END
	FROM (SELECT count(*) AS count, max(lift) AS most, min(lift) FILTER (WHERE tile = 1) AS first_lift, min(gain) FILTER (WHERE tile = 1) AS first_gain
			FROM unnest(tiles)) AS t,
		LATERAL leadscore.nice_ticks(0, greatest(most, 1)) AS y_ticks,
		LATERAL leadscore.plane_of(320, 0.5, count + 0.5, 0, y_ticks[cardinality(y_ticks)]) AS p,
		LATERAL (SELECT array_agg(i::float8 ORDER BY i) AS x_ticks, array_agg(i::text ORDER BY i) AS x_texts
			FROM generate_series(1, count, greatest(ceil(count / 20.0)::bigint, 1)) AS i) AS x,
		LATERAL (SELECT string_agg(leadscore.svg_rect(left_x, top, width, (p).py0 - top, '#0072B2', 'none', concat('Tile ', tile, ': ',
					leadscore.number_text(positives), ' of ', leadscore.number_text(n), ' positive, lift ', leadscore.number_text(lift), ', gain ',
					leadscore.share_text(gain))), '' ORDER BY tile) AS bars,
				string_agg(leadscore.svg_text(left_x + width / 2, top - 4, round(lift::numeric, 2)::text, 'middle', 11), '' ORDER BY tile) AS texts
			FROM unnest(tiles), LATERAL (SELECT leadscore.at_x(p, tile - 0.4) AS left_x, leadscore.at_x(p, tile + 0.4) - leadscore.at_x(p, tile - 0.4) AS width,
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
	FROM (SELECT coalesce(sum(x), 0) AS won FROM unnest(positives) AS x) AS w, (SELECT coalesce(sum(x), 0) AS lost FROM unnest(negatives) AS x) AS l,
		LATERAL (SELECT array_agg((x / greatest(won, 1))::float8 ORDER BY i) AS shares, max((x / greatest(won, 1))::float8) AS most
			FROM unnest(positives) WITH ORDINALITY AS u(x, i)) AS a,
		LATERAL (SELECT array_agg((x / greatest(lost, 1))::float8 ORDER BY i) AS shares, max((x / greatest(lost, 1))::float8) AS most
			FROM unnest(negatives) WITH ORDINALITY AS u(x, i)) AS b,
		LATERAL leadscore.nice_ticks(lows[1], highs[cardinality(highs)], 6) AS x_ticks, LATERAL leadscore.nice_ticks(0, greatest(a.most, b.most)) AS y_ticks,
		LATERAL leadscore.plane_of(320, lows[1], highs[cardinality(highs)], 0, y_ticks[cardinality(y_ticks)]) AS p,
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
		SELECT name, odds_ratio, std_estimate AS effect, CASE WHEN estimate <> 0 THEN ci_low * std_estimate / estimate END AS low,
			CASE WHEN estimate <> 0 THEN ci_high * std_estimate / estimate END AS high,
			row_number() OVER (ORDER BY abs(std_estimate) DESC, name COLLATE "C") AS i, count(*) OVER () AS all_of_them
		FROM lead_coefficients(model) WHERE std_estimate IS NOT NULL AND "column" IS NOT NULL),
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
		LATERAL leadscore.nice_ticks(least, most, 4) AS ticks,
		LATERAL (SELECT ROW(170, 340, height - 44, 84, ticks[1], ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL leadscore.at_x(p, 0) AS zero,
		LATERAL (SELECT string_agg(leadscore.svg_text(164, y + 4, leadscore.svg_label(name, 156), 'end')
				|| coalesce(leadscore.svg_rule(leadscore.at_x(p, low), y, leadscore.at_x(p, high), y, colour, 2), '')
				|| leadscore.svg_mark(leadscore.at_x(p, effect), y, shape, colour, concat(left(name, 100), ': ', leadscore.number_text(effect),
					' per standard deviation', ' (' || leadscore.number_text(low) || ' to ' || leadscore.number_text(high) || ')'))
				|| coalesce(leadscore.svg_text(392, y + 4, leadscore.number_text(odds_ratio), 'end'), ''), '' ORDER BY i) AS marks
			FROM shown, LATERAL (SELECT 77 + 18 * i AS y, CASE WHEN effect < 0 THEN 'ring' ELSE 'dot' END AS shape,
				CASE WHEN effect < 0 THEN '#D55E00' ELSE '#0072B2' END AS colour) AS look) AS m,
		(SELECT 'Coefficients' AS title) AS c;
END;
COMMENT ON FUNCTION lead_plot(bytea, integer) IS 'the largest effects of a model, with intervals, as SVG';

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
				|| coalesce(leadscore.svg_rect((p).px0, y, leadscore.at_x(p, a) - (p).px0, 12, '#F3CF80', '#9A6A00', concat(level, ' before: ', leadscore.share_text(a)))
					|| leadscore.svg_text(leadscore.at_x(p, a) + 4, y + 10, leadscore.xml_text(leadscore.share_text(a)), 'start', 11), '')
				|| coalesce(leadscore.svg_rect((p).px0, y + 12, leadscore.at_x(p, b) - (p).px0, 12, '#0072B2', 'none', concat(level, ' now: ', leadscore.share_text(b)))
					|| leadscore.svg_text(leadscore.at_x(p, b) + 4, y + 22, leadscore.xml_text(leadscore.share_text(b)), 'start', 11), ''),
				'' ORDER BY i) AS bars
			FROM unnest(levels, before, now) WITH ORDINALITY AS u(given, a, b, i),
				LATERAL (SELECT 50 + 30 * i AS y, CASE given WHEN '' THEN '""' ELSE left(given, 100) END AS level) AS at) AS m;
END;
COMMENT ON FUNCTION leadscore.plot_levels(text, text, text[], text[], float8[], float8[]) IS 'shares by level, before and now, as SVG';

-- Two histograms over intervals; an open bin is as wide as its neighbour.
CREATE FUNCTION leadscore.plot_intervals(title text, subtitle text, legend text[], lows float8[], highs float8[], before float8[],
	now float8[], form text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT leadscore.svg_document(320, title, subtitle, concat('Shares of the rows in ', cardinality(lows), ' intervals, before and now.'),
		leadscore.svg_legend(58, '{box,line}', '{#F3CF80,#0072B2}', legend)
		|| leadscore.svg_axes(p, x_ticks, x_texts, CASE WHEN open_low AND open_high THEN 'first and last interval: all beyond'
				WHEN open_high THEN 'last interval: all beyond' WHEN open_low THEN 'first interval: all below' ELSE '' END,
			y_ticks, leadscore.tick_texts(y_ticks, 'percent'), 'Share of the rows')
		|| coalesce(leadscore.svg_step(p, a, b, before, '#9A6A00', '#F3CF80', 1), '') || coalesce(leadscore.svg_step(p, a, b, now, '#0072B2'), ''))
	FROM (SELECT lows[1] = '-Infinity' AS open_low, highs[cardinality(highs)] = 'Infinity' AS open_high,
			greatest(max(h - l) FILTER (WHERE h - l < 'Infinity'), 0) AS width, min(h) AS least, max(l) AS most FROM unnest(lows, highs) AS u(l, h)) AS e,
		LATERAL (SELECT array_agg(greatest(l, least - width) ORDER BY i) AS a, array_agg(least(h, most + width) ORDER BY i) AS b
			FROM unnest(lows, highs) WITH ORDINALITY AS u(l, h, i)) AS edges,
		(SELECT max(x) AS most_share FROM unnest(before || now) AS x) AS s,
		LATERAL leadscore.nice_ticks(0, coalesce(nullif(most_share, 0), 1)) AS y_ticks,
		LATERAL leadscore.plane_of(320, a[1], b[cardinality(b)], 0, y_ticks[cardinality(y_ticks)]) AS p,
		LATERAL (SELECT * FROM leadscore.time_ticks(a[1], b[cardinality(b)]) WHERE form = 'time'
			UNION ALL
			SELECT array_agg(x ORDER BY i), array_agg(t ORDER BY i)
			FROM leadscore.nice_ticks(a[1], b[cardinality(b)], 6) AS ticks, LATERAL unnest(ticks, leadscore.tick_texts(ticks)) WITH ORDINALITY AS u(x, t, i)
			WHERE form <> 'time' AND x BETWEEN a[1] + CASE WHEN open_low THEN width ELSE 0 END AND b[cardinality(b)] - CASE WHEN open_high THEN width ELSE 0 END
			HAVING form <> 'time') AS x(x_ticks, x_texts);
END;
COMMENT ON FUNCTION leadscore.plot_intervals(text, text, text[], float8[], float8[], float8[], float8[], text) IS 'two histograms, before and now, as SVG';

-- lead_plot(reference, current, column): one column on both sides.
-- errors	as lead_drift_bins()
CREATE FUNCTION lead_plot(reference leadprofile, current leadprofile, "column" text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n IS NULL THEN leadscore.svg_note(title, 'Nothing to show: there are no values.')
		WHEN intervals THEN leadscore.plot_intervals(title, subtitle, legend, lows, highs, before, now,
			CASE WHEN levels[1] ~ '^(\(-inf|\[[0-9]{4,}-[0-9]{2}-[0-9]{2})' AND highs[1] > 1e7 THEN 'time' ELSE 'number' END)
		ELSE leadscore.plot_levels(title, subtitle, legend, all_levels, all_before, all_now) END
	FROM (SELECT nullif(count(*), 0) AS n, bool_or(low < high) AS intervals, array_agg(level ORDER BY bin) AS all_levels,
				array_agg(share_before ORDER BY bin) AS all_before, array_agg(share_now ORDER BY bin) AS all_now,
				array_agg(level ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS levels, array_agg(low ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS lows,
				array_agg(high ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS highs,
				array_agg(share_before ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS before,
				array_agg(share_now ORDER BY bin) FILTER (WHERE low IS NOT NULL) AS now,
				sum(rows_before) AS rows_before, sum(rows_now) AS rows_now,
				coalesce(sum(share_before) FILTER (WHERE low IS NULL), 0) AS missing_before, coalesce(sum(share_now) FILTER (WHERE low IS NULL), 0) AS missing_now
			FROM lead_drift_bins(reference, current, "column")) AS b,
		LATERAL (SELECT coalesce("column", 'Column') AS title,
			CASE WHEN intervals THEN concat('Missing: ', leadscore.share_text(missing_before), ' before, ', leadscore.share_text(missing_now), ' now')
				ELSE 'Share of the rows by value' END AS subtitle,
			ARRAY[coalesce('before (' || leadscore.rows_text(rows_before) || ' rows)', 'not there before'),
				coalesce('now (' || leadscore.rows_text(rows_now) || ' rows)', 'not there now')] AS legend) AS c;
END;
COMMENT ON FUNCTION lead_plot(leadprofile, leadprofile, text) IS 'how one column is distributed in two profiles, as SVG';

-- ---- over time ----

-- A figure over time.  References, such as a threshold, are a dashed line, with
-- a band where they have an interval.
-- xs			seconds since 1970
-- solid		a dot, else a ring
CREATE FUNCTION leadscore.plot_series(title text, subtitle text, legend text[], y_label text, form text, xs float8[], ys float8[],
	lows float8[], highs float8[], refs float8[], ref_lows float8[], ref_highs float8[], solid boolean[], zero boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n > 0 THEN
		leadscore.svg_document(320, title, subtitle, concat(n, ' values over time, the last is ', CASE form WHEN 'percent'
				THEN leadscore.share_text(last_y) ELSE leadscore.number_text(last_y) END, '.'),
			leadscore.svg_legend(58, '{dot,dash}', '{#0072B2,#6b6b6b}', legend)
			|| coalesce(band, '') || leadscore.svg_axes(p, places, texts, 'Time (UTC)', y_ticks, leadscore.tick_texts(y_ticks, form), y_label)
			|| coalesce(leadscore.svg_line(p, xs, refs, '#6b6b6b', '5 4', 1.5), '')
			|| leadscore.svg_line(p, xs, ys, '#0072B2', '', 1.5) || marks)
		ELSE leadscore.svg_note(title, 'Nothing was measured yet.') END
	FROM (SELECT count(y) AS n, min(x) AS first_x, max(x) AS last_x, (array_agg(y ORDER BY i DESC) FILTER (WHERE y IS NOT NULL))[1] AS last_y,
				min(least(y, low, r, rl, CASE WHEN zero THEN 0 END)) AS least, max(greatest(y, high, r, rh, CASE WHEN zero THEN 0 END)) AS most
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
			WHERE y IS NOT NULL) AS m;
END;
COMMENT ON FUNCTION leadscore.plot_series(text, text, text[], text, text, float8[], float8[], float8[], float8[], float8[], float8[], float8[],
	boolean[], boolean) IS 'a figure over time as SVG';

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

-- The last 30 runs of a model that measured a drift.
CREATE FUNCTION leadscore.plot_drift_column(name text, "column" text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.plot_series(concat('Drift of ', left(plot_drift_column."column", 100)), concat('Against the ', CASE plot_drift_column."column" WHEN '(score)' THEN 'hold-out' ELSE 'training' END, ', by ',
			string_agg(DISTINCT method, ', '), '; solid: drifted'),
		'{"statistic","threshold"}', 'Statistic', 'number', array_agg(x ORDER BY i), array_agg(statistic ORDER BY i), NULL, NULL,
		array_agg(CASE WHEN method IN ('psi', 'jensenshannon', 'wasserstein') THEN threshold END ORDER BY i), NULL, NULL,
		array_agg(coalesce(drifted, false) ORDER BY i), true)
	FROM (SELECT row_number() OVER (ORDER BY x DESC, monitor_run_id DESC) * -1 AS i, d.*
		FROM (SELECT leadscore.monitor_time(r) AS x, c.*
			FROM leadscore.monitor_run AS r JOIN leadscore.monitor_column AS c USING (monitor_run_id)
			WHERE r.name = plot_drift_column.name AND c."column" = plot_drift_column."column" AND c.against = 'training') AS d
		ORDER BY i DESC LIMIT 30) AS runs;
END;
COMMENT ON FUNCTION leadscore.plot_drift_column(text, text) IS 'the drift of one column over time as SVG';

-- The last 24 runs, the scores and the 14 columns that drifted most, a cell each.
CREATE FUNCTION leadscore.plot_drift(name text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH runs AS (
		SELECT monitor_run_id, at, row_number() OVER (ORDER BY x, monitor_run_id) AS i, count(*) OVER () AS n
		FROM (SELECT r.monitor_run_id, leadscore.monitor_time(r) AS x,
				to_char(to_timestamp(leadscore.monitor_time(r)) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS at
			FROM leadscore.monitor_run AS r WHERE r.name = plot_drift.name AND r.measured > 0 ORDER BY 2 DESC, 1 DESC LIMIT 24) AS last),
	cells AS (
		SELECT c."column", i, n, leadscore.drift_ratio(method, statistic, p_value, threshold) AS ratio, position, kind
		FROM runs JOIN leadscore.monitor_column AS c USING (monitor_run_id) WHERE against = 'training'),
	lines AS (
		SELECT "column", row_number() OVER (ORDER BY min(kind) = 'score' DESC NULLS LAST, max(ratio) DESC NULLS LAST, min(position), "column" COLLATE "C") AS line,
			count(*) OVER () AS all_of_them
		FROM cells GROUP BY "column" HAVING max(ratio) IS NOT NULL)
	SELECT coalesce((
		SELECT leadscore.svg_document(height, title, concat('Against the training; ', CASE WHEN lines_shown < all_of_them
					THEN concat(lines_shown, ' of ', all_of_them, ' columns') ELSE 'all columns measured' END),
				concat('Drift of ', lines_shown, ' columns in ', n, ' runs, in units of the threshold.'),
				leadscore.svg_legend(58, '{box,box,box,box}', '{#fff,#B7DCEF,#0072B2,#08263F}', '{"< half",below,above,"> twice"}')
				|| leadscore.svg_text(388, 58, 'the threshold', 'end') || names || '<g stroke="#999">' || boxes || '</g>'
				|| leadscore.svg_text(150, height - 26, first_at) || CASE WHEN n > 1 THEN leadscore.svg_text(150 + width * n, height - 26, last_at, 'end') ELSE '' END
				|| leadscore.svg_text(378, height - 9, 'Time (UTC): end of the window', 'end'))
		FROM (SELECT max(n) AS n, min(at) FILTER (WHERE i = 1) AS first_at, min(at) FILTER (WHERE i = n) AS last_at FROM runs) AS r,
			LATERAL (SELECT least(228.0 / n, 60)::float8 AS width) AS w,
			(SELECT least(max(line), 15) AS lines_shown, max(all_of_them) AS all_of_them, 116 + 20 * least(max(line), 15)::float8 AS height,
				string_agg(leadscore.svg_text(144, 68 + 20 * line, leadscore.svg_label("column", 132), 'end'), '' ORDER BY line) FILTER (WHERE line <= 15) AS names
			FROM lines) AS l,
			LATERAL (SELECT string_agg(leadscore.svg_rect(150 + width * (i - 1), 54 + 20 * line, width - 1, 19,
					CASE WHEN ratio >= 2 THEN '#08263F' WHEN ratio >= 1 THEN '#0072B2' WHEN ratio >= 0.5 THEN '#B7DCEF' ELSE '#fff' END), '' ORDER BY line, i) AS boxes
				FROM cells JOIN lines USING ("column") WHERE line <= 15 AND ratio IS NOT NULL) AS b,
			(SELECT 'Drift over time' AS title) AS c
		WHERE n > 0 AND lines_shown > 0), leadscore.svg_note('Drift over time', 'lead_monitor() has measured nothing yet.'));
END;
COMMENT ON FUNCTION leadscore.plot_drift(text) IS 'the drift of the columns over time as SVG';

-- What each column moved the mean score, in the newest run.
CREATE FUNCTION leadscore.plot_impact(name text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH shown AS (
		SELECT c."column", impact_points AS x, row_number() OVER (ORDER BY abs(impact_points) DESC, position) AS i, count(*) OVER () AS n
		FROM leadscore.monitor_column AS c
		WHERE against = 'training' AND impact_points IS NOT NULL AND kind IS DISTINCT FROM 'score' AND monitor_run_id =
			(SELECT max(r.monitor_run_id) FROM leadscore.monitor_run AS r WHERE r.name = plot_impact.name AND r.rows > 0))
	SELECT CASE WHEN lines > 0 THEN
		leadscore.svg_document(height, title, 'Change of the mean score since the training, by column',
			concat('Percentage points by which ', lines, ' columns moved the mean score.'),
			leadscore.svg_legend(58, '{box,box}', '{#0072B2,#F3CF80}', '{"raises the score","lowers it"}')
			|| leadscore.svg_axes(p, ticks, leadscore.tick_texts(ticks), 'Percentage points (first-order)', '{}', '{}', '')
			|| bars || leadscore.svg_rule(zero, 72, zero, (p).py0))
		ELSE leadscore.svg_note(title, 'lead_monitor() has measured nothing yet.') END
	FROM (SELECT count(*) AS lines, least(min(x), 0) AS least, greatest(max(x), 0) AS most, 118 + 20 * count(*) AS height FROM shown WHERE i <= 12) AS s,
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
COMMENT ON FUNCTION leadscore.plot_impact(text) IS 'what each column moved the mean score in the newest run, as SVG';

-- How metrics are called and written.
CREATE FUNCTION leadscore.metric_names(OUT metric text, OUT title text, OUT form text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	VALUES ('auc', 'AUC', 'number'), ('average_precision', 'Average precision', 'number'), ('log_loss', 'Log loss', 'number'),
		('brier', 'Brier score', 'number'), ('calibration_slope', 'Calibration slope', 'number'),
		('calibration_intercept', 'Calibration intercept', 'number'), ('lift_10', 'Lift of the best tenth', 'number'),
		('positive_rate', 'Positive rate', 'percent'), ('mean_score', 'Mean score', 'percent'), ('ks', 'KS', 'number'),
		('threshold', 'Threshold', 'number'), ('precision', 'Precision at the threshold', 'percent'), ('recall', 'Recall at the threshold', 'percent'),
		('accuracy', 'Accuracy at the threshold', 'percent'), ('f1', 'F1 at the threshold', 'number');
END;
COMMENT ON FUNCTION leadscore.metric_names() IS 'names of metrics for people';

-- The last 30 runs of a model that measured a metric.
CREATE FUNCTION leadscore.plot_quality(name text, metric text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.plot_series(min(m.title) || ' over time', 'On outcomes known by now, with 95 % intervals', '{"observed","the hold-out, with its interval"}',
		min(m.title), min(m.form), array_agg(x ORDER BY i), array_agg(value ORDER BY i), array_agg(low ORDER BY i), array_agg(high ORDER BY i),
		array_agg(reference ORDER BY i), array_agg(reference_low ORDER BY i), array_agg(reference_high ORDER BY i), array_agg(true ORDER BY i), false)
	FROM leadscore.metric_names() AS m LEFT JOIN
		(SELECT row_number() OVER (ORDER BY x DESC, monitor_run_id DESC) * -1 AS i, d.*
		FROM (SELECT leadscore.monitor_time(r) AS x, q.*
			FROM leadscore.monitor_run AS r JOIN leadscore.monitor_metric AS q USING (monitor_run_id)
			WHERE r.name = plot_quality.name AND q.metric = plot_quality.metric AND q.value IS NOT NULL) AS d
		ORDER BY i DESC LIMIT 30) AS runs ON runs.metric = m.metric
	WHERE m.metric = plot_quality.metric;
END;
COMMENT ON FUNCTION leadscore.plot_quality(text, text) IS 'a metric over time as SVG';

-- ---- by name ----

-- keep_curves(run, model, holdout): the curves of the rows that judged a version,
-- as the run's artifact curves.json, for those who may not see the rows.
-- model	as it was judged
CREATE FUNCTION leadscore.keep_curves(run uuid, model bytea, holdout leadframe)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.artifacts (run_id, path, body)
	WITH scores AS MATERIALIZED (SELECT * FROM @extschema@.lead_score_frame($2, $3)),
	curves AS (
		SELECT @extschema@.lead_roc_curve(score, i <= positives) AS roc, @extschema@.lead_pr_curve(score, i <= positives) AS pr,
			@extschema@.lead_calibration(score, i <= positives) AS calibration, @extschema@.lead_lift(score, i <= positives) AS lift
		FROM scores, LATERAL generate_series(1, positives + negatives) AS i),
	edges AS (SELECT leadscore.nice_ticks(0, max(score), 21) AS edge FROM scores),
	bins AS (
		SELECT i, sum(positives) AS positives, sum(negatives) AS negatives
		FROM scores, edges, LATERAL (SELECT least(width_bucket(score, edge), cardinality(edge) - 1) AS i) AS b GROUP BY i)
	SELECT $1, 'curves.json', jsonb_build_object('roc', leadscore.curve_of(roc), 'pr', leadscore.curve_of(pr), 'calibration', calibration, 'lift', lift,
		'scores', (SELECT jsonb_agg(jsonb_build_array(edge[i], edge[i + 1], coalesce(b.positives, 0), coalesce(b.negatives, 0)) ORDER BY i)
			FROM edges, generate_series(1, cardinality(edge) - 1) AS i LEFT JOIN bins AS b USING (i)))::text
	FROM curves
$$;
COMMENT ON FUNCTION leadscore.keep_curves(uuid, bytea, leadframe) IS 'keeps the curves of a version''s held-out rows, for pictures';

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
			WHEN 'lift' THEN lead_plot((SELECT array_agg(t ORDER BY t.tile) FROM jsonb_populate_recordset(NULL::lead_lift_tile, nullif(doc->'lift', 'null')) AS t))
			WHEN 'scores' THEN (SELECT leadscore.plot_scores(array_agg((s->>0)::float8 ORDER BY i), array_agg((s->>1)::float8 ORDER BY i),
					array_agg((s->>2)::bigint ORDER BY i), array_agg((s->>3)::bigint ORDER BY i))
				FROM jsonb_array_elements(nullif(doc->'scores', 'null')) WITH ORDINALITY AS e(s, i)) END
		FROM leadscore.artifacts AS a, LATERAL (SELECT a.body::jsonb AS doc) AS d WHERE a.run_id = run AND a.path = 'curves.json'),
		leadscore.svg_note(CASE what WHEN 'roc' THEN 'ROC curve' WHEN 'pr' THEN 'Precision and recall' WHEN 'calibration' THEN 'Calibration'
			WHEN 'lift' THEN 'Lift' ELSE 'Scores by outcome' END, 'No rows were held out to judge this version.'));
END;
COMMENT ON FUNCTION leadscore.plot_kept(uuid, text) IS 'a curve of the rows that judged a version, as SVG';

-- A column in the newest monitored window and before.
CREATE FUNCTION leadscore.plot_monitored(name text, "column" text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((
		SELECT lead_plot(CASE "column" WHEN '(score)' THEN h.holdout ELSE lead_profile(v.model) END, r.profile, "column")
		FROM leadscore.monitor_run AS r JOIN leadscore.versions AS v USING (name, version)
			LEFT JOIN leadscore.version_profiles AS h USING (name, version)
		WHERE r.name = plot_monitored.name AND r.profile IS NOT NULL ORDER BY r.monitor_run_id DESC LIMIT 1),
		leadscore.svg_note(left("column", 100), 'lead_monitor() has measured nothing yet.'));
END;
COMMENT ON FUNCTION leadscore.plot_monitored(text, text) IS 'a column in the newest monitored window and before, as SVG';

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
			HINT = format('Columns that are watched: %s.', (SELECT string_agg(DISTINCT c."column", ', ') FROM leadscore.monitor_column AS c
				WHERE c.monitor_run_id = (SELECT max(r.monitor_run_id) FROM leadscore.monitor_run AS r WHERE r.name = shown.name)));
	END IF;
	CASE what
		WHEN 'coefficients' THEN
			RETURN coalesce((SELECT @extschema@.lead_plot(v.model) FROM leadscore.versions AS v WHERE v.run_id = shown.run_id),
				leadscore.svg_note('Coefficients', 'No version was trained yet.'));
		WHEN 'drift' THEN
			RETURN CASE WHEN "column" IS NULL THEN leadscore.plot_drift(shown.name) ELSE leadscore.plot_drift_column(shown.name, "column") END;
		WHEN 'impact' THEN
			RETURN leadscore.plot_impact(shown.name);
		WHEN 'column' THEN
			IF "column" IS NULL THEN
				RAISE EXCEPTION 'which column is to be drawn?' USING ERRCODE = 'invalid_parameter_value',
					HINT = format('Write lead_plot(%L, ''column'', ''city'').', name);
			END IF;
			RETURN leadscore.plot_monitored(shown.name, "column");
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
