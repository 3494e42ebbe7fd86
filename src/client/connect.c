/*-------------------------------------------------------------------------
 *
 * connect.c
 *	  The connection: the options of psql, and all that libpq reads by itself
 *	  (PG* variables, the service file, ~/.pgpass, certificates).
 *
 * The parameters are read once and never change after the first connection, so
 * any thread may open more connections by them.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char *dbname;
static const char *host;
static const char *port;
static const char *username;
static bool never_prompt;
static bool prompt_first;
static char *password;

const Option connection_options[] = {
	{'d', "dbname", "NAME", "database, or a URI or connection string", OPTION_TEXT, &dbname},
	{'h', "host", "HOST", "server, or the directory of its socket", OPTION_TEXT, &host},
	{'p', "port", "PORT", "port of the server", OPTION_TEXT, &port},
	{'U', "username", "NAME", "user of the database", OPTION_TEXT, &username},
	{'w', "no-password", NULL, "never ask for a password", OPTION_SWITCH, &never_prompt},
	{'W', "password", NULL, "ask for a password first", OPTION_SWITCH, &prompt_first},
	{0}
};

/*
 * An option beats what is in a connection string, as in psql: expand_dbname lets
 * libpq read the string where "dbname" stands, and what follows overrides it.
 */
ConnectionParameters
GetConnectionParameters(void)
{
	ConnectionParameters p = {{NULL}, {NULL}};
	int			n = 0;

#define ADD(keyword, value) \
	do { \
		if ((value) != NULL) \
		{ \
			p.keywords[n] = keyword; \
			p.values[n++] = value; \
		} \
	} while (0)

	ADD("dbname", dbname);
	ADD("host", host);
	ADD("port", port);
	ADD("user", username);
	ADD("password", password);
	ADD("client_encoding", "UTF8");
	ADD("fallback_application_name", "leadscore");
	return p;
}

/* One connection more, however it turns out: see PQstatus.  Asks nobody. */
PGconn *
ConnectQuietly(void)
{
	ConnectionParameters p = GetConnectionParameters();

	return PQconnectdbParams(p.keywords, p.values, 1);
}

static volatile sig_atomic_t interrupted;

static void
Interrupt(int number)
{
	interrupted = number;
}

/*
 * From the terminal, without showing it; NULL if there is none.  Ctrl-C has its
 * effect after the terminal shows again what is typed.
 */
static char *
AskPassword(void)
{
	struct termios was,
				hidden;
	struct sigaction action = {.sa_handler = Interrupt};
	struct sigaction old;
	sigset_t	interrupt,
				before;
	char		line[1024];
	char	   *answer = NULL;
	int			fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	FILE	   *tty = fd >= 0 ? fdopen(fd, "r+") : NULL;

	if (tty == NULL)
	{
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (tcgetattr(fd, &was) == 0)
	{
		hidden = was;
		hidden.c_lflag &= ~ECHO;
		sigemptyset(&interrupt);
		sigaddset(&interrupt, SIGINT);
		sigprocmask(SIG_BLOCK, &interrupt, &before);
		sigaction(SIGINT, &action, &old);
		tcsetattr(fd, TCSAFLUSH, &hidden);
		fputs("Password: ", tty);
		fflush(tty);
		/* the signal comes while we wait, and at no other time */
		if (ppoll(&(struct pollfd) {fd, POLLIN, 0}, 1, NULL, &before) > 0 &&
			fgets(line, sizeof(line), tty) != NULL)
		{
			line[strcspn(line, "\r\n")] = '\0';
			answer = Copy(line);
		}
		tcsetattr(fd, TCSAFLUSH, &was);
		fputs("\n", tty);
		sigaction(SIGINT, &old, NULL);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	fclose(tty);
	if (interrupted)
		exit(EXIT_CANCELLED);
	return answer;
}

/* The first connection.  A password that is asked for is kept for the others. */
PGconn *
ConnectOrExit(void)
{
	PGconn	   *conn;

	if (prompt_first && !never_prompt)
		password = AskPassword();
	conn = ConnectQuietly();
	if (PQstatus(conn) == CONNECTION_BAD && PQconnectionNeedsPassword(conn) &&
		password == NULL && !never_prompt && (password = AskPassword()) != NULL)
	{
		PQfinish(conn);
		conn = ConnectQuietly();
	}
	if (PQstatus(conn) == CONNECTION_BAD)
	{
		char	   *why = Copy(PQerrorMessage(conn));

		for (size_t end = strlen(why); end > 0 && why[end - 1] == '\n';)
			why[--end] = '\0';
		Die(EXIT_NO_CONNECTION, "%s", why);
	}
	SayNotices(conn);
	return conn;
}

const char *const extension_schema_query =
	"SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e "
	"JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
	"WHERE e.extname = 'leadscore'";

/*
 * The schema that the extension's functions are called in, quoted, of the result
 * of that query; NULL if the database has no leadscore, or the query failed.
 */
char *
ExtensionSchema(const PGresult *res)
{
	return PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1 ? Copy(PQgetvalue(res, 0, 0)) : NULL;
}

char *
ExtensionSchemaOrExit(PGconn *conn)
{
	PGresult   *res = PQexec(conn, extension_schema_query);
	char	   *schema = ExtensionSchema(res);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		exit(SayFailure(conn, res));
	if (schema == NULL)
		Die(EXIT_REFUSED, "database \"%s\" has no leadscore: CREATE EXTENSION leadscore there",
			PQdb(conn));
	PQclear(res);
	return schema;
}
