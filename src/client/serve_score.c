/*-------------------------------------------------------------------------
 *
 * serve_score.c
 *	  POST …/score and …/explain: a document, or an array of them, to scores.
 *
 * A score's digits are those that PostgreSQL wrote, which read back to the same
 * number.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
IsArray(const Text *body)
{
	return body->data[strspn(body->data, " \t\r\n")] == '[';
}

/* The result of a statement that gave one; NULL if the answer is an error. */
static PGresult *
Ask(Exchange *x, Statement statement, const char *const *values)
{
	ErrorCode	failure;
	PGresult   *res = PoolQuery(statement, values, x->started, &failure);

	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	if (res == NULL)
		Refuse(x, failure);
	else
		RefuseByServer(x, res);
	PQclear(res);
	return NULL;
}

/* {"model":…,"version":… , which both answers begin with */
static void
BeginAnswer(Exchange *x, int version)
{
	x->version = version;
	TextAdd(&x->answer, "{\"model\":");
	TextJson(&x->answer, x->model.name);
	TextFormat(&x->answer, ",\"version\":%d", version);
}

static void
AddScore(Exchange *x, const char *digits, const Cuts *cuts, const char *key)
{
	double		score = strtod(digits, NULL);
	const char *grade = GradeOf(cuts, score);

	TextAdd(&x->answer, "\"score\":");
	TextAdd(&x->answer, digits);
	TextAdd(&x->answer, ",\"grade\":");
	if (grade != NULL)
	{
		TextAdd(&x->answer, "\"");
		TextAdd(&x->answer, grade);
		TextAdd(&x->answer, "\"");
	}
	else
		TextAdd(&x->answer, "null");
	x->documents++;
	CountScore(x->model.name, x->version, score);
	Decide(x, key, digits, grade);
}

/* An array of strings as PostgreSQL wrote it, or NULL. */
static json_t *
Strings(const PGresult *res, int column)
{
	return PQnfields(res) > column && !PQgetisnull(res, 0, column) ?
		json_loads(PQgetvalue(res, 0, column), 0, NULL) : NULL;
}

/* The scores in {…}, one after the other. */
static void
AddScores(Exchange *x, char *scores, const Cuts *cuts, json_t *keys, json_t *reasons)
{
	bool		array = IsArray(&x->body);
	char	   *rest;
	int			n = 0;

	if (array)
		TextAdd(&x->answer, ",\"scores\":[");
	else
		TextAdd(&x->answer, ",");
	for (char *digits = strtok_r(scores, "{},", &rest); digits != NULL;
		 digits = strtok_r(NULL, "{},", &rest), n++)
	{
		const char *key = json_string_value(json_array_get(keys, n));

		if (array)
			TextAdd(&x->answer, n > 0 ? ",{" : "{");
		AddScore(x, digits, cuts, key ? key : x->key);
		if (x->reasons > 0)
		{
			TextAdd(&x->answer, ",\"reasons\":");
			TextJson(&x->answer, json_string_value(json_array_get(reasons, n)));
		}
		if (array)
			TextAdd(&x->answer, "}");
	}
	if (array)
		TextAdd(&x->answer, "]");
	TextAdd(&x->answer, "}\n");
}

/* By itself: an array, with reasons, or what failed together with others. */
static void
ScoreAlone(Exchange *x)
{
	char		reasons[16];
	const char *values[] = {x->model.text, x->body.data, x->model.name, reasons};
	PGresult   *res;
	Cuts		cuts;

	snprintf(reasons, sizeof(reasons), "%d", x->reasons);
	res = Ask(x, x->reasons > 0 ? STATEMENT_REASONS : STATEMENT_SCORE, values);
	if (res == NULL)
		return;
	if (PQntuples(res) == 0)
		RefuseWith(x, BATCH_TOO_LARGE, "the array has more than %d documents", serve.max_batch);
	else if (CutsOf(x, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), &cuts))
	{
		json_t	   *keys = Strings(res, 2 + 1);
		json_t	   *texts = Strings(res, 2 + 2);

		BeginAnswer(x, atoi(PQgetvalue(res, 0, 0)));
		AddScores(x, PQgetvalue(res, 0, 2), &cuts, keys, texts);
		json_decref(keys);
		json_decref(texts);
	}
	PQclear(res);
}

void
ServeScore(Exchange *x)
{
	Scored		scored;

	if (x->reasons > 0 || IsArray(&x->body) || !ScoreTogether(x, &scored))
	{
		if (x->error == NO_ERROR)
			ScoreAlone(x);
		return;
	}
	BeginAnswer(x, scored.version);
	TextAdd(&x->answer, ",");
	AddScore(x, scored.digits, &scored.cuts, scored.key ? scored.key : x->key);
	TextAdd(&x->answer, "}\n");
	free(scored.key);
}

static void
AddContributions(Exchange *x, const PGresult *res)
{
	int			average = PQntuples(res) - 1;

	TextAdd(&x->answer, ",\"unit\":");
	TextJson(&x->answer, PQgetvalue(res, 0, 6));
	TextAdd(&x->answer, ",\"average\":");
	TextAdd(&x->answer, PQgetvalue(res, average, 5));
	TextAdd(&x->answer, ",\"contributions\":[");
	for (int i = 0; i < average; i++)
	{
		TextAdd(&x->answer, i > 0 ? ",{\"column\":" : "{\"column\":");
		TextJson(&x->answer, PQgetvalue(res, i, 3));
		TextAdd(&x->answer, ",\"value\":");
		TextJson(&x->answer, PQgetvalue(res, i, 4));
		TextAdd(&x->answer, ",\"contribution\":");
		TextAdd(&x->answer, PQgetvalue(res, i, 5));
		TextAdd(&x->answer, "}");
	}
	TextAdd(&x->answer, "]}\n");
}

void
ServeExplain(Exchange *x)
{
	const char *values[] = {x->model.text, x->body.data, x->model.name};
	PGresult   *res = Ask(x, STATEMENT_EXPLAIN, values);
	Cuts		cuts;

	if (res == NULL)
		return;
	if (PQntuples(res) == 0)
		RefuseWith(x, NOT_AN_OBJECT, "one lead is explained at a time: send a JSON object");
	else if (CutsOf(x, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), &cuts))
	{
		json_t	   *keys = Strings(res, 7);
		const char *key = json_string_value(json_array_get(keys, 0));

		BeginAnswer(x, atoi(PQgetvalue(res, 0, 0)));
		TextAdd(&x->answer, ",");
		AddScore(x, PQgetvalue(res, 0, 2), &cuts, key ? key : x->key);
		AddContributions(x, res);
		json_decref(keys);
	}
	PQclear(res);
}

/* What PostgreSQL has written as JSON goes out as it is. */
static void
PassOn(Exchange *x, PGresult *res)
{
	if (res == NULL)
		return;
	TextAdd(&x->answer, PQgetvalue(res, 0, 0));
	TextAdd(&x->answer, "\n");
	PQclear(res);
}

void
ServeModels(Exchange *x)
{
	PassOn(x, Ask(x, STATEMENT_MODELS, NULL));
}

void
ServeModel(Exchange *x)
{
	const char *values[] = {x->model.text, x->model.name};

	PassOn(x, Ask(x, STATEMENT_MODEL, values));
}
