/*-------------------------------------------------------------------------
 *
 * models.c
 *	  train, retrain, versions, promote, rollback: the life of a model.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *options_json;
static const char *gate;
static const char *description;
static const char *tags;
static const char *alias;
static const char *reason;
static bool require_live;

#define RUN_OPTIONS \
	{0, "options", "JSON", "of the training, as for lead_train; @FILE reads them from a file", OPTION_TEXT, &options_json}, \
	{0, "gate", "JSON", "when the version goes live, say {\"min_auc\": 0.7}", OPTION_TEXT, &gate}, \
	{0, "description", "TEXT", "kept with the run", OPTION_TEXT, &description}, \
	{0, "tags", "JSON", "kept with the run", OPTION_TEXT, &tags}, \
	{0, "require-live", NULL, "exit code 1 if the version does not go live", OPTION_SWITCH, &require_live}

#define TEXT	"pg_catalog.text"
#define JSONB	"pg_catalog.jsonb"
#define INTEGER	"pg_catalog.int4"
#define BOOLEAN	"pg_catalog.bool"
#define INTERVAL "pg_catalog.interval"

/* A call that returns one row, shown. */
static PGresult *
ShowCall(PGconn *conn, Call *call, const char *what)
{
	char	   *query,
			   *sql;
	PGresult   *res;

	CallEnd(call);
	query = Format("SELECT * FROM %s", call->sql);
	sql = ShownQuery(query, true);
	res = RunCall(conn, what, call, sql);
	if (settings.json)
		ShowJson(res);
	else
		ShowRecord(res);
	free(query);
	free(sql);
	return res;
}

