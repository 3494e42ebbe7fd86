/*-------------------------------------------------------------------------
 *
 * query.c
 *	  Calls of the extension's functions: arguments by name, values bound,
 *	  notices on the fly, cancelled by Ctrl-C.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAKE_EVERY	200			/* ms, for the clock of the progress line */

/* ---- a call ---- */

void
CallBegin(Call *call, const char *schema, const char *function)
{
	memset(call, 0, sizeof(*call));
	call->sql = Format("%s.%s(", schema, function);
}

static void
Append(Call *call, char *more)
{
	char	   *sql = Format("%s%s", call->sql, more);

	free(call->sql);
	free(more);
	call->sql = sql;
}

/* Binds a value and returns its number. */
int
CallBind(Call *call, const char *value)
{
	if (call->n == CALL_VALUES)
		Die(EXIT_USAGE, "too many values");
	call->values[call->n++] = value;
	return call->n;
}

/* A value that is not given is left to the function's default. */
void
CallArgument(Call *call, const char *name, const char *type, const char *value)
{
	if (value == NULL)
		return;
	Append(call, Format("%s%s => $%d::%s", call->n > 0 ? ", " : "", name,
						call->n + 1, type));
	CallBind(call, value);
}

/* A list of names: a JSON array, or apart by commas. */
void
CallNames(Call *call, const char *name, const char *value)
{
	json_t	   *array;

	if (value == NULL)
		return;
	if (value[0] == '[')
		value = JsonArgument(name, value);
	else
	{
		array = json_array();
		for (const char *p = value;; p++)
		{
			size_t		length = strcspn(p, ",");

			json_array_append_new(array, json_stringn(p, length));
			p += length;
			if (*p == '\0')
				break;
		}
		value = json_dumps(array, 0);
		if (value == NULL)
			Die(EXIT_USAGE, "--%s is not in UTF-8", name);
		json_decref(array);
	}
	Append(call, Format("%s%s => ARRAY(SELECT pg_catalog.jsonb_array_elements_text($%d::pg_catalog.jsonb))",
						call->n > 0 ? ", " : "", name, call->n + 1));
	CallBind(call, value);
}

void
CallEnd(Call *call)
{
	Append(call, Copy(")"));
}

static char *
FileText(const char *name)
{
	FILE	   *file = fopen(name, "rb");
	size_t		length = 0;
	size_t		room = 0;
	char	   *text = NULL;

	if (file == NULL)
		Die(EXIT_FILE, "cannot read %s: %s", name, strerror(errno));
	do
	{
		room += 1 << 16;
		text = Reallocate(text, room + 1);
		length += fread(text + length, 1, room - length, file);
	} while (length == room);
	if (ferror(file))
		Die(EXIT_FILE, "cannot read %s: %s", name, strerror(errno));
	fclose(file);
	text[length] = '\0';
	return text;
}

/*
 * The JSON of an option, or of the file that it names with @, as it is written; what
 * is no JSON ends the program.
 */
const char *
JsonArgument(const char *name, const char *value)
{
	json_error_t error;
	json_t	   *document;

	if (value == NULL)
		return NULL;
	if (value[0] == '@')
		value = FileText(value + 1);
	document = json_loads(value, JSON_DECODE_ANY, &error);
	if (document == NULL)
	{
		SayError("--%s is no JSON: %s (line %d, column %d)", name, error.text, error.line, error.column);
		exit(EXIT_USAGE);
	}
	json_decref(document);
	return value;
}

/* ---- running ---- */

static char *work;				/* what the server said last that it does */
static double work_done;
static double work_total;

static double
ReadThousands(const char *text, const char **end)
{
	double		n = 0;

	for (; (*text >= '0' && *text <= '9') || *text == ','; text++)
		if (*text != ',')
			n = 10 * n + (*text - '0');
	*end = text;
	return n;
}

/*
 * Notices of leadscore.progress, "reading rows, 5,000 of 8,000 rows" with the
 * time in the detail, move the line; all others are said.
 */
static void
ReceiveNotice(void *arg, const PGresult *res)
{
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *comma = text ? strrchr(text, ' ') : NULL;
	const char *at;

	(void) arg;
	if (text == NULL || detail == NULL || comma == NULL || strcmp(comma, " rows") != 0 ||
		strstr(detail, " s since the statement began.") == NULL)
	{
		SayResult(res);
		return;
	}
	free(work);
	work = Copy(text);
	work_done = work_total = 0;
	for (at = text; (at = strstr(at, ", ")) != NULL;)
	{
		const char *end;
		double		n;

		at += 2;
		n = ReadThousands(at, &end);
		if (end > at && strncmp(end, " of ", 4) == 0)
		{
			work_done = n;
			work_total = ReadThousands(end + 4, &end);
		}
	}
}

/*
 * Runs one statement to its end and returns its result.  If it fails, that is
 * said and the program ends.
 */
PGresult *
Run(PGconn *conn, const char *what, const char *sql, int n, const char *const *values)
{
	PGresult   *res = NULL;
	PGresult   *next;
	ExecStatusType status;

	PQsetNoticeReceiver(conn, ReceiveNotice, NULL);
	ProgressBegin(what);
	free(work);
	work = Copy("");
	work_done = work_total = 0;
	if (!PQsendQueryParams(conn, sql, n, NULL, values, NULL, NULL, 0))
	{
		ProgressEnd();
		exit(SayFailure(conn, NULL));
	}
	while (PQisBusy(conn))
	{
		struct pollfd waiting = {PQsocket(conn), POLLIN, 0};
		int			ready = poll(&waiting, 1, WAKE_EVERY);

		if (ready < 0 && errno != EINTR)
			break;
		if (ready > 0 && !PQconsumeInput(conn))
			break;
		if (ProgressSeconds() > 1)
			ProgressWork(work, work_done, work_total);
	}
	while ((next = PQgetResult(conn)) != NULL)
	{
		if (res != NULL && PQresultStatus(res) == PGRES_FATAL_ERROR)
			PQclear(next);
		else
		{
			PQclear(res);
			res = next;
		}
	}
	ProgressEnd();
	status = PQresultStatus(res);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
	{
		int			code = SayFailure(conn, res);

		PQclear(res);
		PQfinish(conn);
		exit(Cancelled() ? Cancelled() : code);
	}
	return res;
}

PGresult *
RunCall(PGconn *conn, const char *what, const Call *call, const char *sql)
{
	return Run(conn, what, sql, call->n, call->values);
}

/*
 * The connection of a command that runs one statement: with the extension,
 * progress, and Ctrl-C.
 */
PGconn *
ConnectToWork(char **schema)
{
	PGconn	   *conn = ConnectOrExit();

	CatchCancel();
	CancelAlso(conn);
	*schema = ExtensionSchemaOrExit(conn);
	PQclear(Run(conn, "connecting", "SELECT pg_catalog.set_config('leadscore.progress', 'on', false)", 0, NULL));
	return conn;
}
