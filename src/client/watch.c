/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  monitor, drift, jobs: a live model and what is done with it on schedule.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT	"pg_catalog.text"
#define JSONB	"pg_catalog.jsonb"
#define INTERVAL "pg_catalog.interval"

/* The look's document with the rules in it. */
static void
ShowJudged(const char *look, const PGresult *res)
{
	json_t	   *document = json_loads(look, 0, NULL);
	json_t	   *rules = json_array();

	for (int r = 0; r < PQntuples(res); r++)
		json_array_append_new(rules, json_loads(PQgetvalue(res, r, 7), 0, NULL));
	json_object_set_new(document, "rules", rules);
	json_dumpf(document, stdout, JSON_REAL_PRECISION(17));
	printf("\n");
	json_decref(document);
}

/* How many rules of severity error fail; said, and shown behind the look. */
static int
ShowRules(PGconn *conn, const char *schema, const char *name, const char *look)
{
	char	   *sql = Format("SELECT rule, \"column\", severity, value, \"limit\", passed, detail%s "
							 "FROM %s.lead_check($1) AS c ORDER BY passed NULLS FIRST",
							 settings.json ? ", pg_catalog.to_jsonb(c)" : "", schema);
	PGresult   *res = Run(conn, "checking", sql, 1, &name);
	int			failed = 0;

	for (int r = 0; r < PQntuples(res); r++)
		if (strcmp(PQgetvalue(res, r, 5), "t") != 0 && strcmp(PQgetvalue(res, r, 2), "error") == 0)
			failed++;
	if (settings.json)
		ShowJudged(look, res);
	else
	{
		printf("\n");
		ShowTable(res);
	}
	PQclear(res);
	if (failed > 0)
		SayError("%d rule%s of model \"%s\" failed", failed, failed == 1 ? "" : "s", name);
	return failed;
}

int
CommandMonitor(int argc, char **argv)
{
	static const char *source,
			   *period,
			   *until,
			   *maturity,
			   *scores,
			   *options_json;
	static bool check;
	static const Option options[] = {
		{'s', "source", "SQL", "table, view or one SELECT; default: as watched", OPTION_TEXT, &source},
		{0, "period", "INTERVAL", "of the leads looked at, say \"1 month\"", OPTION_TEXT, &period},
		{0, "until", "TIME", "end of the window; default: now", OPTION_TEXT, &until},
		{0, "maturity", "INTERVAL", "how long it takes until an outcome is known", OPTION_TEXT, &maturity},
		{0, "scores", "WHICH", "live or recorded", OPTION_TEXT, &scores},
		{0, "options", "JSON", "those of lead_drift, or @FILE", OPTION_TEXT, &options_json},
		{'c', "check", NULL, "judge the newest look by the rules; exit code 1 if one fails", OPTION_SWITCH, &check},
		{0}
	};
	char	  **arguments = Arguments(argc, argv, options, 1, 1);
	const char *json = JsonArgument("options", options_json);
	char	   *schema;
	PGconn	   *conn = ConnectToWork(&schema);
	Call		call;
	char	   *query,
			   *sql;
	PGresult   *res;
	int			failed = 0;

	CallBegin(&call, schema, "lead_monitor");
	CallArgument(&call, "name", TEXT, arguments[0]);
	CallArgument(&call, "source", TEXT, source);
	CallArgument(&call, "period", INTERVAL, period);
	CallArgument(&call, "until", "pg_catalog.timestamptz", until);
	CallArgument(&call, "maturity", INTERVAL, maturity);
	CallArgument(&call, "scores", TEXT, scores);
	CallArgument(&call, "options", JSONB, json);
	CallEnd(&call);
	query = Format("SELECT * FROM %s", call.sql);
	sql = ShownQuery(query, true);
	res = RunCall(conn, "looking", &call, sql);
	if (settings.json && !check)
		ShowJson(res);
	else if (!settings.json)
		ShowRecord(res);
	if (check)
		failed = ShowRules(conn, schema, arguments[0], PQgetvalue(res, 0, 0));
	PQclear(res);
	PQfinish(conn);
	return failed > 0 ? EXIT_REFUSED : EXIT_DONE;
}

/* A table with JSON's columns, or those that 80 characters hold. */
static int
ShowRows(PGconn *conn, const Call *call, const char *all, const char *few, const char *from, const char *what)
{
	char	   *query = Format("SELECT %s FROM %s", settings.json ? all : few, from);
	char	   *sql = ShownQuery(query, false);
	PGresult   *res = RunCall(conn, what, call, sql);
	int			rows = PQntuples(res);

	if (settings.json)
		ShowJson(res);
	else
		ShowTable(res);
	PQclear(res);
	free(query);
	free(sql);
	return rows;
}

