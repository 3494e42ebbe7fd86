----------------------------------------------------------------------------
-- Drawing
----------------------------------------------------------------------------

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
 *	xml_text, svg_label, text_width		texts from users, escaped and cut to fit
 *	number_text, share_text, rows_text	numbers for people
 *	nice_ticks, tick_texts, time_ticks	where an axis is labelled, and how
 *	plane, plane_of, at_x, at_y			data to pixels
 *	svg_axes, svg_legend, svg_line, svg_step, svg_band, svg_rect, svg_mark, svg_rule, svg_text
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
	FROM (SELECT least(length(t), 200) AS n) AS given, leadscore.text_ends(CASE WHEN length(t) > 200 THEN left(t, 100) || right(t, 100)
		ELSE t END) AS ends,
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
		LATERAL (SELECT CASE WHEN h > l THEN l ELSE l - greatest(abs(l), 1) / 2 END AS a,
			CASE WHEN h > l THEN h ELSE l + greatest(abs(l), 1) / 2 END AS b) AS ends,
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
		SELECT i, y, coalesce(width_bucket(x, least_x, nullif(most_x, least_x), columns), 0) AS part
		FROM unnest(xs, ys) WITH ORDINALITY AS u(x, y, i), (SELECT min(x) AS least_x, max(x) AS most_x FROM unnest(xs) AS x) AS ends),
	parts AS (SELECT part, min(y) AS lowest, max(y) AS highest FROM points GROUP BY part),
	kept AS (SELECT min(i) AS a, max(i) AS b, min(i) FILTER (WHERE y = lowest) AS c, min(i) FILTER (WHERE y = highest) AS d
		FROM points JOIN parts USING (part) GROUP BY part)
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
CREATE FUNCTION leadscore.svg_rect(x float8, y float8, width float8, height float8, fill text, stroke text DEFAULT 'none',
	tip text DEFAULT '')
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
	SELECT '<polygon fill="' || fill || '" points="' || string_agg(leadscore.px(leadscore.at_x(p, x)) || ','
		|| leadscore.px(leadscore.at_y(p, y)),
		' ' ORDER BY side, i * side) || '"/>'
	FROM (SELECT 1 AS side, x, y, i FROM unnest(xs, highs) WITH ORDINALITY AS u(x, y, i)
		UNION ALL SELECT -1, x, y, i FROM unnest(xs, lows) WITH ORDINALITY AS u(x, y, i)) AS around;
END;
COMMENT ON FUNCTION leadscore.svg_band(leadscore.plane, float8[], float8[], float8[], text) IS 'the area between two curves';

-- Grid, ticks and labels; ticks outside are left out.  The label of y stands above the axis, to be read
-- without turning the head.
CREATE FUNCTION leadscore.svg_axes(p leadscore.plane, x_ticks float8[], x_texts text[], x_label text,
	y_ticks float8[], y_texts text[], y_label text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<g stroke="#ddd">'
		|| coalesce((SELECT string_agg('<path d="M' || leadscore.px((p).px0) || ' ' || leadscore.px(leadscore.at_y(p, y)) || 'H'
			|| leadscore.px((p).px1) || '"/>', '' ORDER BY i) FROM unnest(y_ticks) WITH ORDINALITY AS u(y, i) WHERE y BETWEEN (p).y0 AND (p).y1), '')
		|| coalesce((SELECT string_agg('<path d="M' || leadscore.px(leadscore.at_x(p, x)) || ' ' || leadscore.px((p).py0) || 'v5" stroke="#333"/>',
			'' ORDER BY i) FROM unnest(x_ticks) WITH ORDINALITY AS u(x, i) WHERE x BETWEEN (p).x0 AND (p).x1), '')
		|| '</g>' || leadscore.svg_rule((p).px0, (p).py0, (p).px1, (p).py0)
		|| coalesce((SELECT string_agg(leadscore.svg_text((p).px0 - 6, leadscore.at_y(p, y) + 4, leadscore.xml_text(t), 'end'), '' ORDER BY i)
			FROM unnest(y_ticks, y_texts) WITH ORDINALITY AS u(y, t, i) WHERE y BETWEEN (p).y0 AND (p).y1), '')
		|| coalesce((SELECT string_agg(leadscore.svg_text(least(leadscore.at_x(p, x), 397 - 6 * leadscore.text_width(t)), (p).py0 + 18,
			leadscore.xml_text(t), 'middle'), '' ORDER BY i)
			FROM unnest(x_ticks, x_texts) WITH ORDINALITY AS u(x, t, i) WHERE x BETWEEN (p).x0 AND (p).x1), '')
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
BEGIN ATOMIC
	SELECT '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 ' || leadscore.px(height) || '" width="600" height="'
	|| leadscore.px(1.5 * height)
	|| '" role="img" font-family="Helvetica, Arial, sans-serif"><title>' || leadscore.xml_text(title) || '</title><desc>'
	|| leadscore.xml_text(description) || '</desc><rect width="400" height="' || leadscore.px(height) || '" fill="#fff"/>'
	|| leadscore.svg_text(12, 21, leadscore.svg_label(title, 376, 15), 'start', 15, '#111', 'bold')
	|| CASE subtitle WHEN '' THEN '' ELSE leadscore.svg_text(12, 39, leadscore.svg_label(subtitle, 376, size), 'start', size) END || body || '</svg>'
	FROM (SELECT CASE WHEN 12 * leadscore.text_width(subtitle) > 376 THEN 11 ELSE 12 END AS size) AS s;
END;
COMMENT ON FUNCTION leadscore.svg_document(float8, text, text, text, text) IS 'a picture as a document of its own';

-- There is nothing to draw, and why.
CREATE FUNCTION leadscore.svg_note(title text, note text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.svg_document(64, title, note, note, '');
COMMENT ON FUNCTION leadscore.svg_note(text, text) IS 'a picture that says why there is none';
