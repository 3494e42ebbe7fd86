/*-------------------------------------------------------------------------
 *
 * serve_decisions.c
 *	  The decision log: which lead got which score of which version, when, and
 *	  who asked.
 *
 * Requests put rows into a queue and never wait.  One thread writes them, many
 * at a time, by a connection of its own.  While the table cannot be written the
 * queue grows to its bound; what comes then is lost, and counted.  A row that the
 * table itself refuses, for a client chooses its key, is thrown away so that it
 * does not hold up those behind it, and is counted among the lost.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUEUE_BOUND		100000
#define QUEUE_BYTES		((size_t) 64 << 20)
#define BATCH			1000
#define EVERY_MS		500
#define WRITE_MS		10000
#define STATEMENT_MS	"8000"	/* the server gives up first: else it would write what we write again */
#define COLUMNS			8

typedef struct Decision
{
	char	   *field[COLUMNS];	/* NULL: not known */
	size_t		bytes;
	struct Decision *next;
} Decision;

static const char *const columns[COLUMNS] = {
	"decided_at", "who", "remote", "key", "model", "version", "score", "grade"
};
static const char *const types[COLUMNS] = {
	"timestamptz", "text", "text", "text", "text", "int4", "float8", "text"
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static Decision *first;
static Decision **last = &first;
static int	waiting;
static size_t waiting_bytes;
static bool stopping;
static pthread_t thread;
static char *insert;			/* the statement */
static bool failing;			/* told already */

static void
FreeDecision(Decision *d)
{
	for (int i = 0; i < COLUMNS; i++)
		free(d->field[i]);
	free(d);
}

static char *
CopyOrNull(const char *s)
{
	return s ? Copy(s) : NULL;
}

static char *
TimeText(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* seconds since 1970; the statement makes a timestamptz of it */
	return Format("%lld.%06ld", (long long) now.tv_sec, now.tv_nsec / 1000);
}

void
Decide(const Exchange *x, const char *key, const char *score, const char *grade)
{
	Decision   *d;
	bool		full;

	if (serve.decision_log == NULL)
		return;
	d = Allocate(sizeof(Decision));
	d->field[0] = TimeText();
	d->field[1] = CopyOrNull(x->who);
	d->field[2] = Copy(x->remote);
	d->field[3] = CopyOrNull(key);
	d->field[4] = Copy(x->model.name);
	d->field[5] = Format("%d", x->version);
	d->field[6] = Copy(score);
	d->field[7] = CopyOrNull(grade);
	d->bytes = sizeof(Decision);
	for (int i = 0; i < COLUMNS; i++)
		d->bytes += d->field[i] ? strlen(d->field[i]) + 1 : 0;

	pthread_mutex_lock(&mutex);
	full = waiting >= QUEUE_BOUND || waiting_bytes + d->bytes > QUEUE_BYTES;
	if (!full)
	{
		waiting_bytes += d->bytes;
		*last = d;
		last = &d->next;
		if (++waiting == BATCH)
			pthread_cond_signal(&news);
	}
	pthread_mutex_unlock(&mutex);
	if (full)
	{
		FreeDecision(d);
		CountDecisions(0, 1);
	}
}

int
DecisionsWaiting(void)
{
	int			n;

	pthread_mutex_lock(&mutex);
	n = waiting;
	pthread_mutex_unlock(&mutex);
	return n;
}

/* ------------------------------------------------------------------------
 * The thread that writes
 * ------------------------------------------------------------------------
 */

/* One column of the rows as an array's text. */
static char *
ColumnArray(const Decision *d, int column, int n)
{
	Text		t = {NULL};

	TextAdd(&t, "{");
	for (int i = 0; i < n; i++)
	{
		/* behind the last one others write */
		if (i > 0)
			d = d->next;
		if (i > 0)
			TextAdd(&t, ",");
		if (d->field[column] == NULL)
		{
			TextAdd(&t, "NULL");
			continue;
		}
		TextAdd(&t, "\"");
		for (const char *s = d->field[column]; *s != '\0'; s++)
		{
			if (*s == '"' || *s == '\\')
				TextAdd(&t, "\\");
			TextBytes(&t, s, 1);
		}
		TextAdd(&t, "\"");
	}
	TextAdd(&t, "}");
	return t.data;
}

static bool
SetUp(PGconn *conn)
{
	PGresult   *res = PQsendQuery(conn, "SET statement_timeout = " STATEMENT_MS) ?
		AwaitResult(conn, Milliseconds() + WRITE_MS) : NULL;
	bool		done = PQresultStatus(res) == PGRES_COMMAND_OK;

	PQclear(res);
	return done;
}

/* Is it the rows that the table does not take?  Values, constraints, a trigger's word. */
static bool
RowsRefused(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
							 strncmp(state, "44", 2) == 0 || strcmp(state, "P0001") == 0);
}

