/*-------------------------------------------------------------------------
 *
 * serve_metrics.c
 *	  Numbers about the service, in the text format of Prometheus.
 *
 * Their number is bounded: routes, statuses and codes are fixed, and a model
 * becomes a label only when one of its versions has scored, the first hundred
 * of them.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STATUSES	20
#define MAX_VERSIONS	100
#define SCORE_BINS		10

static const double seconds[] = {
	0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10
};

#define LATENCY_BINS	((int) (sizeof(seconds) / sizeof(seconds[0])))

typedef struct RouteCounts
{
	int			status[MAX_STATUSES];
	uint64_t	requests[MAX_STATUSES];
	uint64_t	latency[LATENCY_BINS + 1];	/* not added up yet */
	double		total;
} RouteCounts;

typedef struct VersionCounts
{
	char	   *model;
	int			version;
	uint64_t	scores[SCORE_BINS];
	double		total;
} VersionCounts;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static RouteCounts routes[ROUTES];
static uint64_t errors[ERROR_CODES];
static VersionCounts versions[MAX_VERSIONS];
static int	nversions;
static uint64_t documents;
static uint64_t retries;
static uint64_t unlabelled;		/* scores of versions beyond those */
static uint64_t decisions_written;
static uint64_t decisions_dropped;

void
CountRequest(const Exchange *x)
{
	RouteCounts *r = &routes[x->route];
	double		taken = (Microseconds() - x->begun) / 1e6;
	int			s = 0;
	int			bin = 0;

	while (bin < LATENCY_BINS && taken > seconds[bin])
		bin++;
	pthread_mutex_lock(&mutex);
	while (s < MAX_STATUSES - 1 && r->status[s] != x->status && r->status[s] != 0)
		s++;
	r->status[s] = x->status;
	r->requests[s]++;
	r->latency[bin]++;
	r->total += taken;
	documents += x->documents;
	if (x->error != NO_ERROR)
		errors[x->error]++;
	pthread_mutex_unlock(&mutex);
}

void
CountScore(const char *model, int version, double score)
{
	int			bin = (int) (score * SCORE_BINS);
	int			i = 0;

	/* a bucket holds its upper end */
	if (bin > 0 && score <= (double) bin / SCORE_BINS)
		bin--;
	if (bin >= SCORE_BINS)
		bin = SCORE_BINS - 1;
	pthread_mutex_lock(&mutex);
	while (i < nversions && (versions[i].version != version || strcmp(versions[i].model, model) != 0))
		i++;
	if (i == nversions && nversions < MAX_VERSIONS)
	{
		versions[i].model = Copy(model);
		versions[i].version = version;
		nversions++;
	}
	if (i < nversions)
	{
		versions[i].scores[bin]++;
		versions[i].total += score;
	}
	else
		unlabelled++;
	pthread_mutex_unlock(&mutex);
}

void
CountRetry(void)
{
	pthread_mutex_lock(&mutex);
	retries++;
	pthread_mutex_unlock(&mutex);
}

void
CountDecisions(int written, int dropped)
{
	pthread_mutex_lock(&mutex);
	decisions_written += written;
	decisions_dropped += dropped;
	pthread_mutex_unlock(&mutex);
}

/* ------------------------------------------------------------------------
 * The page
 * ------------------------------------------------------------------------
 */

static void
Begin(Text *t, const char *name, const char *type, const char *help)
{
	TextFormat(t, "# HELP leadscore_%s %s\n# TYPE leadscore_%s %s\n", name, help, name, type);
}

static void
Single(Text *t, const char *name, const char *type, const char *help, uint64_t value)
{
	Begin(t, name, type, help);
	TextFormat(t, "leadscore_%s %llu\n", name, (unsigned long long) value);
}

/* As the value of a label. */
static void
Escaped(Text *t, const char *s)
{
	for (; *s != '\0'; s++)
	{
		if (*s == '\\' || *s == '"')
			TextAdd(t, "\\");
		if (*s == '\n')
			TextAdd(t, "\\n");
		else
			TextBytes(t, s, 1);
	}
}

