/*-------------------------------------------------------------------------
 *
 * serve.c
 *	  leadscore serve: scores by HTTP.  Options, signals, start and stop.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define OTHER_FILES		64

ServeOptions serve = {
	.listen = "127.0.0.1:8080",
	.pool = 4,
	.queue = 200,
	.max_body = 4 * 1024 * 1024,
	.max_batch = 1000,
	.max_connections = 1000,
	.timeout = 5,
	.read_timeout = 15,
	.stop_timeout = 30,
};

atomic_bool serve_stopping;

static const Option options[] = {
	{'l', "listen", "HOST:PORT", "where to listen (127.0.0.1:8080); port 0: any that is free", OPTION_TEXT, &serve.listen},
	{0, "pool", "N", "connections to the database (4): as many as it has processors", OPTION_NUMBER, &serve.pool},
	{0, "queue", "N", "requests that may wait for one of them (200); more get 503", OPTION_NUMBER, &serve.queue},
	{0, "token-file", "FILE", "who may ask: a line is TOKEN, or NAME TOKEN; read again on SIGHUP", OPTION_TEXT, &serve.token_file},
	{0, "no-auth", NULL, "listen beyond this machine without tokens", OPTION_SWITCH, &serve.no_auth},
	{0, "max-body", "BYTES", "largest body of a request (4194304)", OPTION_NUMBER, &serve.max_body},
	{0, "max-batch", "N", "most documents in an array (1000)", OPTION_NUMBER, &serve.max_batch},
	{0, "max-connections", "N", "most clients at a time (1000)", OPTION_NUMBER, &serve.max_connections},
	{0, "timeout", "SECONDS", "most that a request may take in the database (5)", OPTION_NUMBER, &serve.timeout},
	{0, "read-timeout", "SECONDS", "most that a client may take to send its request, or to read the answer (15)", OPTION_NUMBER, &serve.read_timeout},
	{0, "stop-timeout", "SECONDS", "most that is waited for unfinished requests when stopped (30)", OPTION_NUMBER, &serve.stop_timeout},
	{0, "grades", "JSON", "how scores become grades, as for lead_grade_cuts()", OPTION_TEXT, &serve.grades},
	{0, "decision-log", "TABLE", "write who got which score into this table", OPTION_TEXT, &serve.decision_log},
	{0, "decision-key", "KEY", "the documents' key that tells the lead in that table", OPTION_TEXT, &serve.decision_key},
	{0, "log-leads", NULL, "log the leads themselves, too", OPTION_SWITCH, &serve.log_leads},
	{0}
};

static void
CheckNumber(const char *name, int value, int least, int most)
{
	if (value < least || value > most)
		Die(EXIT_USAGE, "--%s must be from %d to %d, not %d", name, least, most, value);
}

static void
CheckOptions(void)
{
	CheckNumber("pool", serve.pool, 1, 1000);
	CheckNumber("queue", serve.queue, 0, 1000000);
	CheckNumber("max-body", serve.max_body, 1, 256 * 1024 * 1024);
	CheckNumber("max-batch", serve.max_batch, 1, 1000000);
	CheckNumber("max-connections", serve.max_connections, 1, 100000);
	CheckNumber("timeout", serve.timeout, 1, 3600);
	CheckNumber("read-timeout", serve.read_timeout, 1, 3600);
	CheckNumber("stop-timeout", serve.stop_timeout, 0, 3600);
}

/*
 * A client or a connection to the database that finds no file descriptor left
 * would be tried again without end, so there are enough of them.
 */
static void
AllowFiles(void)
{
	rlim_t		needed = (rlim_t) serve.max_connections + serve.pool + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return;
	if (limit.rlim_max < needed)
		Die(EXIT_USAGE, "--max-connections %d and --pool %d need %llu open files, but only %llu are allowed: see ulimit -n",
			serve.max_connections, serve.pool, (unsigned long long) needed, (unsigned long long) limit.rlim_max);
	limit.rlim_cur = needed;
	(void) setrlimit(RLIMIT_NOFILE, &limit);
}

static void
CheckGrades(PGconn *conn)
{
	const char *values[] = {serve.grades};
	PGresult   *res = PQexecParams(conn, "SELECT leadscore.check_grades($1::pg_catalog.jsonb)",
								   1, NULL, values, NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		exit(SayFailure(conn, res));
	PQclear(res);
}

/* Blocked in every thread, so that Wait() gets them. */
static sigset_t
BlockSignals(void)
{
	sigset_t	set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return set;
}

/* Until it is to stop. */
static void
Wait(const sigset_t *set)
{
	int			found;

	for (;;)
	{
		if (sigwait(set, &found) != 0)
			continue;
		if (found != SIGHUP)
			break;
		TokensRead(false);
	}
	LogEvent("info", "stopping", "%s", strsignal(found));
}

int
CommandServe(int argc, char **argv)
{
	sigset_t	signals;
	bool		loopback;
	PGconn	   *conn;
	int			fd;

	Arguments(argc, argv, options, 0, 0);
	CheckOptions();
	AllowFiles();
	TokensRead(true);
	fd = ListenOn(serve.listen, &loopback);
	if (!loopback && serve.token_file == NULL && !serve.no_auth)
		Die(EXIT_USAGE, "--listen %s can be reached from other machines: give a --token-file, or --no-auth",
			serve.listen);
	conn = ConnectOrExit();
	free(ExtensionSchemaOrExit(conn));
	CheckGrades(conn);

	signals = BlockSignals();
	if (serve.decision_log != NULL)
		DecisionsStart(ConnectOrExit());
	PoolStart(conn);
	WatchStart();
	HttpStart(fd);
	Wait(&signals);
	serve_stopping = true;
	HttpStop(fd);
	WatchStop();
	DecisionsStop();
	PoolStop();
	LogEvent("info", "stopped", "all accepted requests are answered");
	return EXIT_DONE;
}
