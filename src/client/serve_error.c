/*-------------------------------------------------------------------------
 *
 * serve_error.c
 *	  What went wrong, as an answer.
 *
 * Of the server's errors only those of leadscore about the caller's own columns
 * and models keep their words; they are told by their SQLSTATE and their column
 * field, never by their text.  All others get ours, and go to the log.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct
{
	int			status;
	const char *name;
	const char *text;
}			codes[] = {
	[NO_ERROR] = {200, NULL, NULL},
#define ERROR_CODE(name, status, code, text) [name] = {status, code, text},
#include "serve_codes.h"
#undef ERROR_CODE
};

const char *
ErrorName(ErrorCode code)
{
	return codes[code].name;
}

const char *
ErrorText(ErrorCode code)
{
	return codes[code].text;
}

int
ErrorStatus(ErrorCode code)
{
	return codes[code].status;
}

/* The body is complete but for what the caller adds before the closing brace. */
static void
BeginRefusal(Exchange *x, ErrorCode code, const char *message)
{
	TextFree(&x->answer);
	x->error = code;
	x->status = codes[code].status;
	x->type = "application/json";
	TextAdd(&x->answer, "{\"code\":\"");
	TextAdd(&x->answer, codes[code].name);
	TextAdd(&x->answer, "\",\"message\":");
	TextJson(&x->answer, message);
}

void
Refuse(Exchange *x, ErrorCode code)
{
	BeginRefusal(x, code, codes[code].text);
	TextAdd(&x->answer, "}\n");
}

void
RefuseWith(Exchange *x, ErrorCode code, const char *format,...)
{
	va_list		args;
	char	   *message = NULL;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	BeginRefusal(x, code, message ? message : codes[code].text);
	TextAdd(&x->answer, "}\n");
	free(message);
}

/* Where jansson finds fault with the body; what it likes PostgreSQL did not. */
static void
RefuseJson(Exchange *x)
{
	json_error_t error;
	json_t	   *document = json_loadb(x->body.data, x->body.length, JSON_DECODE_ANY, &error);

	if (document != NULL)
		Refuse(x, INVALID_JSON);
	else if (json_error_code(&error) == json_error_stack_overflow)
		Refuse(x, TOO_DEEP);
	else
		/* not its text: that quotes the lead */
		RefuseWith(x, INVALID_JSON, "the body is not valid JSON: see line %d, column %d",
				   error.line, error.column);
	json_decref(document);
}

/* Which part of NAME@… there is not; the message is leadscore's. */
static void
RefuseReference(Exchange *x, const char *message)
{
	char	   *no_model = Format("model \"%s\" does not exist", x->model.name);
	ErrorCode	code = UNKNOWN_ALIAS;

	if (strcmp(message, no_model) == 0)
		code = UNKNOWN_MODEL;
	else if (x->model.suffix != NULL &&
			 strspn(x->model.suffix, "0123456789") == strlen(x->model.suffix))
		code = UNKNOWN_VERSION;
	RefuseWith(x, code, "%s", message);
	free(no_model);
}

static void
RefuseColumn(Exchange *x, ErrorCode code, const PGresult *res)
{
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	int			position;

	BeginRefusal(x, code, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	if (PQresultErrorField(res, PG_DIAG_COLUMN_NAME) != NULL)
	{
		TextAdd(&x->answer, ",\"column\":");
		TextJson(&x->answer, PQresultErrorField(res, PG_DIAG_COLUMN_NAME));
	}
	if (context != NULL && sscanf(context, "document %d of the array", &position) == 1)
		TextFormat(&x->answer, ",\"document\":%d", position);
	if (hint != NULL)
	{
		TextAdd(&x->answer, ",\"hint\":");
		TextJson(&x->answer, hint);
	}
	TextAdd(&x->answer, "}\n");
}

static bool
OneOf(const char *state, const char *list)
{
	const char *found = strstr(list, state);

	return found != NULL && strlen(state) == 5 && (found - list) % 6 == 0;
}

void
RefuseByServer(Exchange *x, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	bool		column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME) != NULL;
	ErrorCode	code = INTERNAL;

	if (state == NULL || message == NULL)
		state = message = "";
	if (column && strcmp(state, "42703") == 0)
		RefuseColumn(x, MISSING_COLUMN, res);
	else if (column && strcmp(state, "42804") == 0)
		RefuseColumn(x, WRONG_TYPE, res);
	else if (column && strncmp(state, "22", 2) == 0)
		RefuseColumn(x, INVALID_VALUE, res);
	else if (strcmp(state, "22023") == 0 && strcmp(message, "features must be a JSON object") == 0)
		RefuseColumn(x, NOT_AN_OBJECT, res);
	else if (strcmp(state, "22023") == 0)
		Refuse(x, INVALID_MODEL);
	else if (strcmp(state, "42704") == 0)
		RefuseReference(x, message);
	/* malformed, \u0000, not UTF-8, a number that no numeric can be */
	else if (OneOf(state, "22P02 22P05 22021 22003 22001"))
		RefuseJson(x);
	else if (strcmp(state, "54001") == 0)
		Refuse(x, TOO_DEEP);
	else if (strcmp(state, "54000") == 0)
		Refuse(x, BODY_TOO_LARGE);
	else
	{
		if (strcmp(state, "57014") == 0)
			code = DATABASE_TIMEOUT;
		else if (strncmp(state, "53", 2) == 0 || strncmp(state, "57P", 3) == 0)
			code = DATABASE_UNAVAILABLE;
		else if (strncmp(state, "42", 2) == 0 || strncmp(state, "3F", 2) == 0)
			code = MISCONFIGURED;
		Refuse(x, code);
		if (code != DATABASE_TIMEOUT)
			x->problem = Format("%s: %s", state, message);
	}
}