static void
WriteRequests(Text *t)
{
	Begin(t, "requests_total", "counter", "Requests answered, by route and status.");
	for (int r = 0; r < ROUTES; r++)
		for (int s = 0; s < MAX_STATUSES && routes[r].status[s] != 0; s++)
			TextFormat(t, "leadscore_requests_total{route=\"%s\",status=\"%d\"} %llu\n",
					   RouteName(r), routes[r].status[s], (unsigned long long) routes[r].requests[s]);

	Begin(t, "request_duration_seconds", "histogram", "Time from the head of a request to its answer.");
	for (int r = 0; r < ROUTES; r++)
	{
		unsigned long long sum = 0;

		if (routes[r].status[0] == 0)
			continue;
		for (int b = 0; b <= LATENCY_BINS; b++)
		{
			sum += routes[r].latency[b];
			TextFormat(t, "leadscore_request_duration_seconds_bucket{route=\"%s\",le=\"", RouteName(r));
			if (b < LATENCY_BINS)
				TextFormat(t, "%g", seconds[b]);
			else
				TextAdd(t, "+Inf");
			TextFormat(t, "\"} %llu\n", sum);
		}
		TextFormat(t, "leadscore_request_duration_seconds_sum{route=\"%s\"} %.6f\n", RouteName(r), routes[r].total);
		TextFormat(t, "leadscore_request_duration_seconds_count{route=\"%s\"} %llu\n", RouteName(r), sum);
	}

	Begin(t, "errors_total", "counter", "Errors answered, by code.");
	for (int e = 1; e < ERROR_CODES; e++)
		TextFormat(t, "leadscore_errors_total{code=\"%s\"} %llu\n", ErrorName(e), (unsigned long long) errors[e]);
}

static void
WriteScores(Text *t)
{
	Begin(t, "score", "histogram", "Scores given, by model and version.");
	for (int i = 0; i < nversions; i++)
	{
		const VersionCounts *v = &versions[i];
		Text		labels = {NULL};
		unsigned long long sum = 0;

		TextAdd(&labels, "model=\"");
		Escaped(&labels, v->model);
		TextFormat(&labels, "\",version=\"%d\"", v->version);
		for (int b = 0; b < SCORE_BINS; b++)
		{
			sum += v->scores[b];
			TextFormat(t, "leadscore_score_bucket{%s,le=\"%g\"} %llu\n", labels.data,
					   (b + 1) / (double) SCORE_BINS, sum);
		}
		TextFormat(t, "leadscore_score_bucket{%s,le=\"+Inf\"} %llu\n", labels.data, sum);
		TextFormat(t, "leadscore_score_sum{%s} %.17g\n", labels.data, v->total);
		TextFormat(t, "leadscore_score_count{%s} %llu\n", labels.data, sum);
		TextFree(&labels);
	}
}

void
WriteMetrics(Text *t)
{
	int			idle,
				busy,
				broken,
				waiting,
				open;
	int			active = WatchBusy(&open);

	PoolGauge(&idle, &busy, &broken, &waiting);
	pthread_mutex_lock(&mutex);
	WriteRequests(t);
	WriteScores(t);
	Single(t, "documents_total", "counter", "Documents scored.", documents);
	Single(t, "scores_unlabelled_total", "counter",
		   "Scores of versions beyond the hundred that have a histogram.", unlabelled);
	Single(t, "database_retries_total", "counter",
		   "Statements asked again because the connection was lost.", retries);
	Single(t, "decisions_written_total", "counter", "Rows written to the decision log.", decisions_written);
	Single(t, "decisions_dropped_total", "counter",
		   "Decisions lost because the log could not be written for too long.", decisions_dropped);
	pthread_mutex_unlock(&mutex);
	Single(t, "decisions_waiting", "gauge", "Decisions not yet written.", DecisionsWaiting());
	Begin(t, "pool_connections", "gauge", "Connections to the database, by state.");
	TextFormat(t, "leadscore_pool_connections{state=\"idle\"} %d\n"
			   "leadscore_pool_connections{state=\"busy\"} %d\n", idle, busy);
	Single(t, "pool_waiting", "gauge", "Requests that wait for a connection.", waiting);
	Single(t, "database_up", "gauge", "Whether the database could be reached when it was last tried.", !broken);
	Single(t, "http_connections", "gauge", "Open connections of clients.", open);
	Single(t, "http_active", "gauge", "Connections that are sending a request or waiting for its answer.", active);
}