int
CommandDrift(int argc, char **argv)
{
	static const char *source,
			   *options_json;
	static const Option options[] = {
		{'s', "source", "SQL", "measure these leads now, and keep nothing; default: the newest look of monitor", OPTION_TEXT, &source},
		{0, "options", "JSON", "those of lead_drift, or @FILE; with --source", OPTION_TEXT, &options_json},
		{0}
	};
	static const char *const few = "\"column\", method, statistic, threshold, drifted, "
		"missing_before AS missing, missing_now AS now, impact_points AS points, note";
	char	  **arguments = Arguments(argc, argv, options, 1, 1);
	const char *json = JsonArgument("options", options_json);
	char	   *schema;
	PGconn	   *conn;
	Call		call;
	char	   *from;

	if (json != NULL && source == NULL)
		Die(EXIT_USAGE, "--options needs --source");
	conn = ConnectToWork(&schema);
	memset(&call, 0, sizeof(call));
	if (source == NULL)
	{
		/* an unknown name is an error, a model without a look an empty table */
		char	   *check = Format("SELECT %s.lead_model_version($1)", schema);

		PQclear(Run(conn, "reading", check, 1, (const char *const *) arguments));
		CallBind(&call, arguments[0]);
		if (ShowRows(conn, &call, "*", few, "leadscore.monitor_latest WHERE name = $1 "
					 "ORDER BY abs(impact_points) DESC NULLS LAST, \"column\"", "reading") == 0)
			SayNote("model \"%s\" has not been looked at yet: leadscore monitor, or --source", arguments[0]);
	}
	else
	{
		PGresult   *res = Run(conn, "reading", "SELECT leadscore.source_of($1)", 1, &source);

		CallBind(&call, arguments[0]);
		CallBind(&call, json);
		from = Format("%1$s.lead_drift(%1$s.lead_profile($1::pg_catalog.text), "
					  "(SELECT %1$s.lead_profile((SELECT %1$s.lead_model($1)), leadscore_row) FROM %2$s AS leadscore_row), "
					  "$2::pg_catalog.jsonb, %1$s.lead_model($1)) %3$sORDER BY abs(impact_points) DESC NULLS LAST, \"column\"",
					  schema, PQgetvalue(res, 0, 0),
					  settings.json ? "" : "WHERE note IS DISTINCT FROM 'not in the reference' ");
		ShowRows(conn, &call, "*", few, from, "measuring");
		free(from);
		PQclear(res);
	}
	PQfinish(conn);
	return EXIT_DONE;
}

int
CommandJobs(int argc, char **argv)
{
	static const Option options[] = {
		{0}
	};
	char	  **arguments = Arguments(argc, argv, options, 0, 4);
	const char *verb = arguments[0] ? arguments[0] : "list";
	int			n = 0;
	char	   *schema;
	PGconn	   *conn;
	Call		call;
	PGresult   *res;

	while (arguments[n] != NULL)
		n++;
	if (!(strcmp(verb, "list") == 0 && n <= 1) && !(strcmp(verb, "log") == 0 && n <= 2) &&
		!(strcmp(verb, "run") == 0 && n == 3) && !(strcmp(verb, "add") == 0 && n == 4) &&
		!(strcmp(verb, "remove") == 0 && n == 3))
	{
		SayError("wrong use of \"jobs %s\"", verb);
		SayHint("try: leadscore jobs --help");
		return EXIT_USAGE;
	}
	conn = ConnectToWork(&schema);
	memset(&call, 0, sizeof(call));
	if (strcmp(verb, "list") == 0)
		ShowRows(conn, &call, "*", "model, action, schedule, last_run, duration, status, overdue, coalesce(error, result) AS result",
				 "leadscore.lead_jobs ORDER BY model, action", "reading");
	else if (strcmp(verb, "log") == 0)
	{
		CallBind(&call, arguments[1]);
		ShowRows(conn, &call, "*", "name, action, started_at, ended_at - started_at AS duration, status, coalesce(error, result) AS result",
				 "leadscore.job_runs WHERE name = coalesce($1, name) ORDER BY started_at DESC, job_run_id DESC LIMIT 50", "reading");
	}
	else if (strcmp(verb, "run") == 0)
	{
		char	   *sql = Format("CALL %s.lead_run_job($1, $2)", schema);

		CallBind(&call, arguments[1]);
		CallBind(&call, arguments[2]);
		PQclear(RunCall(conn, "running", &call, sql));
		ShowRows(conn, &call, "*", "name, action, started_at, ended_at - started_at AS duration, status, coalesce(error, result) AS result",
				 "leadscore.job_runs WHERE name = $1 AND action = $2 ORDER BY started_at DESC, job_run_id DESC LIMIT 1", "reading");
	}
	else
	{
		char	   *query,
				   *sql;

		CallBegin(&call, schema, strcmp(verb, "add") == 0 ? "lead_schedule" : "lead_unschedule");
		CallArgument(&call, "name", TEXT, arguments[1]);
		CallArgument(&call, "action", TEXT, arguments[2]);
		CallArgument(&call, "cron", TEXT, arguments[3]);
		CallEnd(&call);
		query = Format("SELECT * FROM %s", call.sql);
		sql = ShownQuery(query, true);
		res = RunCall(conn, "scheduling", &call, sql);
		if (settings.json)
			ShowJson(res);
		else
			ShowRecord(res);
		PQclear(res);
	}
	PQfinish(conn);
	return EXIT_DONE;
}
