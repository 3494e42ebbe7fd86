--
-- A stored model of format 1, read for ever: one feature of every kind, a level
-- that is empty, levels beyond ASCII, NULL counted as other, an aliased column.
--
\set content `tr -d '\n' < test/data/model_v1.hex`
CREATE TEMP TABLE golden AS SELECT decode(:'content', 'hex') AS model;
SELECT length(model) FROM golden;

-- what it says
\pset format unaligned
\pset tuples_only on
SELECT lead_summary(model) FROM golden;
SELECT jsonb_pretty(lead_info(model) - '{columns,coefficients}'::text[]) FROM golden;
SELECT jsonb_array_elements(lead_info(model) -> 'columns') FROM golden;
SELECT c FROM golden, jsonb_array_elements(lead_info(model) -> 'coefficients')
	WITH ORDINALITY AS e(c, n) WHERE n IN (1, 2, 19);
\pset format aligned
\pset tuples_only off

SELECT "column", level, name, estimate, round(std_error::numeric, 6) AS std_error,
	round(z::numeric, 6) AS z, to_char(p, '9.999999EEEE') AS p,
	aliased_is_null
FROM golden, lead_coefficients(model) WITH ORDINALITY AS c,
	LATERAL (SELECT num_nulls(estimate, std_error, z, p, ci_low, ci_high,
		odds_ratio, odds_low, odds_high, std_estimate) = 10 AS aliased_is_null) a
ORDER BY ordinality;
SELECT name, round(ci_low::numeric, 8) AS ci_low, round(ci_high::numeric, 8) AS ci_high,
	round(odds_ratio::numeric, 8) AS odds_ratio, round(odds_low::numeric, 8) AS odds_low,
	round(odds_high::numeric, 8) AS odds_high,
	round(std_estimate::numeric, 8) AS std_estimate
FROM golden, lead_coefficients(model)
WHERE name IN ('(Intercept)', 'clicks', 'größe=large');
SELECT array_agg(name) = lead_encoded_names(model) AS same_names
FROM golden, lead_coefficients(model) GROUP BY model;
SELECT array_dims(v), count(*) FILTER (WHERE v[i][j] = v[j][i]) AS symmetric,
	count(*) FILTER (WHERE v[i][j] = 'NaN') AS aliased,
	bool_and(abs(sqrt(v[i][i]) - std_error) < 1e-12) FILTER (WHERE i = j AND i NOT IN (2, 19)) AS errors
FROM golden, lead_covariance(model) v, generate_series(1, 19) i, generate_series(1, 19) j,
	LATERAL (SELECT std_error FROM lead_coefficients(model) WITH ORDINALITY c WHERE ordinality = i) e
GROUP BY 1;

SELECT lead_summary(NULL), lead_info(NULL), lead_encoded_names(NULL), lead_covariance(NULL);
SELECT count(*) FROM lead_coefficients(NULL);

