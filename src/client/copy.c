/*-------------------------------------------------------------------------
 *
 * copy.c
 *	  The rows of a CSV file go to a table by COPY.
 *
 * They go as they are, but for line ends, which are made alike, and lines without
 * anything, which are passed over.  Every so many megabytes one COPY ends and the
 * next begins in the same transaction: an error is heard of soon, and what the
 * server counts is compared with what was sent.
 *
 *-------------------------------------------------------------------------
 */
#include "copy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_OF_COPY	((size_t) 1 << 25)
#define BYTES_OF_SEND	((size_t) 1 << 16)
#define MOST_SHIFTS		500000

/* From this line of the COPY on, lines are those of the file plus a distance. */
typedef struct Shift
{
	int64_t		copied;
	int64_t		distance;
} Shift;

typedef struct Copying
{
	const CopyPlan *plan;
	PGconn	   *conn;
	Input	   *input;
	char	   *buffer;
	size_t		filled;
	size_t		sent;			/* of the COPY that runs */
	int64_t		rows;			/* of the COPY that runs */
	int64_t		lines;			/* of the COPY that runs */
	int64_t		first_line;		/* of the COPY that runs, in the file */
	int64_t		all_rows;
	double		all_bytes;
	Shift	   *shifts;
	int			n_shifts;
	int			shift_room;
	Fields		fields;
	char	   *rebuilt;
	size_t		rebuilt_room;
} Copying;

static int64_t
FileLine(const Copying *c, int64_t copied)
{
	for (int i = c->n_shifts - 1; i >= 0; i--)
		if (c->shifts[i].copied <= copied)
			return copied + c->shifts[i].distance;
	return copied;
}

/* A COPY tells the last line of a record, and we the first. */
static void
NoteLine(Copying *c, const Record *record)
{
	int64_t		copied = c->lines + record->lines;
	int64_t		distance = record->line - copied;

	if (c->n_shifts > 0 && c->shifts[c->n_shifts - 1].distance == distance)
		return;
	if (c->n_shifts == c->shift_room)
	{
		c->shift_room = c->shift_room ? 2 * c->shift_room : 16;
		c->shifts = Reallocate(c->shifts, c->shift_room * sizeof(Shift));
	}
	c->shifts[c->n_shifts].copied = copied;
	c->shifts[c->n_shifts++].distance = distance;
}

/* From the table's name on, where the context of an error tells the line of a COPY. */
static const char *
CopyContext(const char *context, const char *table)
{
	char	   *line = Format("COPY %s,", table);
	const char *at = context;

	/* the functions of a trigger stand before it, whose names may begin like the table's */
	while (at != NULL && strncmp(at, line, strlen(line)) != 0)
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	free(line);
	return at ? at + strlen("COPY ") : strstr(context, table);
}

/*
 * The error of a COPY says where in its context: COPY table, line 7, column x: "y".
 * The words may be translated, the names, numbers and signs are not.
 */
