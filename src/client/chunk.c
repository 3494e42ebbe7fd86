/*-------------------------------------------------------------------------
 *
 * chunk.c
 *	  Some thousand rows of a file: what goes to the server, what comes back, and
 *	  which value it was that the server did not take.
 *
 * Each column goes as one array of texts and is cast to its type there.  So no
 * table is made, and the rights of a reader, or a standby, are enough.
 *
 *-------------------------------------------------------------------------
 */
#include "scoring.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OID		25
#define ARRAY_HEADER	20		/* dimensions, NULLs?, type, length, lower bound */
#define STATEMENT		"leadscore_score"

/* ---- rows in ---- */

static void
PutInteger(char *to, int32_t value)
{
	uint32_t	net = htonl((uint32_t) value);

	memcpy(to, &net, 4);
}

static void
AddValue(Values *values, const Field *field, bool is_null)
{
	size_t		length = is_null ? 0 : field->length;

	if (values->length + 4 + length > values->room)
	{
		values->room = 2 * (values->length + 4 + length);
		values->bytes = Reallocate(values->bytes, values->room);
	}
	PutInteger(values->bytes + values->length, is_null ? -1 : (int32_t) length);
	if (length > 0)
		memcpy(values->bytes + values->length + 4, field->text, length);
	values->length += 4 + length;
}

/* A model that needs no column still needs rows: the array of column 0 is always there. */
static int
Arrays(const Scoring *scoring)
{
	return scoring->n > 0 ? scoring->n : 1;
}

void
ClearChunk(const Scoring *scoring, Chunk *chunk)
{
	if (chunk->columns == NULL)
		chunk->columns = Allocate(Arrays(scoring) * sizeof(Values));
	for (int i = 0; i < Arrays(scoring); i++)
	{
		Values	   *values = &chunk->columns[i];

		if (values->room < ARRAY_HEADER)
		{
			values->room = 1 << 14;
			values->bytes = Reallocate(values->bytes, values->room);
		}
		values->length = ARRAY_HEADER;
	}
	chunk->length = 0;
	chunk->n_rows = chunk->scored = 0;
	PQclear(chunk->result);
	chunk->result = NULL;
}

/* fields NULL: a blank line */
void
AddRow(const Scoring *scoring, Chunk *chunk, const Record *record, const Fields *fields, const NullTexts *nulls)
{
	size_t		bytes = record->length + record->end;
	Row		   *row;

	if (chunk->length + bytes > chunk->room)
	{
		chunk->room = 2 * (chunk->length + bytes);
		chunk->text = Reallocate(chunk->text, chunk->room);
	}
	if (chunk->n_rows == chunk->rows_room)
	{
		chunk->rows_room = chunk->rows_room ? 2 * chunk->rows_room : 1024;
		chunk->rows = Reallocate(chunk->rows, chunk->rows_room * sizeof(Row));
	}
	row = &chunk->rows[chunk->n_rows++];
	row->begin = chunk->length;
	row->length = record->length;
	row->end = record->end;
	row->line = record->line;
	row->blank = fields == NULL;
	memcpy(chunk->text + chunk->length, record->text, bytes);
	chunk->length += bytes;
	if (fields == NULL)
		return;
	chunk->scored++;
	for (int i = 0; i < scoring->n; i++)
	{
		const Field *field = &fields->fields[scoring->positions[i]];

		AddValue(&chunk->columns[i], field, IsNullField(field, nulls));
	}
	if (scoring->n == 0)
		AddValue(&chunk->columns[0], NULL, true);
}

/* The array of a column's values from one row to before another; to be freed. */
static char *
ArrayOf(const Values *values, int from, int to, int *length)
{
	const char *at = values->bytes + ARRAY_HEADER;
	const char *begin = at;
	char	   *array;

	for (int i = 0; i < to; i++)
	{
		uint32_t	bytes;

		if (i == from)
			begin = at;
		memcpy(&bytes, at, 4);
		bytes = ntohl(bytes);
		at += 4 + (bytes == UINT32_MAX ? 0 : bytes);
	}
	array = Allocate(ARRAY_HEADER + (at - begin));
	PutInteger(array, 1);
	PutInteger(array + 4, 1);
	PutInteger(array + 8, TEXT_OID);
	PutInteger(array + 12, to - from);
	PutInteger(array + 16, 1);
	memcpy(array + ARRAY_HEADER, begin, at - begin);
	*length = (int) (ARRAY_HEADER + (at - begin));
	return array;
}

/* ---- statements ---- */

