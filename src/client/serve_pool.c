/*-------------------------------------------------------------------------
 *
 * serve_pool.c
 *	  A fixed number of connections to the database, handed from request to
 *	  request.
 *
 * Whoever finds none idle waits in a queue of bounded length, first come first
 * served.  A connection is made when it is first needed, and again when it was
 * lost: all statements only read, so a request whose connection breaks is asked
 * again on another, as long as its time lasts.  When the database has been away
 * for longer than that, requests are refused at once, and the watcher looks
 * whether it is back.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve_statements.h"

#define RETRY_PAUSE_MS	50		/* between attempts to connect */
#define LATE_MS			1000	/* the server's own time-out comes first */

struct Slot
{
	PGconn	   *conn;			/* NULL: none yet, or lost */
	char	   *schema;
	bool		prepared[STATEMENTS];
	struct Slot *next;			/* idle */
};

typedef struct Waiter
{
	pthread_cond_t given;
	Slot	   *slot;
	struct Waiter *next;
} Waiter;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Slot *slots;
static Slot *idle;
static Waiter *first_waiter;
static Waiter **last_waiter = &first_waiter;
static int	nwaiting;
static int	nidle;
static int64_t down_since;		/* 0: connections can be made */

/* ------------------------------------------------------------------------
 * Waiting with a deadline
 * ------------------------------------------------------------------------
 */

static bool
AwaitSocket(PGconn *conn, short events, int64_t deadline)
{
	struct pollfd p = {PQsocket(conn), events, 0};
	int			found;

	do
	{
		int64_t		left = deadline - Milliseconds();

		if (left <= 0 || p.fd < 0)
			return false;
		found = poll(&p, 1, (int) left);
	} while (found < 0 && errno == EINTR);
	return found > 0;
}