static void
SayCopyError(const Copying *c, const PGresult *res)
{
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *table = context ? CopyContext(context, c->plan->bare_name) : NULL;
	const char *at = NULL;
	char	   *end;
	int64_t		line;
	const char *column = NULL;
	size_t		longest = 0;

	if (table != NULL)
		at = table + strlen(c->plan->bare_name) + strcspn(table + strlen(c->plan->bare_name), "0123456789\n");
	if (at == NULL || !isdigit((unsigned char) *at))
	{
		SayResult(res);
		return;
	}
	line = FileLine(c, strtoll(at, &end, 10));
	if (*end == ',')
		for (int i = 0; i < c->plan->n; i++)
		{
			const char *name = c->plan->columns[i];
			size_t		length = strlen(name);
			const char *word = strchr(end + 2, ' ');	/* behind "column" */

			if (word != NULL && length > longest && strncmp(word + 1, name, length) == 0 && word[1 + length] == ':')
			{
				column = name;
				longest = length;
			}
		}
	SayError("%s, line %lld%s%s%s: %s", InputName(c->input), (long long) line,
			 column ? ", column \"" : "", column ? column : "", column ? "\"" : "",
			 PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	if (column != NULL && state != NULL && strncmp(state, "22", 2) == 0)
		SayHint("--types \"%s=text\" loads it as text, --null VALUE says what stands for nothing", column);
	else if (state != NULL && strcmp(state, "22P04") == 0)
		SayHint("the first line has %d columns, parted by %s", c->plan->n, DelimiterName(c->plan->delimiter));
	else if (state != NULL && (strcmp(state, "22021") == 0 || strcmp(state, "22P05") == 0))
		SayHint("--encoding says which encoding the file is in, say LATIN1 or WIN1252");
}

/* Everything that has come is undone by the end of the connection. */
static void
Fail(Copying *c, PGresult *res)
{
	int			code = EXIT_REFUSED;

	ProgressEnd();
	if (Cancelled())
	{
		SayError("cancelled; nothing was loaded");
		exit(Cancelled());
	}
	if (PQstatus(c->conn) == CONNECTION_BAD || PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL)
		code = SayFailure(c->conn, res);
	else
		SayCopyError(c, res);
	SayNote("nothing was loaded");
	exit(code);
}

static void
Begin(Copying *c)
{
	PGresult   *res = PQexec(c->conn, c->plan->sql);

	if (PQresultStatus(res) != PGRES_COPY_IN)
		Fail(c, res);
	PQclear(res);
	c->rows = c->lines = 0;
	c->sent = 0;
	c->n_shifts = 0;
}

static void
Send(Copying *c)
{
	if (c->filled > 0 && PQputCopyData(c->conn, c->buffer, (int) c->filled) != 1)
		Fail(c, NULL);
	c->filled = 0;
}

static void
End(Copying *c)
{
	PGresult   *res;

	Send(c);
	if (PQputCopyEnd(c->conn, Cancelled() ? "cancelled" : NULL) != 1)
		Fail(c, NULL);
	res = PQgetResult(c->conn);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		Fail(c, res);
	if (strtoll(PQcmdTuples(res), NULL, 10) != c->rows)
	{
		ProgressEnd();
		SayError("%s: %lld rows were sent from line %lld on, but the server read %s", InputName(c->input),
				 (long long) c->rows, (long long) c->first_line, PQcmdTuples(res));
		SayHint("a line with nothing but \\. ends a COPY before its time");
		exit(EXIT_REFUSED);
	}
	PQclear(res);
	while ((res = PQgetResult(c->conn)) != NULL)
		PQclear(res);
	c->all_rows += c->rows;
}

static void
Put(Copying *c, const char *data, size_t length)
{
	if (c->filled + length + 1 > BYTES_OF_SEND)
		Send(c);
	if (length + 1 > BYTES_OF_SEND)
	{
		if (PQputCopyData(c->conn, data, (int) length) != 1)
			Fail(c, NULL);
	}
	else
	{
		memcpy(c->buffer + c->filled, data, length);
		c->filled += length;
	}
	c->buffer[c->filled++] = '\n';
	c->sent += length + 1;
}

/*
 * COPY knows one text for nothing, and that is the empty field: fields that hold
 * another are made empty.  What has none of them goes as it is.
 */
static void
PutRecord(Copying *c, const Record *record)
{
	const NullTexts *nulls = c->plan->nulls;
	bool		has = false;
	size_t		length = 0;

	for (int i = 0; i < nulls->n && !has; i++)
		has = memmem(record->text, record->length, nulls->texts[i].text, nulls->texts[i].length) != NULL;
	if (!has)
	{
		Put(c, record->text, record->length);
		return;
	}
	SplitRecord(&c->fields, record, c->plan->delimiter);
	if (c->rebuilt_room < record->length)
	{
		c->rebuilt_room = 2 * record->length;
		c->rebuilt = Reallocate(c->rebuilt, c->rebuilt_room);
	}
	for (int i = 0; i < c->fields.n; i++)
	{
		const Field *field = &c->fields.fields[i];

		if (i > 0)
			c->rebuilt[length++] = c->plan->delimiter;
		if (IsNullField(field, nulls))
			continue;
		memcpy(c->rebuilt + length, field->raw, field->raw_length);
		length += field->raw_length;
	}
	Put(c, c->rebuilt, length);
}

/* Sends what is left of the input, and returns how many rows that were. */
int64_t
CopyRows(PGconn *conn, Input *input, const CopyPlan *plan)
{
	Copying		c = {.plan = plan, .conn = conn, .input = input};
	Record		record;

	c.buffer = Allocate(BYTES_OF_SEND + 1);
	ProgressBegin("loading");
	Begin(&c);
	while (InputRecord(input, &record))
	{
		if (record.length == 0 && plan->n > 1)
			continue;
		RefuseStrayReturn(input, &record, record.line);
		NoteLine(&c, &record);
		if (c.rows == 0)
			c.first_line = record.line;
		PutRecord(&c, &record);
		c.rows++;
		c.lines += record.lines;
		c.all_bytes += record.length + record.end;
		if (Cancelled())
			break;
		if ((c.rows & 255) == 0)
			ProgressFile(c.all_rows + c.rows, c.all_bytes, InputDone(input), InputTotal(input));
		if (c.sent > BYTES_OF_COPY || c.n_shifts > MOST_SHIFTS)
		{
			End(&c);
			Begin(&c);
		}
	}
	End(&c);
	ProgressEnd();
	free(c.buffer);
	free(c.shifts);
	free(c.fields.fields);
	free(c.fields.scratch);
	free(c.rebuilt);
	return c.all_rows;
}
