/*-------------------------------------------------------------------------
 *
 * serve_grades.c
 *	  The cuts of a version's grades, remembered.
 *
 * lead_grade_cuts() takes longer than a score.  A version's cuts come from its
 * quantiles alone, so they are remembered with the transaction that wrote these:
 * the statement that scores names it, and another one is asked for again.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED	64

typedef struct Entry
{
	char	   *key;			/* name, version, xmin */
	Cuts		cuts;
} Entry;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Entry entries[REMEMBERED];
static int	oldest;

static bool
Find(const char *key, Cuts *cuts)
{
	bool		found = false;

	pthread_mutex_lock(&mutex);
	for (int i = 0; i < REMEMBERED && !found; i++)
		if (entries[i].key != NULL && strcmp(entries[i].key, key) == 0)
		{
			*cuts = entries[i].cuts;
			found = true;
		}
	pthread_mutex_unlock(&mutex);
	return found;
}

static void
Remember(const char *key, const Cuts *cuts)
{
	pthread_mutex_lock(&mutex);
	free(entries[oldest].key);
	entries[oldest].key = Copy(key);
	entries[oldest].cuts = *cuts;
	oldest = (oldest + 1) % REMEMBERED;
	pthread_mutex_unlock(&mutex);
}

/*
 * The cuts of a version; `row` is the xmin of its quantiles, NULL if it has none.
 * False: the answer is an error.
 */
bool
CutsOf(Exchange *x, const char *version, const char *row, Cuts *cuts)
{
	const char *values[] = {x->model.name, version, serve.grades};
	char	   *key = Format("%s@%s@%s", x->model.name, version, row);
	PGresult   *res;
	ErrorCode	failure;
	bool		found = Find(key, cuts);

	if (!found)
	{
		res = PoolQuery(STATEMENT_CUTS, values, x->started, &failure);
		found = PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1;
		if (found)
		{
			memset(cuts, 0, sizeof(*cuts));
			for (int i = 0; i < 3 && !PQgetisnull(res, 0, i); i++)
				cuts->cut[cuts->n++] = strtod(PQgetvalue(res, 0, i), NULL);
			/* not where the quantiles have been written anew in between */
			if (strcmp(PQgetvalue(res, 0, 3), row) == 0)
				Remember(key, cuts);
		}
		else if (res == NULL)
			Refuse(x, failure);
		else
			RefuseByServer(x, res);
		PQclear(res);
	}
	free(key);
	return found;
}

/* As lead_grade() does it. */
const char *
GradeOf(const Cuts *cuts, double score)
{
	static const char *const grades[] = {"D", "C", "B", "A"};
	int			above = 0;

	if (cuts->n < 3)
		return NULL;
	while (above < 3 && score >= cuts->cut[above])
		above++;
	return grades[above];
}
