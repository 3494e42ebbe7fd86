/*-------------------------------------------------------------------------
 *
 * http_watch.c
 *	  Clients that are slow.
 *
 * libmicrohttpd drops a connection that says nothing, but one byte now and then
 * keeps it for ever.  So each stage of a connection has its time: a request must
 * have arrived, and its answer have been taken, within --read-timeout.  What the
 * service itself takes is not the client's.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_EVERY_MS	250

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Watched *watched;
static int	nopen;
static int	nbusy;
static pthread_t thread;
static atomic_bool done;

/* No request has been handed on, so nobody else writes here. */
static void
SayTooLate(int fd)
{
	Text		body = {NULL};
	Text		answer = {NULL};

	TextFormat(&body, "{\"code\":\"%s\",\"message\":\"%s\"}\n", ErrorName(REQUEST_TIMEOUT), ErrorText(REQUEST_TIMEOUT));
	TextFormat(&answer, "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s", body.length, body.data);
	/* if it does not read, either, so be it */
	(void) !send(fd, answer.data, answer.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	TextFree(&body);
	TextFree(&answer);
}

static void
Look(void)
{
	int64_t		oldest = Milliseconds() - serve.read_timeout * 1000;
	int			late = 0;

	pthread_mutex_lock(&mutex);
	for (Watched *w = watched; w != NULL; w = w->next)
	{
		if (w->cut || w->stage == STAGE_WORKING || w->since > oldest)
			continue;
		if (w->stage == STAGE_RECEIVING)
		{
			SayTooLate(w->fd);
			late++;
		}
		w->cut = true;
		shutdown(w->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&mutex);
	while (late-- > 0)
	{
		Exchange	x = {.error = REQUEST_TIMEOUT, .status = ErrorStatus(REQUEST_TIMEOUT), .begun = Microseconds() - serve.read_timeout * 1000000LL};

		CountRequest(&x);
	}
}

static void *
Watch(void *arg)
{
	(void) arg;
	while (!done)
	{
		Look();
		PoolProbe();
		nanosleep(&(struct timespec) {0, LOOK_EVERY_MS * 1000000L}, NULL);
	}
	return NULL;
}

void
WatchStart(void)
{
	if (pthread_create(&thread, NULL, Watch, NULL) != 0)
		Die(EXIT_REFUSED, "a thread cannot be started");
}

void
WatchStop(void)
{
	done = true;
	pthread_join(thread, NULL);
}

Watched *
WatchAdd(int fd)
{
	Watched    *w = Allocate(sizeof(Watched));

	w->fd = fd;
	w->since = Milliseconds();
	pthread_mutex_lock(&mutex);
	w->next = watched;
	w->link = &watched;
	if (watched != NULL)
		watched->link = &w->next;
	watched = w;
	nopen++;
	pthread_mutex_unlock(&mutex);
	return w;
}

void
WatchRemove(Watched *w)
{
	pthread_mutex_lock(&mutex);
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	nopen--;
	nbusy -= w->stage != STAGE_IDLE;
	pthread_mutex_unlock(&mutex);
	free(w);
}

bool
WatchStage(Watched *w, Stage stage)
{
	bool		alive;

	pthread_mutex_lock(&mutex);
	nbusy += (stage != STAGE_IDLE) - (w->stage != STAGE_IDLE);
	w->stage = stage;
	w->since = Milliseconds();
	alive = !w->cut;
	pthread_mutex_unlock(&mutex);
	return alive;
}

int
WatchBusy(int *open)
{
	int			busy;

	pthread_mutex_lock(&mutex);
	busy = nbusy;
	*open = nopen;
	pthread_mutex_unlock(&mutex);
	return busy;
}
