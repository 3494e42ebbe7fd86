/*-------------------------------------------------------------------------
 *
 * workers.c
 *	  A thread per connection.  Chunk i belongs to thread i modulo their number;
 *	  whoever fills chunks and whoever empties them is the main thread, in order.
 *
 *-------------------------------------------------------------------------
 */
#include "scoring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct Worker
{
	pthread_t	thread;
	PGconn	   *conn;
	int			number;
} Worker;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const Scoring *scoring;
static Worker *workers;
static int	n_workers;
static Chunk *chunks;
static int	n_chunks;
static bool stopping;
static bool started;

static void *
Work(void *arg)
{
	Worker	   *worker = arg;

	for (int at = worker->number;; at = (at + n_workers) % n_chunks)
	{
		Chunk	   *chunk = &chunks[at];
		bool		stop;

		pthread_mutex_lock(&lock);
		while (chunk->state != CHUNK_FILLED && !stopping)
			pthread_cond_wait(&changed, &lock);
		stop = stopping;
		pthread_mutex_unlock(&lock);
		if (stop)
			return NULL;
		ScoreChunk(scoring, worker->conn, chunk);
		pthread_mutex_lock(&lock);
		chunk->state = CHUNK_SCORED;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
}

/* n_chunks must be a multiple of n.  Signals stay with the main thread. */
void
ScoringStart(const Scoring *what, PGconn **conns, int n, Chunk *those, int how_many)
{
	sigset_t	all,
				old;

	started = true;
	atexit(ScoringStop);
	scoring = what;
	chunks = those;
	n_chunks = how_many;
	n_workers = n;
	workers = Allocate(n * sizeof(Worker));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < n; i++)
	{
		workers[i].conn = conns[i];
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, Work, &workers[i]) != 0)
			Die(EXIT_REFUSED, "cannot start a thread");
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
ScoringHandOver(Chunk *chunk)
{
	pthread_mutex_lock(&lock);
	chunk->state = CHUNK_FILLED;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
ScoringWait(Chunk *chunk)
{
	pthread_mutex_lock(&lock);
	while (chunk->state != CHUNK_SCORED)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/*
 * What runs is cancelled, for nobody waits for it.  No thread is left when the
 * program ends, wherever it does.
 */
void
ScoringStop(void)
{
	if (!started)
		return;
	started = false;
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	CancelAll();
	for (int i = 0; i < n_workers; i++)
	{
		pthread_join(workers[i].thread, NULL);
		PQfinish(workers[i].conn);
	}
	free(workers);
}
