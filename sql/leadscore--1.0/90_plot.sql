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
 * A unit is a pixel at 400 pixels of width, and no text is smaller than 11, so it
 * can be read on a phone.  Colours are Okabe and Ito's, which the colour-blind
 * tell apart; those used together differ in luminance and in dash or shape as
 * well, for printing in grey.
 *
 *	xml_text, svg_label, text_width		texts from users, escaped and cut to fit
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

-- About how wide a character is drawn, in parts of the size: as Helvetica's.
CREATE FUNCTION leadscore.text_width(t text)
RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(sum(CASE WHEN c ~ '[ijltfI.,:;''|!()\[\] ]' THEN 0.3 WHEN c ~ '[mwMW@%]' THEN 0.87
		WHEN c ~ '[A-Z]' THEN 0.69 WHEN ascii(c) >= 4352 THEN 1 ELSE 0.56 END), 0)::float8
	FROM regexp_split_to_table(t, '') AS c;
END;
COMMENT ON FUNCTION leadscore.text_width(text) IS 'about how wide a text is drawn, in units of its size';

-- A text cut to a width, its middle left out: names of levels differ at the end.
CREATE FUNCTION leadscore.svg_label(t text, width float8, size float8 DEFAULT 12)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN length(t) <= 200 AND leadscore.text_width(t) * size <= width THEN leadscore.xml_text(t)
		ELSE leadscore.xml_text(left(t, best.n / 2)) || '&#8230;' || leadscore.xml_text(right(t, best.n - best.n / 2)) END
	FROM (SELECT coalesce(max(n), 1) AS n FROM generate_series(1, least(length(t) - 1, 60)) AS n
		WHERE leadscore.text_width(left(t, n / 2) || right(t, n - n / 2)) * size <= width - size) AS best;
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
	FROM (SELECT CASE WHEN high > low AND high - low < 1e300 THEN low ELSE low - greatest(abs(low), 1) / 2 END AS a,
			CASE WHEN high > low AND high - low < 1e300 THEN high ELSE low + greatest(abs(low), 1) / 2 END AS b) AS ends,
		LATERAL (SELECT leadscore.nice_number(leadscore.nice_number(b - a, false)::float8 / (ticks - 1), true) AS step) AS width,
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
			ARRAY[to_char(to_timestamp(low) AT TIME ZONE 'UTC', 'YYYY-MM-DD')])
	FROM (SELECT to_timestamp(low) AT TIME ZONE 'UTC' AS a, to_timestamp(high) AT TIME ZONE 'UTC' AS b) AS ends,
		LATERAL (SELECT step FROM unnest('{1 hour,3 hours,6 hours,12 hours,1 day,2 days,7 days,14 days,1 month,2 months,3 months,6 months,
				1 year,2 years,5 years,10 years,50 years,1000 years}'::interval[]) WITH ORDINALITY AS s(step, n)
			WHERE a + 5 * step > b OR step = interval '1000 years' ORDER BY n LIMIT 1) AS width,
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
		|| coalesce((SELECT string_agg(leadscore.svg_text(leadscore.at_x(p, x), (p).py0 + 18, leadscore.xml_text(t), 'middle'), '' ORDER BY i)
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

-- The points of lead_roc_curve().
CREATE FUNCTION lead_plot(curve lead_roc_point[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n >= 2 THEN
		leadscore.svg_document(432, title, concat('AUC ', leadscore.number_text(auc), ' of ', leadscore.rows_text(positives), ' positives, ',
				leadscore.rows_text(negatives), ' negatives'),
			concat('The curve of true positive rate over false positive rate; the area below it is ', leadscore.number_text(auc), '.'),
			leadscore.svg_legend(58, '{line,dash}', '{#0072B2,#6b6b6b}', '{"the score","chance"}')
			|| leadscore.svg_axes(p, ticks, texts, 'False positive rate', ticks, texts, 'True positive rate')
			|| leadscore.svg_line(p, '{0,1}', '{0,1}', '#6b6b6b', '5 4', 1.5) || leadscore.svg_line(p, xs, ys, '#0072B2'))
		ELSE leadscore.svg_note(title, 'No curve: it takes leads of both outcomes.') END
	FROM (SELECT count(*) AS n, array_agg(fpr ORDER BY i) AS xs, array_agg(tpr ORDER BY i) AS ys, max(tp) AS positives, max(fp) AS negatives
			FROM unnest(curve) WITH ORDINALITY AS c(threshold, fpr, tpr, tp, fp, i) WHERE fpr BETWEEN 0 AND 1 AND tpr BETWEEN 0 AND 1) AS points,
		LATERAL (SELECT sum((xs[i] - xs[i - 1]) * (ys[i] + ys[i - 1]) / 2) AS auc FROM generate_series(2, n) AS i) AS area,
		(SELECT 'ROC curve' AS title, leadscore.plane_of(432, 0, 1, 0, 1) AS p, '{0,0.2,0.4,0.6,0.8,1}'::float8[] AS ticks) AS c,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts;
END;
COMMENT ON FUNCTION lead_plot(lead_roc_point[]) IS 'ROC curve as SVG';

-- The points of lead_pr_curve(), drawn as steps: between two thresholds the
-- precision is that of the lower one.
CREATE FUNCTION lead_plot(curve lead_pr_point[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN n >= 2 AND positives > 0 THEN
		leadscore.svg_document(432, title, concat('Average precision ', leadscore.number_text(ap), '; ', leadscore.share_text(base), ' of all are positives'),
			concat('The curve of precision over recall; its average precision is ', leadscore.number_text(ap), ', that of chance ',
				leadscore.number_text(base), '.'),
			leadscore.svg_legend(58, '{line,dash}', '{#0072B2,#6b6b6b}', '{"the score","chance"}')
			|| leadscore.svg_axes(p, ticks, texts, 'Recall: share of the positives that are found', ticks, texts,
				'Precision: share of positives among those picked')
			|| leadscore.svg_line(p, '{0,1}', ARRAY[base, base], '#6b6b6b', '5 4', 1.5) || leadscore.svg_line(p, xs, ys, '#0072B2'))
		ELSE leadscore.svg_note(title, 'No curve: there are no positives.') END
	FROM (SELECT count(*) AS n, max(tp) AS positives, max(tp)::float8 / nullif(max(tp) + max(fp), 0) AS base,
				sum((recall - before) * precision) AS ap
			FROM (SELECT c.*, lag(recall, 1, 0::float8) OVER (ORDER BY i DESC) AS before
				FROM unnest(curve) WITH ORDINALITY AS c(threshold, precision, recall, tp, fp, i)
				WHERE precision BETWEEN 0 AND 1 AND recall BETWEEN 0 AND 1) AS steps) AS points,
		LATERAL (SELECT array_agg(x ORDER BY i DESC, corner) AS xs, array_agg(precision ORDER BY i DESC, corner) AS ys
			FROM (SELECT c.*, lag(recall, 1, 0::float8) OVER (ORDER BY i DESC) AS before
				FROM unnest(curve) WITH ORDINALITY AS c(threshold, precision, recall, tp, fp, i)
				WHERE precision BETWEEN 0 AND 1 AND recall BETWEEN 0 AND 1 AND tp + fp > 0) AS s,
				LATERAL (VALUES (1, before), (2, recall)) AS v(corner, x)) AS corners,
		(SELECT 'Precision and recall' AS title, leadscore.plane_of(432, 0, 1, 0, 1) AS p, '{0,0.2,0.4,0.6,0.8,1}'::float8[] AS ticks) AS c,
		LATERAL leadscore.tick_texts(ticks, 'percent') AS texts;
END;
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
		LATERAL (SELECT leadscore.nice_ticks(0, least(greatest(most, 0.001), 1), 6) AS ticks) AS t,
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
		LATERAL (SELECT leadscore.nice_ticks(0, greatest(most, 1)) AS y_ticks) AS y,
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
		LATERAL (SELECT leadscore.nice_ticks(lows[1], highs[cardinality(highs)], 6) AS x_ticks, leadscore.nice_ticks(0, greatest(a.most, b.most)) AS y_ticks) AS t,
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
		LATERAL (SELECT leadscore.nice_ticks(least, most, 4) AS ticks) AS t,
		LATERAL (SELECT ROW(170, 340, height - 44, 84, ticks[1], ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL leadscore.at_x(p, 0) AS zero,
		LATERAL (SELECT string_agg(leadscore.svg_text(164, y + 4, leadscore.svg_label(name, 156), 'end')
				|| coalesce(leadscore.svg_rule(leadscore.at_x(p, low), y, leadscore.at_x(p, high), y, colour, 2), '')
				|| leadscore.svg_mark(leadscore.at_x(p, effect), y, shape, colour, concat(name, ': ', leadscore.number_text(effect),
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
		LATERAL (SELECT leadscore.nice_ticks(0, coalesce(nullif(most, 0), 1), 4) AS ticks, 122 + 30 * cardinality(levels) AS height) AS t,
		LATERAL (SELECT ROW(130, 344, height - 44, 74, 0, ticks[cardinality(ticks)], 0, 1)::leadscore.plane AS p) AS q,
		LATERAL (SELECT string_agg(leadscore.svg_text(124, y + 17, leadscore.svg_label(level, 116), 'end')
				|| coalesce(leadscore.svg_rect((p).px0, y, leadscore.at_x(p, a) - (p).px0, 12, '#F3CF80', '#9A6A00', concat(level, ' before: ', leadscore.share_text(a)))
					|| leadscore.svg_text(leadscore.at_x(p, a) + 4, y + 10, leadscore.xml_text(leadscore.share_text(a)), 'start', 11), '')
				|| coalesce(leadscore.svg_rect((p).px0, y + 12, leadscore.at_x(p, b) - (p).px0, 12, '#0072B2', 'none', concat(level, ' now: ', leadscore.share_text(b)))
					|| leadscore.svg_text(leadscore.at_x(p, b) + 4, y + 22, leadscore.xml_text(leadscore.share_text(b)), 'start', 11), ''),
				'' ORDER BY i) AS bars
			FROM unnest(levels, before, now) WITH ORDINALITY AS u(level, a, b, i), LATERAL (SELECT 50 + 30 * i AS y) AS at) AS m;
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
			CASE WHEN intervals AND missing_before + missing_now > 0 THEN concat('missing: ', leadscore.share_text(missing_before), ' before, ',
				leadscore.share_text(missing_now), ' now') ELSE 'before and now' END AS subtitle,
			ARRAY[coalesce(concat('before (', leadscore.rows_text(rows_before), ' rows)'), ''), concat('now (', leadscore.rows_text(rows_now), ' rows)')] AS legend) AS c;
END;
COMMENT ON FUNCTION lead_plot(leadprofile, leadprofile, text) IS 'how one column is distributed in two profiles, as SVG';
