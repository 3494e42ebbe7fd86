/*-------------------------------------------------------------------------
 *
 * serve_group.c
 *	  Requests for one lead each, by the same model, that wait for a connection
 *	  at the same time become one statement.
 *
 * The first of them leads: it waits for the connection, and while it does others
 * join.  It asks for all, and each gets its part.  When nothing has to wait, a
 * group is one request, and nothing is later for it.  Each document goes in by
 * itself, as an element of an array of jsonb, so that none can reach into
 * another; if the statement fails, everyone asks again alone and gets an error
 * of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST		64
#define LONGEST		(16 * 1024)		/* of a document that is not asked for alone */
#define JSONBOID	3802

typedef struct Group
{
	const char *reference;		/* the leader's */
	int			n;
	Exchange   *member[MOST];
	Scored	   *scored[MOST];
	bool		done;
	ErrorCode	failure;		/* why the leader has none */
	bool		failed;			/* everyone but a leader without an answer asks alone */
	int			leaving;		/* followers that have not seen the end */
	pthread_cond_t end;
	struct Group *next;
} Group;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Group *open_groups;		/* whose leader waits for a connection */

static void
AddNumber(Text *t, uint32_t number)
{
	number = htonl(number);
	TextBytes(t, (const char *) &number, sizeof(number));
}

/* The members' documents as array_recv() and jsonb_recv() read them. */
static Text
Documents(const Group *g)
{
	Text		t = {NULL};

	AddNumber(&t, 1);			/* dimensions */
	AddNumber(&t, 0);			/* no NULLs */
	AddNumber(&t, JSONBOID);
	AddNumber(&t, g->n);
	AddNumber(&t, 1);			/* the first index */
	for (int i = 0; i < g->n; i++)
	{
		AddNumber(&t, g->member[i]->body.length + 1);
		TextBytes(&t, "\001", 1);	/* version of the format */
		TextBytes(&t, g->member[i]->body.data, g->member[i]->body.length);
	}
	return t;
}

static PGresult *
AskForAll(Group *g, Slot *slot)
{
	const Exchange *x = g->member[0];
	Text		documents = {NULL};
	const char *values[] = {x->model.text, x->body.data, x->model.name};
	int			lengths[] = {0, 0, 0};
	int			binary[] = {0, 1, 0};
	PGresult   *res;

	if (g->n == 1)
		return PoolRun(slot, STATEMENT_SCORE, &(Values) {.value = values}, x->started, &g->failure);
	documents = Documents(g);
	values[1] = documents.data;
	lengths[1] = (int) documents.length;
	res = PoolRun(slot, STATEMENT_GROUP, &(Values) {values, lengths, binary}, x->started, &g->failure);
	TextFree(&documents);
	return res;
}

/* To each member its part; false if there are not as many parts as members. */
static bool
HandOut(Group *g, PGresult *res, const Cuts *cuts)
{
	json_t	   *keys = PQgetisnull(res, 0, 3) ? NULL : json_loads(PQgetvalue(res, 0, 3), 0, NULL);
	char	   *rest;
	char	   *digits = strtok_r(PQgetvalue(res, 0, 2), "{},", &rest);
	int			n = 0;

	for (; digits != NULL && n < g->n; digits = strtok_r(NULL, "{},", &rest), n++)
	{
		Scored	   *s = g->scored[n];
		const char *key = json_string_value(json_array_get(keys, n));

		s->version = atoi(PQgetvalue(res, 0, 0));
		snprintf(s->digits, sizeof(s->digits), "%s", digits);
		s->key = key ? Copy(key) : NULL;
		s->cuts = *cuts;
	}
	json_decref(keys);
	return digits == NULL && n == g->n;
}

/*
 * The leader's part.  An error of a group of one is the leader's own, and need not
 * be asked for again.
 */
static void
Lead(Group *g, Exchange *x)
{
	Slot	   *slot = PoolAcquire(x->started, &g->failure);
	PGresult   *res = NULL;
	Group	  **link = &open_groups;
	Cuts		cuts;

	pthread_mutex_lock(&mutex);
	while (*link != g)
		link = &(*link)->next;
	*link = g->next;			/* nobody joins any more */
	pthread_mutex_unlock(&mutex);

	if (slot != NULL)
	{
		res = AskForAll(g, slot);
		PoolRelease(slot);
	}
	g->failed = true;
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
	{
		g->failure = NO_ERROR;
		g->failed = !CutsOf(x, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), &cuts) ||
			!HandOut(g, res, &cuts);
	}
	else if (res != NULL)
	{
		g->failure = NO_ERROR;
		if (g->n == 1)
			RefuseByServer(x, res);
	}
	PQclear(res);
}

static void
Follow(Group *g)
{
	while (!g->done)
		pthread_cond_wait(&g->end, &mutex);
}

/*
 * True: *scored has the score.  False: x has an error, or is to be asked for
 * alone.
 */
bool
ScoreTogether(Exchange *x, Scored *scored)
{
	Group	   *g;
	bool		leads = false;
	bool		failed;

	memset(scored, 0, sizeof(*scored));
	if (x->body.length > LONGEST)
		return false;
	pthread_mutex_lock(&mutex);
	for (g = open_groups; g != NULL; g = g->next)
		if (g->n < MOST && strcmp(g->reference, x->model.text) == 0)
			break;
	if (g == NULL)
	{
		leads = true;
		g = Allocate(sizeof(Group));
		pthread_cond_init(&g->end, NULL);
		g->reference = x->model.text;
		g->next = open_groups;
		open_groups = g;
	}
	g->member[g->n] = x;
	g->scored[g->n++] = scored;
	if (leads)
	{
		pthread_mutex_unlock(&mutex);
		Lead(g, x);
		pthread_mutex_lock(&mutex);
		g->done = true;
		g->leaving = g->n;
		pthread_cond_broadcast(&g->end);
	}
	else
		Follow(g);
	failed = g->failed;
	if (failed)
	{
		free(scored->key);
		scored->key = NULL;
	}
	/* the others came later, and may have time left to ask alone */
	if (failed && leads && g->failure != NO_ERROR)
		Refuse(x, g->failure);
	if (--g->leaving == 0)
	{
		pthread_cond_destroy(&g->end);
		free(g);
	}
	pthread_mutex_unlock(&mutex);
	return !failed;
}