static char *
Add(char *text, char *more)
{
	char	   *both = Format("%s%s", text, more);

	free(text);
	free(more);
	return both;
}

static char *
Statement(const Scoring *scoring, PGconn *conn)
{
	int			n = Arrays(scoring);
	char	   *cast = Copy("");
	char	   *arrays = Copy("");
	char	   *names = Copy("");
	char	   *reasons = scoring->reasons > 0
		? Format("%s.lead_reasons($%d::pg_catalog.text, r, %d)", scoring->schema, n + 1, scoring->reasons)
		: Copy("NULL::pg_catalog.text");
	char	   *sql;

	for (int i = 0; i < n; i++)
	{
		arrays = Add(arrays, Format("%spg_catalog.unnest($%d::pg_catalog.text[])", i > 0 ? ", " : "", i + 1));
		names = Add(names, Format("c%d, ", i));
		if (i < scoring->n)
		{
			char	   *name = PQescapeIdentifier(conn, scoring->names[i], strlen(scoring->names[i]));

			cast = Add(cast, Format("u.c%d::%s AS %s, ", i, scoring->types[i], name));
			PQfreemem(name);
		}
	}
	/* OFFSET 0: the score is computed once, though it stands in two places */
	sql = Format("SELECT s.score, %1$s.lead_grade(s.score, $%2$d::pg_catalog.float8[]), s.reasons "
				 "FROM (SELECT %1$s.lead_score($%3$d::pg_catalog.text, r) AS score, %4$s AS reasons, r.\"(row)\" AS n "
				 "FROM (SELECT %5$su.n AS \"(row)\" FROM ROWS FROM (%6$s) WITH ORDINALITY AS u(%7$sn)) AS r "
				 "OFFSET 0) AS s ORDER BY s.n",
				 scoring->schema, n + 2, n + 1, reasons, cast, arrays, names);
	free(cast);
	free(arrays);
	free(names);
	free(reasons);
	return sql;
}

/* One plan for all chunks, made without looking at their values. */
bool
PrepareScoring(const Scoring *scoring, PGconn *conn)
{
	char	   *sql = Statement(scoring, conn);
	PGresult   *res = PQexec(conn, "SELECT pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false)");
	bool		ok = PQresultStatus(res) == PGRES_TUPLES_OK;

	PQclear(res);
	if (ok)
	{
		res = PQprepare(conn, STATEMENT, sql, 0, NULL);
		ok = PQresultStatus(res) == PGRES_COMMAND_OK;
		if (!ok)
			SayResult(res);
		PQclear(res);
	}
	free(sql);
	return ok;
}

/* The scores of some rows of a chunk, or the error. */
static PGresult *
ScoreRows(const Scoring *scoring, PGconn *conn, const Chunk *chunk, int from, int to)
{
	int			n = Arrays(scoring);
	char	  **values = Allocate((n + 2) * sizeof(char *));
	int		   *lengths = Allocate((n + 2) * sizeof(int));
	int		   *formats = Allocate((n + 2) * sizeof(int));
	PGresult   *res;

	for (int i = 0; i < n; i++)
	{
		values[i] = ArrayOf(&chunk->columns[i], from, to, &lengths[i]);
		formats[i] = 1;
	}
	values[n] = scoring->model;
	values[n + 1] = scoring->cuts;
	res = PQexecPrepared(conn, STATEMENT, n + 2, (const char *const *) values, lengths, formats, 0);
	for (int i = 0; i < n; i++)
		free(values[i]);
	free(values);
	free(lengths);
	free(formats);
	return res;
}

/* Can the values of one column be cast?  The error, or NULL. */
static PGresult *
CastRows(const Scoring *scoring, PGconn *conn, const Chunk *chunk, int column, int from, int to)
{
	char	   *sql = Format("SELECT pg_catalog.count(c::%s) FROM pg_catalog.unnest($1::pg_catalog.text[]) AS u(c)",
							 scoring->types[column]);
	int			length;
	int			format = 1;
	char	   *array = ArrayOf(&chunk->columns[column], from, to, &length);
	PGresult   *res = PQexecParams(conn, sql, 1, NULL, (const char *const *) &array, &length, &format, 0);

	free(sql);
	free(array);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return res;
	PQclear(res);
	return NULL;
}

/* ---- what the server did not take ---- */

/* The line of a row that is scored. */
static int64_t
LineOf(const Chunk *chunk, int scored)
{
	for (int i = 0; i < chunk->n_rows; i++)
		if (!chunk->rows[i].blank && scored-- == 0)
			return chunk->rows[i].line;
	return 0;
}