/* Is it connected in time?  The connection was begun by PQconnectStartParams. */
bool
AwaitConnection(PGconn *conn, int64_t deadline)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	if (conn == NULL || PQstatus(conn) == CONNECTION_BAD)
		return false;
	while (status != PGRES_POLLING_OK)
	{
		if (status == PGRES_POLLING_FAILED ||
			!AwaitSocket(conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
			return false;
		status = PQconnectPoll(conn);
	}
	return PQsetnonblocking(conn, 1) == 0;
}

/* The last result of what was sent; NULL if none came in time, or none could. */
PGresult *
AwaitResult(PGconn *conn, int64_t deadline)
{
	PGresult   *last = NULL;
	PGresult   *res;
	int			unsent;

	while ((unsent = PQflush(conn)) > 0)
		if (!AwaitSocket(conn, POLLIN | POLLOUT, deadline) || !PQconsumeInput(conn))
			return NULL;
	if (unsent < 0)
		return NULL;
	for (;;)
	{
		while (PQisBusy(conn))
			if (!AwaitSocket(conn, POLLIN, deadline) || !PQconsumeInput(conn))
			{
				PQclear(last);
				return NULL;
			}
		if ((res = PQgetResult(conn)) == NULL)
			return last;
		PQclear(last);
		last = res;
	}
}

/* ------------------------------------------------------------------------
 * One connection
 * ------------------------------------------------------------------------
 */

static void
Drop(Slot *slot)
{
	PQfinish(slot->conn);
	free(slot->schema);
	slot->conn = NULL;
	slot->schema = NULL;
	memset(slot->prepared, 0, sizeof(slot->prepared));
}

static bool
RunCommand(PGconn *conn, const char *sql, int64_t deadline)
{
	PGresult   *res = PQsendQuery(conn, sql) ? AwaitResult(conn, deadline) : NULL;
	bool		done = PQresultStatus(res) == PGRES_COMMAND_OK;

	PQclear(res);
	return done;
}

/* Only reads, and never longer than a request may take. */
static bool
SetUp(Slot *slot, int64_t deadline)
{
	char	   *sql = Format("SET statement_timeout = %d; SET default_transaction_read_only = on;"
							 " SET search_path = pg_catalog, pg_temp; SET plan_cache_mode = force_generic_plan;"
							 " SET extra_float_digits = 1; SET jit = off; SET client_min_messages = error",
							 serve.timeout * 1000);
	bool		done = RunCommand(slot->conn, sql, deadline);

	free(sql);
	if (done && PQsendQuery(slot->conn, extension_schema_query))
	{
		PGresult   *res = AwaitResult(slot->conn, deadline);

		slot->schema = ExtensionSchema(res);
		PQclear(res);
	}
	return slot->schema != NULL;
}

static void
IgnoreNotice(void *arg, const PGresult *res)
{
	(void) arg;
	(void) res;
}

static bool
Connect(Slot *slot, int64_t deadline)
{
	ConnectionParameters p = GetConnectionParameters();
	bool		up;

	slot->conn = PQconnectStartParams(p.keywords, p.values, 1);
	PQsetNoticeReceiver(slot->conn, IgnoreNotice, NULL);
	up = AwaitConnection(slot->conn, deadline) && SetUp(slot, deadline);

	pthread_mutex_lock(&mutex);
	if (up && down_since != 0)
		LogEvent("info", "database_back", "after %d ms", (int) (Milliseconds() - down_since));
	else if (!up && down_since == 0)
		/* the server's own words would name hosts; the log may have them */
		LogEvent("error", "database_away", "%s", PQerrorMessage(slot->conn));
	if (up)
		down_since = 0;
	else if (down_since == 0)
		down_since = Milliseconds();
	pthread_mutex_unlock(&mutex);
	if (!up)
		Drop(slot);
	return up;
}

/* The result; NULL if the connection is of no more use, and is dropped then. */
static PGresult *
RunStatement(Slot *slot, Statement statement, const Values *v, int64_t deadline)
{
	PGresult   *res;

	if (!slot->prepared[statement])
	{
		char	   *sql = StatementText(statement, slot->schema, slot->conn);
		const StatementPlan *plan = &statement_plans[statement];

		res = PQsendPrepare(slot->conn, plan->name, sql, plan->nparams, plan->types) ?
			AwaitResult(slot->conn, deadline) : NULL;
		free(sql);
		if (PQresultStatus(res) == PGRES_FATAL_ERROR && PQstatus(slot->conn) == CONNECTION_OK)
			return res;
		slot->prepared[statement] = PQresultStatus(res) == PGRES_COMMAND_OK;
		PQclear(res);
		if (!slot->prepared[statement])
		{
			Drop(slot);
			return NULL;
		}
	}
	res = PQsendQueryPrepared(slot->conn, statement_plans[statement].name, statement_plans[statement].nparams,
							  v->value, v->length, v->binary, 0) ?
		AwaitResult(slot->conn, deadline) : NULL;
	if (res == NULL || PQstatus(slot->conn) != CONNECTION_OK)
	{
		PQclear(res);
		Drop(slot);
		return NULL;
	}
	return res;
}

/* ------------------------------------------------------------------------
 * The pool
 * ------------------------------------------------------------------------
 */

/* NULL when the queue is full, or the time is over. */
static Slot *
Take(int64_t deadline)
{
	Slot	   *slot;
	Waiter		me = {.slot = NULL};
	struct timespec until = {deadline / 1000, deadline % 1000 * 1000000};
	pthread_condattr_t monotonic;

	pthread_mutex_lock(&mutex);
	if ((slot = idle) != NULL)
	{
		idle = slot->next;
		nidle--;
	}
	else if (nwaiting < serve.queue)
	{
		pthread_condattr_init(&monotonic);
		pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
		pthread_cond_init(&me.given, &monotonic);
		*last_waiter = &me;
		last_waiter = &me.next;
		nwaiting++;
		while (me.slot == NULL &&
			   pthread_cond_timedwait(&me.given, &mutex, &until) != ETIMEDOUT)
			;
		if ((slot = me.slot) == NULL)
		{
			Waiter	  **w = &first_waiter;

			while (*w != &me)
				w = &(*w)->next;
			*w = me.next;
			if (last_waiter == &me.next)
				last_waiter = w;
			nwaiting--;
		}
		pthread_cond_destroy(&me.given);
		pthread_condattr_destroy(&monotonic);
	}
	pthread_mutex_unlock(&mutex);
	return slot;
}

void
PoolRelease(Slot *slot)
{
	Waiter	   *w;

	pthread_mutex_lock(&mutex);
	if ((w = first_waiter) != NULL)
	{
		if ((first_waiter = w->next) == NULL)
			last_waiter = &first_waiter;
		nwaiting--;
		w->slot = slot;
		pthread_cond_signal(&w->given);
	}
	else
	{
		/* the one used last is the warmest */
		slot->next = idle;
		idle = slot;
		nidle++;
	}
	pthread_mutex_unlock(&mutex);
}

/* A lost connection is worth another attempt; an error of the statement is not. */
static bool
WorthRetrying(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && (strncmp(state, "57P", 3) == 0 || strncmp(state, "40", 2) == 0);
}

/* What is wrong with the set-up may be put right: look again the next time. */
static bool
SetUpIsWrong(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && PQresultErrorField(res, PG_DIAG_COLUMN_NAME) == NULL &&
		strcmp(state, "42704") != 0 &&
		(strncmp(state, "42", 2) == 0 || strncmp(state, "3F", 2) == 0 || strncmp(state, "XX", 2) == 0);
}

/* To be given back by PoolRelease(); NULL with *failure. */
Slot *
PoolAcquire(int64_t started, ErrorCode *failure)
{
	bool		refuse;
	Slot	   *slot;

	pthread_mutex_lock(&mutex);
	refuse = down_since != 0 && Milliseconds() - down_since > serve.timeout * 1000;
	pthread_mutex_unlock(&mutex);
	slot = refuse ? NULL : Take(started + serve.timeout * 1000);
	*failure = refuse ? DATABASE_UNAVAILABLE : BUSY;
	return slot;
}

/* The result, an error of the statement included; NULL with *failure. */
PGresult *
PoolRun(Slot *slot, Statement statement, const Values *values, int64_t started, ErrorCode *failure)
{
	int64_t		deadline = started + serve.timeout * 1000;
	PGresult   *res = NULL;

	for (int attempt = 0;; attempt++)
	{
		bool		fresh = slot->conn == NULL;
		bool		asked = !fresh || Connect(slot, deadline);

		if (attempt > 0)
			CountRetry();
		if (asked)
			res = RunStatement(slot, statement, values, deadline + LATE_MS);
		if (res != NULL && !WorthRetrying(res))
			break;
		if (Milliseconds() + RETRY_PAUSE_MS >= deadline)
		{
			*failure = asked && res == NULL ? DATABASE_TIMEOUT : DATABASE_UNAVAILABLE;
			break;
		}
		if (res != NULL)
			Drop(slot);
		PQclear(res);
		res = NULL;
		if (fresh)
			nanosleep(&(struct timespec) {0, RETRY_PAUSE_MS * 1000000L}, NULL);
	}
	if (SetUpIsWrong(res))
		Drop(slot);
	return res;
}

PGresult *
PoolQuery(Statement statement, const char *const *values, int64_t started, ErrorCode *failure)
{
	Slot	   *slot = PoolAcquire(started, failure);
	Values		v = {.value = values};
	PGresult   *res;

	if (slot == NULL)
		return NULL;
	res = PoolRun(slot, statement, &v, started, failure);
	PoolRelease(slot);
	return res;
}

/* Is a database that went away back?  Called now and then. */
void
PoolProbe(void)
{
	Slot	   *slot = NULL;

	pthread_mutex_lock(&mutex);
	if (down_since != 0 && (slot = idle) != NULL)
	{
		idle = slot->next;
		nidle--;
	}
	pthread_mutex_unlock(&mutex);
	if (slot == NULL)
		return;
	if (slot->conn != NULL || Connect(slot, Milliseconds() + 1000))
	{
		pthread_mutex_lock(&mutex);
		down_since = 0;
		pthread_mutex_unlock(&mutex);
	}
	PoolRelease(slot);
}

void
PoolStart(PGconn *conn)
{
	slots = Allocate(sizeof(Slot) * serve.pool);
	for (int i = serve.pool - 1; i >= 0; i--)
	{
		slots[i].next = idle;
		idle = &slots[i];
	}
	nidle = serve.pool;
	PQsetNoticeReceiver(conn, IgnoreNotice, NULL);
	slots[0].conn = conn;
	if (PQsetnonblocking(conn, 1) != 0 || !SetUp(&slots[0], Milliseconds() + serve.timeout * 1000))
		Die(EXIT_REFUSED, "the connection cannot be set up: %s", PQerrorMessage(conn));
}

/* Nobody uses it any more. */
void
PoolStop(void)
{
	for (int i = 0; i < serve.pool; i++)
		Drop(&slots[i]);
	free(slots);
	idle = NULL;
}

void
PoolGauge(int *free_ones, int *busy, int *broken, int *waiting)
{
	pthread_mutex_lock(&mutex);
	*free_ones = nidle;
	*busy = serve.pool - nidle;
	*broken = down_since != 0;
	*waiting = nwaiting;
	pthread_mutex_unlock(&mutex);
}
