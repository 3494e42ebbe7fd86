----------------------------------------------------------------------------
-- A report
----------------------------------------------------------------------------

/*
 * lead_report(name) is one HTML page: nothing in it is loaded from elsewhere and
 * nothing runs.  A section is a function that returns the inside of it; where there
 * is nothing to show it says why.  Every text goes through xml_text(), every list
 * is bounded and says how many more there are, so the page stays below 300 kB.
 *
 *	html_table, html_facts, html_section, html_figures		what sections are made of
 *	report_head, report_training, report_quality, …			the sections
 */

-- A text of a cell: bounded, escaped.
CREATE FUNCTION leadscore.html_text(t text, most integer DEFAULT 160)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN leadscore.xml_text(left(t, most)) || CASE WHEN length(t) > most THEN '&#8230;' ELSE '' END;
COMMENT ON FUNCTION leadscore.html_text(text, integer) IS 'a text of a report, bounded and escaped';

-- A time as a report writes it.
CREATE FUNCTION leadscore.time_text(at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC';
COMMENT ON FUNCTION leadscore.time_text(timestamptz) IS 'a time as a report writes it';

-- Where a hold-out begins: a time to the minute; a number or a date as it is.
CREATE FUNCTION leadscore.cut_text(cut text)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN CASE WHEN cut ~ '^\d{4}-\d\d-\d\dT[0-9:.]+[+-]\d\d:\d\d$' THEN leadscore.time_text(cut::timestamptz)
	WHEN cut ~ '^\d{4}-\d\d-\d\dT[0-9:.]+$' THEN to_char(cut::timestamp, 'YYYY-MM-DD HH24:MI') ELSE cut END;
COMMENT ON FUNCTION leadscore.cut_text(text) IS 'where a hold-out begins, as a report writes it';

CREATE FUNCTION leadscore.html_class(header text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE left(header, 1) WHEN '#' THEN ' class="n"' WHEN '=' THEN ' class="t"' ELSE '' END;
COMMENT ON FUNCTION leadscore.html_class(text) IS 'how the cells below a header are set';

-- headers	plain texts; one that begins with # is of a column of numbers, one with =
--			of texts that are not to be broken
-- rows		an array of arrays of plain texts; NULL: no row
-- total	rows there are, if more than are shown
CREATE FUNCTION leadscore.html_table(headers text[], rows jsonb, total bigint DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<div class="scroll"><table><thead><tr>'
		|| (SELECT string_agg('<th' || leadscore.html_class(h) || '>' || leadscore.html_text(ltrim(h, '#=')) || '</th>', '' ORDER BY i)
			FROM unnest(headers) WITH ORDINALITY AS u(h, i))
		|| '</tr></thead><tbody>'
		|| (SELECT string_agg('<tr>' || (SELECT string_agg('<td' || leadscore.html_class(headers[i]) || '>'
				|| coalesce(leadscore.html_text(cell), '') || '</td>', '' ORDER BY i)
				FROM jsonb_array_elements_text(line) WITH ORDINALITY AS c(cell, i)) || '</tr>', '' ORDER BY k)
			FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(line, k))
		|| '</tbody></table></div>'
		|| CASE WHEN total > jsonb_array_length(rows) THEN '<p>and ' || leadscore.rows_text(total - jsonb_array_length(rows))
			|| ' more</p>' ELSE '' END;
END;
COMMENT ON FUNCTION leadscore.html_table(text[], jsonb, bigint) IS 'a table of a report';

-- facts	an array of pairs [name, plain text]; those without a text are left out
CREATE FUNCTION leadscore.html_facts(facts jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<dl>' || string_agg('<dt>' || leadscore.html_text(f->>0) || '</dt><dd>' || leadscore.html_text(f->>1, 1000) || '</dd>', ''
		ORDER BY i) || '</dl>'
	FROM jsonb_array_elements(facts) WITH ORDINALITY AS e(f, i) WHERE f->>1 <> '';
END;
COMMENT ON FUNCTION leadscore.html_facts(jsonb) IS 'names and what they stand for, in a report';

CREATE FUNCTION leadscore.html_section(id text, title text, body text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<section id="' || id || '"><h2>' || leadscore.html_text(title) || '</h2>' || coalesce(nullif(body, ''),
	'<p>There is nothing to show.</p>') || '</section>';
COMMENT ON FUNCTION leadscore.html_section(text, text, text) IS 'a section of a report';

-- Pictures side by side where there is room.
CREATE FUNCTION leadscore.html_figures(pictures text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<div class="figures">' || string_agg('<figure>' || p || '</figure>', '' ORDER BY i) || '</div>'
	FROM unnest(pictures) WITH ORDINALITY AS u(p, i) WHERE p IS NOT NULL;
END;
COMMENT ON FUNCTION leadscore.html_figures(text[]) IS 'pictures in a report';

CREATE FUNCTION leadscore.metric_text(metric text, value float8)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE m.form WHEN 'percent' THEN leadscore.share_text(value) ELSE round(value::numeric, 3)::text END
	FROM leadscore.metric_names() AS m WHERE m.metric = metric_text.metric;
END;
COMMENT ON FUNCTION leadscore.metric_text(text, float8) IS 'a metric as a report writes it';

-- 95 % interval: 0.760 to 0.793
CREATE FUNCTION leadscore.interval_text(metric text, low float8, high float8)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN leadscore.metric_text(metric, low) || ' to ' || leadscore.metric_text(metric, high);
COMMENT ON FUNCTION leadscore.interval_text(text, float8, float8) IS 'an interval as a report writes it';

-- What stands above everything: what this is, and the figures asked for first.
CREATE FUNCTION leadscore.report_head(named text, number integer, run uuid)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT '<header><h1>' || leadscore.html_text(named, 200) || '</h1><p>'
		|| CASE WHEN number IS NULL THEN 'No version of this model was trained yet.'
			ELSE 'Version ' || number || CASE WHEN live.version = number THEN concat(', live', ' since ' || leadscore.time_text(live.deployed_at))
				WHEN live.version IS NULL THEN ', not live' ELSE ', not live: version ' || live.version || ' is' END || '.' END
		|| '</p>' || coalesce('<p>' || leadscore.html_text((SELECT m.description FROM leadscore.models AS m WHERE m.name = named), 1000)
			|| '</p>', '')
		|| coalesce('<p>' || leadscore.html_text(v.description, 1000) || '</p>', '')
		|| coalesce((SELECT '<p class="bad">The last training failed: ' || leadscore.html_text(last.error, 600) || '</p>'
			FROM (SELECT r.status, r.error FROM leadscore.runs AS r WHERE r.model = named AND r.action <> 'tune' ORDER BY r.started_at DESC LIMIT 1) AS last
			WHERE last.status = 'failed'), '')
		|| coalesce('<div class="tiles">' || (SELECT string_agg('<div><b>' || leadscore.xml_text(f->>1) || '</b>'
			|| leadscore.xml_text(f->>0) || '</div>', '' ORDER BY i)
			FROM jsonb_array_elements(jsonb_build_array(
				jsonb_build_array('AUC on the hold-out', leadscore.metric_text('auc', auc)),
				jsonb_build_array('log loss', leadscore.metric_text('log_loss', log_loss)),
				jsonb_build_array('leads trained on', leadscore.rows_text(r.rows)), jsonb_build_array('leads held out', leadscore.rows_text(r.held_out)),
				jsonb_build_array('of the leads held out positive', leadscore.share_text(rate)))) WITH ORDINALITY AS e(f, i)
			WHERE f->>1 IS NOT NULL) || '</div>', '') || '</header>'
	FROM (SELECT 1) AS one
		LEFT JOIN leadscore.versions AS v ON v.name = named AND v.version = number
		LEFT JOIN leadscore.runs AS r ON r.run_id = run
		LEFT JOIN (SELECT max(value) FILTER (WHERE key = 'auc') AS auc, max(value) FILTER (WHERE key = 'log_loss') AS log_loss,
			max(value) FILTER (WHERE key = 'positive_rate') AS rate FROM leadscore.metrics WHERE run_id = run AND step = 0) AS q ON true
		LEFT JOIN LATERAL (SELECT a.version, d.deployed_at FROM leadscore.aliases AS a LEFT JOIN leadscore.deployments AS d
				ON d.name = a.name AND d.alias = a.alias AND d.version = a.version
			WHERE a.name = named AND a.alias = 'champion' ORDER BY d.deployment_id DESC LIMIT 1) AS live ON true;
END;
COMMENT ON FUNCTION leadscore.report_head(text, integer, uuid) IS 'head of a report';

-- What it was trained on, and how.
CREATE FUNCTION leadscore.report_training(run uuid)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.html_facts(jsonb_build_array(
			jsonb_build_array('Source', coalesce(r.spec #>> '{written,source}', r.spec->>'source')),
			jsonb_build_array('Label', coalesce(r.spec #>> '{written,label}', r.spec->>'label')),
			jsonb_build_array('Trained on', concat(leadscore.rows_text(r.rows), ' leads, ', leadscore.rows_text(r.positives), ' of them positive')),
			jsonb_build_array('Not known yet', nullif(leadscore.rows_text(r.unknown), '0') || ' leads, left out'),
			jsonb_build_array('Held out', CASE WHEN r.held_out > 0 THEN concat(leadscore.rows_text(r.held_out), ' leads, ', CASE h->>'by'
					WHEN 'key' THEN concat('by hash of ', h->>'column') WHEN 'group' THEN concat('whole groups of ', h->>'column')
					WHEN 'time' THEN concat('the latest by ', h->>'column', ', after ' || leadscore.cut_text(r.cut #>> '{}')) WHEN 'column' THEN concat('where ',
						h->>'column', ' is true') END)
				ELSE 'none' END),
			jsonb_build_array('Created', leadscore.time_text(r.data_from) || ' to ' || leadscore.time_text(r.data_to)),
			jsonb_build_array('Key', r.spec->>'key'), jsonb_build_array('Time', r.spec->>'time'),
			jsonb_build_array('Features', (SELECT concat(count(*), ': ', string_agg(f, ', ' ORDER BY i) FILTER (WHERE i <= 40),
					CASE WHEN count(*) > 40 THEN concat(' and ', count(*) - 40, ' more') END)
				FROM (SELECT c->>'source' AS f, row_number() OVER (ORDER BY min(o)) AS i
					FROM jsonb_array_elements(info->'columns') WITH ORDINALITY AS e(c, o) GROUP BY c->>'source') AS used)),
			jsonb_build_array('Options', (SELECT string_agg(concat(regexp_replace(p.key, '^options\.', ''), ' = ', left(p.value, 100)), '; '
				ORDER BY p.key COLLATE "C")
				FROM leadscore.params AS p WHERE p.run_id = run AND p.key LIKE 'options.%')),
			jsonb_build_array('Gate', (SELECT string_agg(concat(regexp_replace(p.key, '^gate\.', ''), ' = ', left(p.value, 100)), '; '
				ORDER BY p.key COLLATE "C")
				FROM leadscore.params AS p WHERE p.run_id = run AND p.key LIKE 'gate.%')),
			jsonb_build_array('Fit', concat(info->>'fit', ', ', info->>'design_columns', ' design columns', CASE
				WHEN (info->>'lambda')::float8 > 0 THEN ', lambda = '
				|| (info->>'lambda') END, CASE WHEN info->>'converged' = 'false' THEN ', did not converge' END)),
			jsonb_build_array('Notes', (SELECT string_agg(n, '; ') FROM jsonb_array_elements_text(info->'notes') AS n)),
			jsonb_build_array('Tags', (SELECT string_agg(concat(t.key, ' = ', left(t.value, 100)), '; ' ORDER BY t.key COLLATE "C")
				FROM leadscore.tags AS t WHERE t.run_id = run)),
			jsonb_build_array('Trained', concat(leadscore.time_text(r.started_at), ' by ', r.started_by, ', leadscore ', r.extension_version,
				' on PostgreSQL ', r.server_version)),
			jsonb_build_array('Fingerprint of the rows', r.fingerprint), jsonb_build_array('Run', run)))
		|| coalesce('<h3>Left out</h3>' || leadscore.html_table('{Column,Why,Detail}', (SELECT jsonb_agg(jsonb_build_array(l->>'column',
			l->>'reason', l->>'detail') ORDER BY i)
			FROM jsonb_array_elements(info->'left_out') WITH ORDINALITY AS e(l, i) WHERE i <= 15), jsonb_array_length(info->'left_out')), '')
	FROM leadscore.runs AS r JOIN leadscore.versions AS v USING (run_id), LATERAL (SELECT lead_info(v.model) AS info,
		r.spec->'holdout' AS h) AS x
	WHERE r.run_id = run;
END;
COMMENT ON FUNCTION leadscore.report_training(uuid) IS 'section of a report: what a version was trained on';

-- How good it is on the rows held out.
CREATE FUNCTION leadscore.report_quality(run uuid)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN q.lines IS NULL THEN '<p>No rows were held out to judge this version.</p>' ELSE
		'<p>On the leads that were held out, none of which it was trained on. Intervals are of 95 %.</p>'
		|| leadscore.html_figures(leadscore.html_table('{Metric,#Value,#Interval}', q.lines) || (SELECT array_agg(leadscore.plot_kept(run, w)
			ORDER BY i) FROM unnest('{calibration,roc,pr,lift,scores}'::text[])
			WITH ORDINALITY AS u(w, i) WHERE EXISTS (SELECT FROM leadscore.artifacts AS a WHERE a.run_id = run AND a.path = 'curves.json'))) END
	FROM (SELECT jsonb_agg(jsonb_build_array(n.title, leadscore.metric_text(n.metric, m.value), leadscore.interval_text(n.metric,
		low.value, high.value)) ORDER BY n.i) AS lines
		FROM leadscore.metric_names() WITH ORDINALITY AS n(metric, title, form, i)
			JOIN leadscore.metrics AS m ON m.run_id = run AND m.key = n.metric AND m.step = 0
			LEFT JOIN leadscore.metrics AS low ON low.run_id = run AND low.key = n.metric || '_low' AND low.step = 0
			LEFT JOIN leadscore.metrics AS high ON high.run_id = run AND high.key = n.metric || '_high' AND high.step = 0) AS q;
END;
COMMENT ON FUNCTION leadscore.report_quality(uuid) IS 'section of a report: quality on the rows held out';

-- What moves the score.
CREATE FUNCTION leadscore.report_coefficients(run uuid)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT '<p>Ordered by what a standard deviation of the design column changes. They say what goes along with the outcome, not what causes it.</p>'
		|| leadscore.html_figures(ARRAY[lead_plot(v.model)]) || leadscore.html_table('{Design column,#Estimate,#Interval,#Odds x,#p,#Per sd}',
			(SELECT jsonb_agg(jsonb_build_array(c.name, leadscore.number_text(c.estimate), leadscore.number_text(c.ci_low) || ' to '
				|| leadscore.number_text(c.ci_high),
				leadscore.number_text(c.odds_ratio), CASE WHEN c.p < 0.001 THEN '< 0.001' ELSE round(c.p::numeric, 3)::text END,
					leadscore.number_text(c.std_estimate)) ORDER BY i)
			FROM (SELECT x.*, row_number() OVER (ORDER BY abs(std_estimate) DESC NULLS LAST, name COLLATE "C") AS i
				FROM lead_coefficients(leadscore.line_of(v.model)) AS x
				WHERE x.estimate IS NOT NULL) AS c WHERE i <= 30),
			(SELECT count(*) FROM lead_coefficients(leadscore.line_of(v.model)) AS x WHERE x.estimate IS NOT NULL))
	FROM leadscore.versions AS v WHERE v.run_id = run;
END;
COMMENT ON FUNCTION leadscore.report_coefficients(uuid) IS 'section of a report: the coefficients with the largest effects';

-- What was found in the rows before it was trained.
CREATE FUNCTION leadscore.report_checks(run uuid)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((SELECT '<p class="bad">An AUC of ' || leadscore.metric_text('auc', m.value) || ' on the hold-out is rarely honest:'
			|| ' look for a column that is known only with the outcome.</p>' FROM leadscore.metrics AS m
			WHERE m.run_id = run AND m.key = 'auc' AND m.step = 0 AND m.value > 0.98), '')
		|| CASE WHEN count(*) = 0 THEN '<p>Nothing was found in the rows before the training.</p>' ELSE
		leadscore.html_table('{Severity,Check,Column,Detail}', jsonb_agg(jsonb_build_array(severity, "check", "column", detail)
			ORDER BY position) FILTER (WHERE i <= 20),
			count(*)) END
	FROM (SELECT c.*, row_number() OVER (ORDER BY c.position) AS i FROM leadscore.checks AS c WHERE c.run_id = run) AS found;
END;
COMMENT ON FUNCTION leadscore.report_checks(uuid) IS 'section of a report: the checks before the training';

-- Where a run of lead_monitor() is not of the version that the page is of.
CREATE FUNCTION leadscore.html_whose(number integer, looked_at integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN number <> looked_at THEN format('<p class="bad">This is of version %s: there is no such look at version %s yet.</p>', looked_at,
	number) ELSE '' END;
COMMENT ON FUNCTION leadscore.html_whose(integer, integer) IS 'that a run is not of the version shown';

-- What the newest look of lead_monitor() found.
CREATE FUNCTION leadscore.report_drift(named text, number integer)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((
		SELECT leadscore.html_whose(number, r.version) || '<p>' || leadscore.html_text(concat_ws('. ',
				concat('Leads ', 'from ' || leadscore.time_text(r.window_from) || ' ', CASE WHEN r.window_to IS NULL THEN 'of the whole source'
					ELSE 'to ' || leadscore.time_text(r.window_to) END, ' against those that version ', r.version, ' was trained on'),
				CASE WHEN r.rows IS NULL THEN 'The source could not be read' ELSE leadscore.rows_text(r.rows) || ' leads' END
					|| CASE WHEN r.drifted IS NULL THEN ', no drift was measured' || coalesce(': ' || r.note, '')
						ELSE concat('; ', r.drifted_columns, ' of ', r.measured, ' columns drifted: the whole counts as ', CASE WHEN r.drifted
							THEN 'drifted' ELSE 'not drifted' END) END,
				CASE WHEN r.score_drifted THEN 'The scores have drifted' WHEN NOT r.score_drifted THEN 'The scores have not' END,
				'Together the columns moved the mean score by ' || round(r.impact_points::numeric, 2) || ' percentage points (first-order)',
				CASE WHEN r.drifted IS NOT NULL THEN r.note END), 1000) || '.</p>'
			|| coalesce(leadscore.html_table('{Column,Drifted,#Statistic,Method,#Threshold,#Missing before,#now,#New levels,#Points,Note}',
				(SELECT jsonb_agg(jsonb_build_array(c."column", CASE WHEN c.drifted THEN 'yes' WHEN NOT c.drifted THEN 'no' END,
					leadscore.number_text(c.statistic), c.method,
						leadscore.number_text(c.threshold), leadscore.share_text(c.missing_before), leadscore.share_text(c.missing_now), c.new_levels,
						leadscore.number_text(c.impact_points, 2), c.note) ORDER BY i)
				FROM (SELECT x.*, row_number() OVER (ORDER BY x.kind = 'score' DESC, x.drifted DESC NULLS LAST, abs(x.impact_points) DESC NULLS LAST,
						leadscore.drift_ratio(x.method, x.statistic, x.p_value, x.threshold) DESC NULLS LAST, x.position) AS i
					FROM leadscore.monitor_column AS x WHERE x.monitor_run_id = r.monitor_run_id AND x.against = 'training') AS c WHERE i <= 25),
				(SELECT count(*) FROM leadscore.monitor_column AS x WHERE x.monitor_run_id = r.monitor_run_id AND x.against = 'training')), '')
			|| coalesce(leadscore.html_table('{Severity,Check,Column,Detail}', (SELECT jsonb_agg(jsonb_build_array(f.severity, f."check",
				f."column", f.detail) ORDER BY f.position)
				FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = r.monitor_run_id AND f.position <= 20),
				(SELECT count(*) FROM leadscore.monitor_finding AS f WHERE f.monitor_run_id = r.monitor_run_id)), '')
			|| CASE WHEN r.measured > 0 THEN leadscore.html_figures(leadscore.plot_impact(r.monitor_run_id) || (
				SELECT array_agg(leadscore.plot_monitored(r.monitor_run_id, p."column") ORDER BY p.score DESC, p.i)
				FROM (SELECT c."column", c.kind = 'score' AS score, row_number() OVER (PARTITION BY c.kind = 'score' ORDER BY c.drifted DESC,
					abs(c.impact_points) DESC NULLS LAST,
						leadscore.drift_ratio(c.method, c.statistic, c.p_value, c.threshold) DESC NULLS LAST, c.position) AS i
					FROM leadscore.monitor_column AS c WHERE c.monitor_run_id = r.monitor_run_id AND c.against = 'training' AND c.statistic IS NOT NULL) AS p
				WHERE p.i <= CASE WHEN p.score THEN 1 ELSE 4 END)) ELSE '' END
		FROM leadscore.monitor_run AS r WHERE r.monitor_run_id = leadscore.run_shown(named, number, 'look')),
		'<p>' || leadscore.html_text(format('lead_monitor(%L) has not looked at this model yet.', named), 400) || '</p>');
END;
COMMENT ON FUNCTION leadscore.report_drift(text, integer) IS 'section of a report: the newest look at the drift';

-- The looks of lead_monitor() side by side.
CREATE FUNCTION leadscore.report_history(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN count(*) = 0 THEN '<p>lead_monitor() has measured nothing yet.</p>' ELSE
		leadscore.html_figures(ARRAY[leadscore.plot_drift(named), CASE
			WHEN bool_or(score_statistic IS NOT NULL) THEN leadscore.plot_drift_column(named, '(score)') END])
		|| leadscore.html_table('{=From,=Until,#Version,#Leads,#Drifted,Drifted as a whole,Scores drifted,#Points,Columns that matter}',
			jsonb_agg(jsonb_build_array(leadscore.time_text(window_from), leadscore.time_text(coalesce(window_to, started_at)), version, leadscore.rows_text(rows),
				drifted_columns || ' of ' || measured,
				CASE WHEN drifted THEN 'yes' WHEN NOT drifted THEN 'no' END, CASE WHEN score_drifted THEN 'yes' WHEN NOT score_drifted THEN 'no' END,
				leadscore.number_text(impact_points, 2), array_to_string(columns_that_matter, ', ')) ORDER BY i) FILTER (WHERE i <= 12), count(*)) END
	FROM (SELECT r.*, row_number() OVER (ORDER BY leadscore.monitor_time(r) DESC, r.monitor_run_id DESC) AS i FROM leadscore.monitor_run AS r WHERE r.name = named
		AND r.measured > 0) AS runs;
END;
COMMENT ON FUNCTION leadscore.report_history(text) IS 'section of a report: drift over time';

-- Quality on outcomes known by now.
CREATE FUNCTION leadscore.report_outcomes(named text, number integer)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((
		SELECT leadscore.html_whose(number, r.version) || '<p>' || leadscore.html_text(concat('On ', leadscore.rows_text(r.labelled), ' leads whose outcome is known by now, ',
			leadscore.rows_text(r.positives),
				' of them positive', ', created from ' || leadscore.time_text(r.label_from), ' to ' || leadscore.time_text(r.label_to),
				'. Leads younger than ' || r.maturity::text || ' are not known yet, whatever their label is',
					'. The hold-out is that of version ', r.version, '.'), 600) || '</p>'
			|| leadscore.html_table('{Metric,#Now,#Interval,#Hold-out,#Interval}',
				(SELECT jsonb_agg(jsonb_build_array(n.title, leadscore.metric_text(n.metric, m.value), leadscore.interval_text(n.metric, m.low, m.high),
					leadscore.metric_text(n.metric, m.reference), leadscore.interval_text(n.metric, m.reference_low, m.reference_high)) ORDER BY n.i)
				FROM leadscore.metric_names() WITH ORDINALITY AS n(metric, title, form, i) JOIN leadscore.monitor_metric AS m USING (metric)
				WHERE m.monitor_run_id = r.monitor_run_id))
			|| leadscore.html_figures((SELECT array_agg(leadscore.plot_quality(named, w) ORDER BY i)
				FROM unnest('{auc,log_loss,calibration_slope,lift_10}'::text[])
				WITH ORDINALITY AS u(w, i) WHERE EXISTS (SELECT FROM leadscore.monitor_metric AS m JOIN leadscore.monitor_run AS x USING (monitor_run_id)
					WHERE x.name = named AND m.metric = w AND m.value IS NOT NULL)))
		FROM leadscore.monitor_run AS r WHERE r.monitor_run_id = leadscore.run_shown(named, number, 'outcomes')),
		'<p>lead_monitor() has not met leads whose outcome is known.</p>');
END;
COMMENT ON FUNCTION leadscore.report_outcomes(text, integer) IS 'section of a report: quality on outcomes known by now';

-- The rules of lead_set_checks(), and whether the newest look keeps to them.
CREATE FUNCTION leadscore.report_rules(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN count(*) = 0 THEN '<p>Rules are judged when lead_monitor() has looked at the model.</p>' ELSE
		leadscore.html_table('{Rule,Column,Severity,Passed,#Value,#Limit,Detail}', jsonb_agg(jsonb_build_array(rule, "column", severity,
			CASE WHEN passed THEN 'yes' WHEN NOT passed THEN 'NO' ELSE 'not measured' END, leadscore.number_text(value),
				leadscore.number_text("limit"), detail) ORDER BY i)
			FILTER (WHERE i <= 25), count(*)) END
	FROM (SELECT c.*, row_number() OVER (ORDER BY c.passed NULLS LAST) AS i FROM lead_check(named) AS c
		WHERE EXISTS (SELECT FROM leadscore.judged_looks AS j WHERE j.name = named)) AS rules;
END;
COMMENT ON FUNCTION leadscore.report_rules(text) IS 'section of a report: the rules of a model';

CREATE FUNCTION leadscore.report_versions(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN count(*) = 0 THEN '<p>There is no version yet.</p>' ELSE
		leadscore.html_table('{#Version,Live,=Made,#Leads,#AUC,#Log loss,Gate,Aliases,Description}', jsonb_agg(jsonb_build_array(version,
			CASE WHEN live THEN 'yes' END,
			leadscore.time_text(created_at), leadscore.rows_text(rows), leadscore.metric_text('auc', auc), leadscore.metric_text('log_loss',
				log_loss), verdict,
			array_to_string(aliases, ', '), description) ORDER BY version DESC) FILTER (WHERE i <= 20), count(*)) END
	FROM (SELECT v.*, row_number() OVER (ORDER BY v.version DESC) AS i FROM lead_versions(named) AS v WHERE v.version IS NOT NULL) AS versions;
END;
COMMENT ON FUNCTION leadscore.report_versions(text) IS 'section of a report: versions and what the gate said';

CREATE FUNCTION leadscore.report_deployments(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN count(*) = 0 THEN '<p>Nothing was live yet.</p>' ELSE
		leadscore.html_table('{=When,Alias,#Version,#Replaced,Action,By,Reason}',
			jsonb_agg(jsonb_build_array(leadscore.time_text(deployed_at), alias, version, replaced, action,
			deployed_by, reason) ORDER BY i) FILTER (WHERE i <= 20), count(*)) END
	FROM (SELECT d.*, row_number() OVER (ORDER BY d.deployment_id DESC) AS i FROM leadscore.deployments AS d
		WHERE d.name = named) AS deployments;
END;
COMMENT ON FUNCTION leadscore.report_deployments(text) IS 'section of a report: what was live when';

-- What calls for an update, and what was decided last.
CREATE FUNCTION leadscore.report_policy(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT nullif(concat((SELECT leadscore.html_facts((SELECT jsonb_agg(jsonb_build_array(k, v) ORDER BY k COLLATE "C")
			FROM jsonb_each_text(p.policy) AS e(k, v))) FROM leadscore.policies AS p WHERE p.name = named AND p.policy <> '{}'),
		(SELECT CASE WHEN count(*) > 0 THEN leadscore.html_table('{=When,Decision,Step,#Version,Why}', jsonb_agg(jsonb_build_array(
				leadscore.time_text(decided_at), decision, step, version, left(array_to_string(reasons, '; '), 600)) ORDER BY i) FILTER (WHERE i <= 12),
				count(*)) END
			FROM (SELECT d.*, row_number() OVER (ORDER BY d.decision_id DESC) AS i FROM leadscore.decisions AS d WHERE d.name = named) AS made)), '');
END;
COMMENT ON FUNCTION leadscore.report_policy(text) IS 'section of a report: when it is retrained, and why it was or was not; NULL: neither policy nor decision';

CREATE FUNCTION leadscore.report_frames(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.html_table('{Period,#Frames,#Without rows,=From,=To,#Leads,#Positive,=Newest kept}', jsonb_build_array(jsonb_build_array(
		min(k.period), leadscore.rows_text(count(*)), leadscore.rows_text(count(*) FILTER (WHERE f.frame IS NULL)), leadscore.time_text(min(f.starts)),
		leadscore.time_text(max(f.ends)), leadscore.rows_text(sum(f.rows)), leadscore.rows_text(sum(f.positives)),
		leadscore.time_text(max(f.kept_at)))))
	FROM leadscore.kept_frames AS f JOIN leadscore.frame_keeping AS k USING (name) WHERE f.name = named HAVING count(*) > 0;
END;
COMMENT ON FUNCTION leadscore.report_frames(text) IS 'section of a report: the frames kept; NULL: none';

CREATE FUNCTION leadscore.report_jobs(named text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT leadscore.html_table('{Action,Schedule,=Last run,Status,Overdue,Result}', jsonb_agg(jsonb_build_array(j.action,
		concat(j.schedule, ' ' || j.timezone), leadscore.time_text(j.last_run), j.status, CASE WHEN j.overdue THEN 'YES' ELSE 'no' END,
		left(coalesce(j.error, j.result), 300)) ORDER BY j.action))
	FROM leadscore.lead_jobs AS j WHERE j.model = named HAVING count(*) > 0;
END;
COMMENT ON FUNCTION leadscore.report_jobs(text) IS 'section of a report: the scheduled jobs; NULL: none';

-- The style sheet: one column on a phone, tables scroll by themselves, and it prints.
CREATE FUNCTION leadscore.report_style()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'body{font:16px/1.5 Helvetica,Arial,sans-serif;color:#222;background:#fff;max-width:940px;margin:0 auto;padding:16px}'
	'h1{font-size:1.8em;line-height:1.2;margin:.2em 0;overflow-wrap:anywhere}h2{font-size:1.25em;border-bottom:2px solid #0072B2;padding-bottom:.2em;margin:1.8em 0 .6em}'
	'h3{font-size:1em;margin:1.2em 0 .4em}p{overflow-wrap:anywhere}a{color:#0060a0}nav{font-size:.9em;border:1px solid #ddd;padding:8px 12px}nav a{margin-right:1em;white-space:nowrap}'
	'.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}.tiles div{border:1px solid #bbb;padding:8px 14px;font-size:.85em}.tiles b{display:block;font-size:1.6em;line-height:1.2}'
	'.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:16px;align-items:start;margin:16px 0}figure{margin:0;border:1px solid #ddd;max-width:560px}figure .scroll{padding:0 12px}'
	'svg{display:block;width:100%;height:auto}.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.875em;margin:.5em 0}'
	'th,td{padding:4px 14px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid #ddd;max-width:28em;overflow-wrap:break-word}th{border-bottom:1px solid #222}'
	'.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.t{white-space:nowrap}dl{display:grid;grid-template-columns:minmax(6em,12em) 1fr;gap:2px 16px;margin:0}dt{color:#555}'
	'dd{margin:0;overflow-wrap:anywhere;min-width:0}.bad{border-left:4px solid #D55E00;padding-left:10px;white-space:pre-line}footer{margin-top:2em;font-size:.85em;color:#555}'
	'@media(max-width:480px){dl{display:block}dd{margin:0 0 .5em}}'
	'@media print{@page{margin:15mm}body{font-size:10.5pt;max-width:none;padding:0}nav{display:none}.scroll{overflow:visible}h2,h3{break-after:avoid}figure,tr,.tiles div{break-inside:avoid}'
	'.figures{grid-template-columns:1fr 1fr}table{font-size:8.5pt}th,td{padding-right:8px}}';
COMMENT ON FUNCTION leadscore.report_style() IS 'the style sheet of a report';

-- lead_report(name): a model and all that is known of it as one HTML page: what it
-- was trained on, quality, curves, coefficients, checks, drift, quality over time,
-- rules, versions, deployments; policy, kept frames and jobs where there are any and
-- the reader may see them.  It loads nothing and runs no script.
-- name		as for lead_plot()
-- returns	below 300 kB
-- errors	a model or version that there is not
CREATE FUNCTION lead_report(name text)
RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown record;
	sections jsonb;
	policy text;
	frames text;
	jobs text;
BEGIN
	SELECT * INTO shown FROM leadscore.picture_version(name);
	-- not all readers may see these
	IF has_table_privilege('leadscore.policies', 'SELECT') AND has_table_privilege('leadscore.decisions', 'SELECT') THEN
		policy := leadscore.report_policy(shown.name);
	END IF;
	IF has_table_privilege('leadscore.kept_frames', 'SELECT') AND has_table_privilege('leadscore.frame_keeping', 'SELECT') THEN
		frames := leadscore.report_frames(shown.name);
	END IF;
	IF has_table_privilege('leadscore.lead_jobs', 'SELECT') THEN
		jobs := leadscore.report_jobs(shown.name);
	END IF;
	sections := jsonb_build_array(
		jsonb_build_array('training', 'What it was trained on', leadscore.report_training(shown.run_id)),
		jsonb_build_array('quality', 'Quality on the hold-out', leadscore.report_quality(shown.run_id)),
		jsonb_build_array('coefficients', 'Coefficients', leadscore.report_coefficients(shown.run_id)),
		jsonb_build_array('checks', 'Checks of the data', leadscore.report_checks(coalesce(shown.run_id,
			(SELECT r.run_id FROM leadscore.runs AS r WHERE r.model = shown.name AND r.action <> 'tune' ORDER BY r.started_at DESC LIMIT 1)))),
		jsonb_build_array('drift', 'Drift', leadscore.report_drift(shown.name, shown.version)),
		jsonb_build_array('history', 'Drift over time', leadscore.report_history(shown.name)),
		jsonb_build_array('outcomes', 'Quality over time', leadscore.report_outcomes(shown.name, shown.version)),
		jsonb_build_array('rules', 'Rules', leadscore.report_rules(shown.name)),
		jsonb_build_array('policy', 'Policy and decisions', policy),
		jsonb_build_array('frames', 'Kept frames', frames),
		jsonb_build_array('jobs', 'Scheduled jobs', jobs),
		jsonb_build_array('versions', 'Versions', leadscore.report_versions(shown.name)),
		jsonb_build_array('deployments', 'What was live when', leadscore.report_deployments(shown.name)));
	SELECT jsonb_agg(s ORDER BY i) INTO sections
	FROM jsonb_array_elements(sections) WITH ORDINALITY AS e(s, i) WHERE s->>0 NOT IN ('policy', 'frames', 'jobs') OR s->>2 IS NOT NULL;
	RETURN '<!DOCTYPE html>' || E'\n'
		|| '<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
		|| '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''"/><title>'
			|| leadscore.html_text(shown.name, 200)
		|| '</title><style>' || leadscore.report_style() || '</style></head><body>' || leadscore.report_head(shown.name, shown.version,
			shown.run_id)
		|| '<nav>' || (SELECT string_agg(format('<a href="#%s">%s</a> ', s->>0, leadscore.html_text(s->>1)), '' ORDER BY i)
			FROM jsonb_array_elements(sections) WITH ORDINALITY AS e(s, i)) || '</nav><main>'
		|| (SELECT string_agg(leadscore.html_section(s->>0, s->>1, s->>2), '' ORDER BY i)
			FROM jsonb_array_elements(sections) WITH ORDINALITY AS e(s, i))
		|| '</main><footer>Made ' || leadscore.time_text(now()) || ' by leadscore.</footer></body></html>' || E'\n';
END;
$$;
COMMENT ON FUNCTION lead_report(text) IS 'all that is known of a model as one HTML page';