/* What a lead_run says of itself: a run that failed, a version that is not live. */
static int
RunOutcome(const PGresult *res)
{
	bool		failed;
	bool		live;

	if (settings.json)
	{
		json_t	   *run = json_loads(PQgetvalue(res, 0, 0), 0, NULL);

		failed = json_is_string(json_object_get(run, "error"));
		live = json_is_true(json_object_get(run, "live"));
		json_decref(run);
	}
	else
	{
		failed = !PQgetisnull(res, 0, PQfnumber(res, "error"));
		live = strcmp(PQgetvalue(res, 0, PQfnumber(res, "live")), "t") == 0;
	}
	if (failed)
		return EXIT_REFUSED;
	if (require_live && !live)
	{
		SayError("the version did not go live");
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

static void
RunArguments(Call *call)
{
	CallArgument(call, "options", JSONB, JsonArgument("options", options_json));
	CallArgument(call, "gate", JSONB, JsonArgument("gate", gate));
	CallArgument(call, "description", TEXT, description);
	CallArgument(call, "tags", JSONB, JsonArgument("tags", tags));
}

int
CommandTrain(int argc, char **argv)
{
	static const char *source,
			   *label,
			   *features,
			   *exclude,
			   *key,
			   *time_column,
			   *holdout,
			   *experiment;
	static bool refit;
	static const Option options[] = {
		{'s', "source", "SQL", "table, view or one SELECT with the leads", OPTION_TEXT, &source},
		{'l', "label", "SQL", "column or condition that says who was won", OPTION_TEXT, &label},
		{'k', "key", "COLUMN", "which lead it is; default: the primary key", OPTION_TEXT, &key},
		{'t', "time-column", "COLUMN", "when the lead was created; the latest are held out", OPTION_TEXT, &time_column},
		{0, "features", "COLUMNS", "to learn from, apart by commas, or a JSON array; default: all", OPTION_TEXT, &features},
		{'x', "exclude", "COLUMNS", "not to learn from", OPTION_TEXT, &exclude},
		{0, "holdout", "JSON", "what judges the model, say {\"share\": 0.3}", OPTION_TEXT, &holdout},
		{0, "refit", NULL, "judge as ever, but publish a model of all rows", OPTION_SWITCH, &refit},
		{0, "experiment", "NAME", "drawer of the run", OPTION_TEXT, &experiment},
		RUN_OPTIONS,
		{0}
	};
	char	  **arguments = Arguments(argc, argv, options, 1, 1);
	char	   *schema;
	PGconn	   *conn;
	PGresult   *res;
	Call		call;
	int			code;

	if (source == NULL || label == NULL)
		Die(EXIT_USAGE, "%s needs --source and --label", argv[0]);
	CallBegin(&call, "", "");
	RunArguments(&call);		/* wrong JSON is told before there is a connection */
	JsonArgument("holdout", holdout);
	conn = ConnectToWork(&schema);
	CallBegin(&call, schema, "lead_train_model");
	CallArgument(&call, "name", TEXT, arguments[0]);
	CallArgument(&call, "source", TEXT, source);
	CallArgument(&call, "label", TEXT, label);
	CallNames(&call, "features", features);
	CallNames(&call, "exclude", exclude);
	CallArgument(&call, "key", TEXT, key);
	CallArgument(&call, "time_column", TEXT, time_column);
	CallArgument(&call, "holdout", JSONB, JsonArgument("holdout", holdout));
	CallArgument(&call, "refit", BOOLEAN, refit ? "true" : NULL);
	CallArgument(&call, "experiment", TEXT, experiment);
	RunArguments(&call);
	res = ShowCall(conn, &call, "training");
	code = RunOutcome(res);
	PQclear(res);
	PQfinish(conn);
	return code;
}

int
CommandRetrain(int argc, char **argv)
{
	static bool adopt,
				if_needed;
	static const char *window,
			   *half_life;
	static const Option options[] = {
		{0, "if-needed", NULL, "let the policy decide: keep, recalibrate or retrain", OPTION_SWITCH, &if_needed},
		{0, "adopt", NULL, "take over a recipe that another role has written", OPTION_SWITCH, &adopt},
		{0, "frames-window", "INTERVAL", "learn from kept frames of that time, say \"180 days\"", OPTION_TEXT, &window},
		{0, "half-life", "INTERVAL", "how fast older frames count less", OPTION_TEXT, &half_life},
		RUN_OPTIONS,
		{0}
	};
	char	  **arguments = Arguments(argc, argv, options, 1, 1);
	char	   *schema;
	PGconn	   *conn;
	PGresult   *res;
	Call		call;
	int			code;

	if (if_needed && (adopt || require_live || window || half_life || options_json || gate || description || tags))
		Die(EXIT_USAGE, "--if-needed goes by the stored policy and takes no other option");
	CallBegin(&call, "", "");
	RunArguments(&call);
	conn = ConnectToWork(&schema);
	CallBegin(&call, schema, if_needed ? "lead_retrain_if_needed" : "lead_retrain");
	CallArgument(&call, "name", TEXT, arguments[0]);
	RunArguments(&call);
	CallArgument(&call, "adopt", BOOLEAN, adopt ? "true" : NULL);
	CallArgument(&call, "frames_window", INTERVAL, window);
	CallArgument(&call, "half_life", INTERVAL, half_life);
	res = ShowCall(conn, &call, "training");
	code = if_needed ? EXIT_DONE : RunOutcome(res);
	PQclear(res);
	PQfinish(conn);
	return code;
}

int
CommandVersions(int argc, char **argv)
{
	static bool history;
	static const Option options[] = {
		{0, "history", NULL, "what was live when, instead", OPTION_SWITCH, &history},
		{0}
	};
	char	  **arguments = Arguments(argc, argv, options, 0, 1);
	const char *name = arguments[0];
	char	   *schema;
	PGconn	   *conn = ConnectToWork(&schema);
	PGresult   *res;
	Call		call;
	char	   *query,
			   *sql;

	memset(&call, 0, sizeof(call));
	if (history && name == NULL)
		Die(EXIT_USAGE, "--history needs the name of a model");
	if (name == NULL)
		query = Copy("SELECT m.name, (SELECT a.version FROM leadscore.aliases AS a "
					 "WHERE a.name = m.name AND a.alias = 'champion') AS live, "
					 "(SELECT pg_catalog.count(*) FROM leadscore.versions AS v WHERE v.name = m.name) AS versions, "
					 "m.created_at::pg_catalog.date AS created, m.created_by, m.description FROM leadscore.models AS m ORDER BY m.name");
	else
	{
		CallBegin(&call, schema, history ? "lead_deployments" : "lead_versions");
		CallArgument(&call, "name", TEXT, name);
		CallEnd(&call);
		query = Format("SELECT %s FROM %s",
					   settings.json ? "*" : history
					   ? "alias, version, live_from, live_until, action, reason"
					   : "version, live, pg_catalog.array_to_string(aliases, ', ') AS aliases, created_at::pg_catalog.date AS created, rows, auc, log_loss, verdict, description",
					   call.sql);
	}
	sql = ShownQuery(query, false);
	res = RunCall(conn, "reading", &call, sql);
	if (settings.json)
		ShowJson(res);
	else
		ShowTable(res);
	PQclear(res);
	PQfinish(conn);
	return EXIT_DONE;
}

static const Option deploy_options[] = {
	{'a', "alias", "NAME", "default: champion, what is live", OPTION_TEXT, &alias},
	{'r', "reason", "TEXT", "kept in the history", OPTION_TEXT, &reason},
	{0}
};

static int
Deploy(const char *function, const char *name, const char *version)
{
	char	   *schema;
	PGconn	   *conn = ConnectToWork(&schema);
	Call		call;

	CallBegin(&call, schema, function);
	CallArgument(&call, "name", TEXT, name);
	CallArgument(&call, "version", INTEGER, version);
	CallArgument(&call, "alias", TEXT, alias);
	CallArgument(&call, "reason", TEXT, reason);
	PQclear(ShowCall(conn, &call, "deploying"));
	PQfinish(conn);
	return EXIT_DONE;
}

int
CommandPromote(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, deploy_options, 2, 2);

	if (arguments[1][0] == '\0' || arguments[1][strspn(arguments[1], "0123456789")] != '\0')
		Die(EXIT_USAGE, "the version must be a number, not \"%s\"", arguments[1]);
	return Deploy("lead_promote", arguments[0], arguments[1]);
}

int
CommandRollback(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, deploy_options, 1, 1);

	return Deploy("lead_rollback", arguments[0], NULL);
}
