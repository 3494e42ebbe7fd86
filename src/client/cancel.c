/*-------------------------------------------------------------------------
 *
 * cancel.c
 *	  Ctrl-C: what runs on the server is cancelled there, and the program ends
 *	  in order.  A second one ends it at once.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MOST_CONNECTIONS 64

static PGcancel *volatile cancels[MOST_CONNECTIONS];
static volatile sig_atomic_t n_cancels = 0;
static volatile sig_atomic_t received = 0;
static const char *volatile unfinished_file = NULL;

/* Only what is safe in a signal handler; PQcancel is. */
static void
Handle(int number)
{
	char		why[256];

	if (received)
	{
		if (unfinished_file != NULL)
			unlink((const char *) unfinished_file);
		_exit(128 + number);
	}
	received = number;
	for (int i = 0; i < n_cancels; i++)
		PQcancel(cancels[i], why, sizeof(why));
}

/* From now on a signal ends the program by way of Cancelled(). */
void
CatchCancel(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = Handle;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* A statement of this connection is to be cancelled, too. */
void
CancelAlso(PGconn *conn)
{
	PGcancel   *cancel = PQgetCancel(conn);

	if (cancel == NULL || n_cancels == MOST_CONNECTIONS)
		Die(EXIT_REFUSED, "too many connections");
	cancels[n_cancels] = cancel;
	n_cancels++;
}

/* All statements, because one has failed. */
void
CancelAll(void)
{
	char		why[256];

	for (int i = 0; i < n_cancels; i++)
		PQcancel(cancels[i], why, sizeof(why));
}

/* 0, or the exit code. */
int
Cancelled(void)
{
	return received ? 128 + received : 0;
}

/* What a second signal is to remove; NULL: nothing. */
void
RemoveOnSignal(const char *path)
{
	unfinished_file = path;
}