static bool
Write(PGconn **conn, const Decision *d, int n, bool *refused)
{
	char	   *values[COLUMNS];
	PGresult   *res = NULL;
	const char *message;
	bool		written;

	*refused = false;
	if (*conn == NULL)
	{
		ConnectionParameters p = GetConnectionParameters();

		*conn = PQconnectStartParams(p.keywords, p.values, 1);
		if (!AwaitConnection(*conn, Milliseconds() + WRITE_MS) || !SetUp(*conn))
		{
			PQfinish(*conn);
			*conn = NULL;
			return false;
		}
	}
	for (int i = 0; i < COLUMNS; i++)
		values[i] = ColumnArray(d, i, n);
	if (PQsendQueryParams(*conn, insert, COLUMNS, NULL, (const char *const *) values, NULL, NULL, 0))
		res = AwaitResult(*conn, Milliseconds() + WRITE_MS);
	written = PQresultStatus(res) == PGRES_COMMAND_OK;
	/* not the detail: that may quote the row */
	message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	if (!written && !failing)
		LogEvent("error", "decisions_not_written", "%s",
				 message ? message : "the connection was lost");
	failing = !written;
	*refused = !written && RowsRefused(res);
	/* lost in between, a batch may have been written: better twice than never */
	if (!written && (res == NULL || PQstatus(*conn) == CONNECTION_BAD))
	{
		PQfinish(*conn);
		*conn = NULL;
	}
	PQclear(res);
	for (int i = 0; i < COLUMNS; i++)
		free(values[i]);
	return written;
}

static void
Forget(int n)
{
	Decision   *d;

	while (n-- > 0)
	{
		pthread_mutex_lock(&mutex);
		d = first;
		if ((first = d->next) == NULL)
			last = &first;
		waiting--;
		waiting_bytes -= d->bytes;
		pthread_mutex_unlock(&mutex);
		FreeDecision(d);
	}
}

static int
AtMost(int most)
{
	int			n = DecisionsWaiting();

	return n < most ? n : most;
}

/*
 * All that is waiting, or up to where the table cannot be written.  Of rows that are
 * refused together each half is tried, down to the one that is thrown away.
 */
static void
WriteWaiting(PGconn **conn)
{
	int			most = BATCH;
	int			n;

	/* only this thread takes rows away, so the first n stay where they are */
	while ((n = AtMost(most)) > 0)
	{
		bool		refused;

		if (Write(conn, first, n, &refused))
		{
			CountDecisions(n, 0);
			Forget(n);
			most = 2 * most < BATCH ? 2 * most : BATCH;
		}
		else if (!refused)
			break;
		else if (n > 1)
			most = n / 2;
		else
		{
			CountDecisions(0, 1);
			Forget(1);
		}
	}
}

static void *
WriteAll(void *arg)
{
	PGconn	   *conn = arg;
	bool		last_try = false;

	while (!last_try)
	{
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += EVERY_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&mutex);
		if (!stopping && (waiting < BATCH || failing))
			pthread_cond_timedwait(&news, &mutex, &until);
		last_try = stopping;
		pthread_mutex_unlock(&mutex);
		WriteWaiting(&conn);
	}
	PQfinish(conn);
	return NULL;
}

/* The table's columns must be there, and insertable: an empty batch finds out. */
void
DecisionsStart(PGconn *conn)
{
	Text		sql = {NULL};
	const char *name[] = {serve.decision_log};
	bool		refused;
	PGresult   *res = PQexecParams(conn, "SELECT pg_catalog.to_regclass($1)::text", 1, NULL, name, NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQgetisnull(res, 0, 0))
		Die(EXIT_REFUSED, "there is no table \"%s\" for the decisions", serve.decision_log);
	TextFormat(&sql, "INSERT INTO %s (", PQgetvalue(res, 0, 0));
	PQclear(res);
	for (int i = 0; i < COLUMNS; i++)
		TextFormat(&sql, "%s%s", i > 0 ? ", " : "", columns[i]);
	TextAdd(&sql, ") SELECT pg_catalog.to_timestamp(a), b, c, d, e, f, g, h FROM ROWS FROM (pg_catalog.unnest(");
	for (int i = 0; i < COLUMNS; i++)
		TextFormat(&sql, "%s$%d::%s[]", i > 0 ? "), pg_catalog.unnest(" : "", i + 1, i == 0 ? "float8" : types[i]);
	TextAdd(&sql, ")) AS r(a, b, c, d, e, f, g, h)");
	insert = sql.data;
	if (PQsetnonblocking(conn, 1) != 0 || !SetUp(conn) || !Write(&conn, NULL, 0, &refused))
		Die(EXIT_REFUSED, "the decisions cannot be written to \"%s\"", serve.decision_log);
	if (pthread_create(&thread, NULL, WriteAll, conn) != 0)
		Die(EXIT_REFUSED, "a thread cannot be started");
}

/* What is waiting is written, if that can be done at once. */
void
DecisionsStop(void)
{
	if (serve.decision_log == NULL)
		return;
	pthread_mutex_lock(&mutex);
	stopping = true;
	pthread_cond_signal(&news);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	if (waiting > 0)
	{
		LogEvent("error", "decisions_lost", "%d decisions could not be written", waiting);
		Forget(waiting);
	}
	free(insert);
}