static void
AddError(Chunk *chunk, const Scoring *scoring, int row, const char *column, const PGresult *res, const char *hint)
{
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	char	   *text = Format("%s, line %lld%s%s%s: %s", scoring->file, (long long) LineOf(chunk, row),
							  column ? ", column \"" : "", column ? column : "", column ? "\"" : "",
							  message ? message : PQresultErrorMessage(res));

	json_array_append_new(chunk->errors, json_pack("{s:o, s:s*}", "message",
												   JsonText(text),
												   "hint", hint ? hint : PQresultErrorField(res, PG_DIAG_MESSAGE_HINT)));
	free(text);
}

static bool
ServerIsThere(PGconn *conn, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return PQstatus(conn) == CONNECTION_OK && state != NULL && strncmp(state, "57", 2) != 0 && !Cancelled();
}

/*
 * The first row whose value in this column is refused, or that cannot be scored at
 * all (column < 0), by halving.  The error of that row replaces *error.
 */
static int
FirstRefused(const Scoring *scoring, PGconn *conn, const Chunk *chunk, int column, PGresult **error)
{
	int			from = 0;
	int			to = chunk->scored;

	while (to - from > 1)
	{
		int			middle = from + (to - from) / 2;
		PGresult   *res;

		if (column >= 0)
			res = CastRows(scoring, conn, chunk, column, from, middle);
		else
		{
			res = ScoreRows(scoring, conn, chunk, from, middle);
			if (PQresultStatus(res) == PGRES_TUPLES_OK)
			{
				PQclear(res);
				res = NULL;
			}
		}
		if (res == NULL)
			from = middle;
		else
		{
			to = middle;
			PQclear(*error);
			*error = res;
			if (!ServerIsThere(conn, res))
				break;
		}
	}
	if (to - from == 1 && column >= 0)
	{
		PGresult   *res = CastRows(scoring, conn, chunk, column, from, to);

		if (res != NULL)
		{
			PQclear(*error);
			*error = res;
		}
	}
	return from;
}

/* A list of the columns with values that are not of their type, each with its first. */
static void
Explain(const Scoring *scoring, PGconn *conn, Chunk *chunk, PGresult *error)
{
	chunk->failed = EXIT_REFUSED;
	chunk->errors = json_array();
	for (int i = 0; i < scoring->n; i++)
	{
		PGresult   *res = CastRows(scoring, conn, chunk, i, 0, chunk->scored);
		int			row;
		char	   *hint;

		if (res == NULL)
			continue;
		if (!ServerIsThere(conn, res))
		{
			PQclear(res);
			break;
		}
		row = FirstRefused(scoring, conn, chunk, i, &res);
		hint = strncmp(PQresultErrorField(res, PG_DIAG_SQLSTATE) ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : "", "22021", 5) == 0
			? Copy("--encoding says which encoding the file is in, say LATIN1 or WIN1252")
			: Format("the model was trained with type %s; --null VALUE says what stands for nothing, "
					 "--types \"%s=TYPE\" reads it as another type",
					 scoring->shown_types[i], scoring->names[i]);
		AddError(chunk, scoring, row, scoring->names[i], res, hint);
		free(hint);
		PQclear(res);
	}
	if (json_array_size(chunk->errors) == 0 && ServerIsThere(conn, error))
	{
		int			row = FirstRefused(scoring, conn, chunk, -1, &error);

		if (ServerIsThere(conn, error))
			AddError(chunk, scoring, row, NULL, error, NULL);
	}
	if (PQstatus(conn) == CONNECTION_BAD || !ServerIsThere(conn, error))
		chunk->failed = Cancelled() ? Cancelled() : EXIT_NO_CONNECTION;
	PQclear(error);
}

void
ScoreChunk(const Scoring *scoring, PGconn *conn, Chunk *chunk)
{
	PGresult   *res;

	if (chunk->scored == 0)
		return;
	res = ScoreRows(scoring, conn, chunk, 0, chunk->scored);
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == chunk->scored)
		chunk->result = res;
	else if (ServerIsThere(conn, res))
		Explain(scoring, conn, chunk, res);
	else
	{
		chunk->failed = Cancelled() ? Cancelled() : EXIT_NO_CONNECTION;
		if (PQstatus(conn) == CONNECTION_OK && !Cancelled())
		{
			/* a timeout of the statement, say */
			chunk->failed = EXIT_REFUSED;
			chunk->errors = json_array();
			AddError(chunk, scoring, 0, NULL, res, NULL);
		}
		PQclear(res);
	}
}