--
-- Damage: an error or the same answer
--
CREATE FUNCTION pg_temp.answer(model bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	RETURN md5(public.lead_info(model)::text || public.lead_encoded_names(model)::text);
EXCEPTION WHEN invalid_binary_representation OR feature_not_supported THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLERRM || ': ' || detail;
END $$;

-- every byte, in two ways
SELECT CASE answer WHEN pg_temp.answer(model) THEN 'same'
	ELSE regexp_replace(answer, 'format \d+', 'format N') END AS answer, count(*)
FROM golden, generate_series(0, length(model) - 1) at, unnest(ARRAY[1, 255]) bits,
	pg_temp.answer(set_byte(model, at, get_byte(model, at) # bits)) answer
GROUP BY 1 ORDER BY 2 DESC, min(answer) COLLATE "C";
-- every truncation
SELECT answer, count(*)
FROM golden, generate_series(0, length(model) - 1) n, pg_temp.answer(substr(model, 1, n)) answer
GROUP BY 1 ORDER BY 2 DESC, min(answer) COLLATE "C";
-- bytes in front and behind
SELECT pg_temp.answer(model || '\x00'), pg_temp.answer('\x00' || model) FROM golden;
-- anything
SELECT answer, count(*)
FROM generate_series(1, 300) i,
	pg_temp.answer((SELECT decode(string_agg(md5((i * j)::text), ''), 'hex') FROM generate_series(1, i) j)) answer
GROUP BY 1;

--
-- Forgery: checksums are right, contents are not
--
\i test/lib/forge.psql
-- the check value of CRC-32C
SELECT to_hex(pg_temp.crc32c('123456789'));

CREATE FUNCTION pg_temp.get_u32(data bytea, at int) RETURNS int LANGUAGE sql AS $$
	SELECT get_byte(data, at) + (get_byte(data, at + 1) << 8) + (get_byte(data, at + 2) << 16)
$$;
CREATE FUNCTION pg_temp.seal(scoring bytea, statistics bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(E'LSmodel\n', 'UTF8') || pg_temp.u32(1)
		|| pg_temp.u32(40 + length(scoring) + length(statistics))
		|| pg_temp.u32(length(scoring)) || pg_temp.u32(pg_temp.crc32c(scoring))
		|| pg_temp.u32(length(statistics)) || pg_temp.u32(pg_temp.crc32c(statistics))
		|| '\x0000000000000000' || scoring || statistics
$$;
CREATE TEMP TABLE parts AS
	SELECT substr(model, 41, n) AS scoring, substr(model, 41 + n) AS statistics
	FROM golden, pg_temp.get_u32(model, 16) n;
SELECT pg_temp.seal(scoring, statistics) = model AS sealed_alike FROM parts, golden;

-- replace the first occurrence of `old`, or complain
CREATE FUNCTION pg_temp.swap(data bytea, old bytea, new bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	IF position(old IN data) = 0 OR old = new THEN
		RAISE 'nothing to replace: %', old;
	END IF;
	RETURN overlay(data PLACING new FROM position(old IN data) FOR length(old));
END $$;
CREATE TEMP TABLE forged (n serial, what text, part text, old bytea, new bytea);
INSERT INTO forged (what, part, old, new) VALUES
	('sources: huge count', 'scoring', '\x09000000080400000063697479', '\xffffffff080400000063697479'),
	('sources: more than there are', 'scoring', '\x09000000080400000063697479', '\x40060000080400000063697479'),
	('sources: type 0', 'scoring', '\x080400000063697479', '\x000400000063697479'),
	('sources: type 99', 'scoring', '\x080400000063697479', '\x630400000063697479'),
	('sources: empty name', 'scoring', '\x080400000063697479', '\x0800000000'),
	('sources: endless name', 'scoring', '\x080400000063697479', '\x08ffffffff63697479'),
	('sources: NUL in a name', 'scoring', '\x080400000063697479', '\x080400000063690079'),
	('sources: text becomes integer', 'scoring', '\x080400000063697479', '\x030400000063697479'),
	('sources: integer becomes text', 'scoring', '\x0306000000636c69636b73', '\x0806000000636c69636b73'),
	('sources: timestamptz becomes text', 'scoring', '\x0d0700000063726561746564', '\x080700000063726561746564'),
	('features: huge count', 'scoring', '\x0a0000000000000002000400000063697479', '\xffffff7f0000000002000400000063697479'),
	('features: source out of range', 'scoring', '\x0000000002000400000063697479', '\x0900000002000400000063697479'),
	('features: kind 0', 'scoring', '\x0000000002000400000063697479', '\x0000000000000400000063697479'),
	('features: kind 5', 'scoring', '\x0000000002000400000063697479', '\x0000000005000400000063697479'),
	('features: transform 8', 'scoring', '\x0000000002000400000063697479', '\x0000000002080400000063697479'),
	('features: hour of a text', 'scoring', '\x0000000002000400000063697479', '\x0000000002020400000063697479'),
	('levels: huge count', 'scoring', '\x636974790500000001', '\x63697479ffffffff01'),
	('levels: 5,000 of 5', 'scoring', '\x636974790500000001', '\x636974798813000001'),
	('levels: numbers of a text', 'scoring', '\x636974790500000001', '\x636974790500000000'),
	('levels: flag 2', 'scoring', '\x636974790500000001', '\x636974790500000002'),
	('levels: unsorted', 'scoring', '\x0500000044656c6869', '\x050000005a656c6869'),
	('levels: twice the same', 'scoring', '\x0500000044656c6869', '\x00000000'),
	('levels: not UTF-8', 'scoring', '\x0500000044656c6869', '\x0500000044ff6c6869'),
	('levels: overlong UTF-8', 'scoring', '\x0500000044656c6869', '\x0500000044c0af6869'),
	('levels: surrogate', 'scoring', '\x0500000044656c6869', '\x0500000044eda08069'),
	('levels: slot with a wrong code', 'scoring', '\x000500000044656c6869', '\x020500000044656c6869'),
	('levels: two references', 'scoring', '\x000500000044656c6869', '\x010500000044656c6869'),
	('levels: no reference, one column too many', 'scoring', '\x01060000004d756d626169', '\x00060000004d756d626169'),
	('levels: numbers unsorted', 'scoring', '\x000000000000204001', '\x000000000000304001'),
	('levels: NaN', 'scoring', '\x000000000000204001', '\x000000000000f87f01'),
	('other: slot 4', 'scoring', '\xe69db1e4baac0004', '\xe69db1e4baac0404'),
	('null: slot 5', 'scoring', '\xe69db1e4baac0004', '\xe69db1e4baac0005'),
	('bins: huge count', 'scoring', '\x020000000000000000002440', '\xffffff1f0000000000002440'),
	('bins: unsorted', 'scoring', '\x0000000000002440', '\x0000000000006940'),
	('bins: twice the same edge', 'scoring', '\x00000000000024400000000000e05840', '\x0000000000e058400000000000e05840'),
	('fill: infinite', 'scoring', '\x9a9999999999f93f', '\x000000000000f0ff'),
	('no time zone', 'scoring', '\x0c000000417369612f4b6f6c6b617461', '\x00000000'),
	('coefficients: one fewer', 'scoring', '\x13000000000000000000b0bf', '\x12000000000000000000b0bf'),
	('coefficients: huge count', 'scoring', '\x13000000000000000000b0bf', '\xffffffff000000000000b0bf'),
	('coefficients: NaN', 'scoring', '\x00000000000029c0', '\x010000000000f07f'),
	('coefficients: infinite', 'scoring', '\x00000000000029c0', '\x000000000000f07f'),
	('aliased: 2', 'scoring', '\x000000000001000000000000f03f', '\x000000000002000000000000f03f'),
	('aliased: but not 0', 'scoring', '\x000000000001000000000000f03f', '\x000000000101000000000000f03f'),
	('statistics: inference 4', 'statistics', '\x01070000', '\x04070000'),
	('statistics: unknown flag', 'statistics', '\x01070000', '\x01170000'),
	('statistics: a flag less', 'statistics', '\x01070000', '\x01030000'),
	('statistics: reserved byte', 'statistics', '\x01070000', '\x01070100'),
	('statistics: confidence 1', 'statistics', '\x666666666666ee3f', '\x000000000000f03f'),
	('statistics: confidence NaN', 'statistics', '\x666666666666ee3f', '\xffffffffffffffff'),
	('statistics: negative error', 'statistics', '\x000000000000d63f', '\x000000000000d6bf'),
	('statistics: infinite error', 'statistics', '\x000000000000d63f', '\x000000000000f07f'),
	('statistics: endless description', 'statistics', '\x7b2266616d696c79223a', '\x'),
	('statistics: description is no UTF-8', 'statistics', '\x7b2266616d696c79223a', '\xff2266616d696c79223a');
SELECT what, pg_temp.answer(pg_temp.seal(
	CASE part WHEN 'scoring' THEN pg_temp.swap(scoring, old, new) ELSE scoring END,
	CASE part WHEN 'statistics' THEN pg_temp.swap(statistics, old, new) ELSE statistics END))
FROM parts, forged ORDER BY n;
SELECT pg_temp.answer(pg_temp.seal(scoring || '\x00', statistics)) AS longer_scoring,
	pg_temp.answer(pg_temp.seal(scoring, statistics || '\x00')) AS longer_statistics,
	pg_temp.answer(pg_temp.seal('', '')) AS nothing
FROM parts;

-- a covariance that is not known, though nothing is aliased: p sd, p errors, 10 VIF come first
SELECT pg_temp.answer(pg_temp.seal(scoring,
	overlay(statistics PLACING '\x000000000000f87f'::bytea FROM 1 + 12 + 8 * (19 + 19 + 10))))
FROM parts;

-- the description: no JSON, no object
\set VERBOSITY terse
SELECT lead_info(pg_temp.seal(scoring, pg_temp.swap(statistics, '\x7b2266616d696c79223a', '\x7b2266616d696c79223b'))) FROM parts;
SELECT lead_summary(pg_temp.seal(scoring, substr(statistics, 1, position('\x7b2266616d696c79223a'::bytea IN statistics) - 5)
	|| '\x020000005b5d')) FROM parts;
\set VERBOSITY default
SELECT lead_summary(pg_temp.seal(scoring, substr(statistics, 1, position('\x7b2266616d696c79223a'::bytea IN statistics) - 5)
	|| '\x020000005b5d')) FROM parts;
-- none is fine
SELECT left(lead_summary(pg_temp.seal(scoring, substr(statistics, 1, position('\x7b2266616d696c79223a'::bytea IN statistics) - 5)
	|| '\x00000000')), 35) FROM parts;

-- header: newer and older formats, lengths that lie, reserved bytes
SELECT lead_summary(overlay(model PLACING '\x04'::bytea FROM 9)) FROM golden;
SELECT pg_temp.answer(overlay(model PLACING '\x00'::bytea FROM 9)),
	pg_temp.answer(overlay(model PLACING '\xffffffff'::bytea FROM 17)),
	pg_temp.answer(overlay(model PLACING '\x01'::bytea FROM 40)) FROM golden;
SELECT lead_encoded_names('\x'::bytea);
SELECT lead_coefficients('not a model'::bytea);

--
-- Out of line: the same names from a slice, and from the scoring part alone
--
CREATE TEMP TABLE stored (how text, model bytea);
ALTER TABLE stored ALTER model SET STORAGE EXTERNAL;
INSERT INTO stored SELECT 'external', model FROM golden;
INSERT INTO stored SELECT 'external, statistics damaged', set_byte(model, length(model) - 1, 0) FROM golden;
INSERT INTO stored SELECT 'external, scoring damaged', set_byte(model, 100, 255) FROM golden;
INSERT INTO stored SELECT 'external, truncated', substr(model, 1, length(model) - 1) FROM golden;
ALTER TABLE stored ALTER model SET STORAGE EXTENDED;
INSERT INTO stored SELECT 'compressed', pg_temp.seal(scoring, substr(statistics, 1, at - 5)
	|| pg_temp.u32(length(statistics) - at + 1 + 20000) || substr(statistics, at)
	|| decode(repeat('20', 20000), 'hex'))
FROM parts, position('\x7b2266616d696c79223a'::bytea IN statistics) at;
ALTER TABLE stored ALTER model SET STORAGE PLAIN;
INSERT INTO stored SELECT 'plain', model || ''::bytea FROM golden;
CREATE FUNCTION pg_temp.names(how text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT public.lead_encoded_names(s.model) = public.lead_encoded_names(g.model)
		FROM stored s, golden g WHERE s.how = names.how);
EXCEPTION WHEN invalid_binary_representation THEN
	RETURN SQLERRM;
END $$;
SELECT how, pg_column_size(model) < length(model) AS packed, pg_temp.names(how) FROM stored;
SELECT lead_info(model) -> 'format' FROM stored WHERE how = 'external, statistics damaged';
