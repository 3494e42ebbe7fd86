/*-------------------------------------------------------------------------
 *
 * http_route.c
 *	  From a path and a method to what is to be done.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

static const struct
{
	const char *name;			/* in the metrics */
	const char *allow;
}			routes[ROUTES] = {
	[ROUTE_NONE] = {"other", NULL},
	[ROUTE_PAGE] = {"page", "GET, HEAD"},
	[ROUTE_OPENAPI] = {"openapi", "GET, HEAD"},
	[ROUTE_HEALTHZ] = {"healthz", "GET, HEAD"},
	[ROUTE_READYZ] = {"readyz", "GET, HEAD"},
	[ROUTE_METRICS] = {"metrics", "GET, HEAD"},
	[ROUTE_MODELS] = {"models", "GET, HEAD"},
	[ROUTE_MODEL] = {"model", "GET, HEAD"},
	[ROUTE_SCORE] = {"score", "POST"},
	[ROUTE_EXPLAIN] = {"explain", "POST"},
};

const char *
RouteName(Route route)
{
	return routes[route].name;
}

/* The decoded text, a copy; NULL where it is no text: bad escapes, %00, not UTF-8. */
static char *
Decode(const char *s, size_t length)
{
	char	   *text = Allocate(length + 1);
	json_t	   *utf8;

	memcpy(text, s, length);
	for (const char *p = text; (p = strchr(p, '%')) != NULL; p++)
		if (strspn(p + 1, "0123456789abcdefABCDEF") < 2 || strncmp(p, "%00", 3) == 0)
		{
			free(text);
			return NULL;
		}
	(void) MHD_http_unescape(text);
	utf8 = json_string(text);
	if (utf8 == NULL)
	{
		free(text);
		return NULL;
	}
	json_decref(utf8);
	return text;
}

/* NAME[@ALIAS] between two slashes, or up to the end. */
static void
ReadReference(Exchange *x, const char *s, size_t length)
{
	char	   *at;

	if ((x->model.text = Decode(s, length)) == NULL)
	{
		Refuse(x, INVALID_PATH);
		return;
	}
	x->model.name = Copy(x->model.text);
	if ((at = strchr(x->model.name, '@')) != NULL)
	{
		*at = '\0';
		x->model.suffix = at + 1;
	}
}

static Route
FindRoute(Exchange *x, const char *url)
{
	static const char models[] = "/v1/models/";
	const char *name = url + sizeof(models) - 1;
	const char *rest;
	Route		route = ROUTE_NONE;

	for (const Asset *a = assets; a->path != NULL; a++)
		if (strcmp(url, a->path) == 0)
		{
			x->asset = a;
			return strcmp(url, "/openapi.json") == 0 ? ROUTE_OPENAPI : ROUTE_PAGE;
		}
	if (strcmp(url, "/healthz") == 0)
		return ROUTE_HEALTHZ;
	if (strcmp(url, "/readyz") == 0)
		return ROUTE_READYZ;
	if (strcmp(url, "/metrics") == 0)
		return ROUTE_METRICS;
	if (strcmp(url, "/v1/models") == 0)
		return ROUTE_MODELS;
	if (strncmp(url, models, sizeof(models) - 1) != 0 || *name == '/' || *name == '\0')
		return ROUTE_NONE;
	rest = name + strcspn(name, "/");
	if (*rest == '\0')
		route = ROUTE_MODEL;
	else if (strcmp(rest, "/score") == 0)
		route = ROUTE_SCORE;
	else if (strcmp(rest, "/explain") == 0)
		route = ROUTE_EXPLAIN;
	if (route != ROUTE_NONE)
		ReadReference(x, name, rest - name);
	return route;
}

/* ?reasons=3&key=… */
static enum MHD_Result
ReadParameter(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	Exchange   *x = arg;
	char	   *end;
	long		number;

	(void) kind;
	if (x->error != NO_ERROR)
		return MHD_NO;
	if (strcmp(name, "reasons") == 0 && x->route == ROUTE_SCORE)
	{
		number = value ? strtol(value, &end, 10) : -1;
		if (value == NULL || strspn(value, "0123456789") == 0 || *end != '\0' || number > 100)
			RefuseWith(x, INVALID_PARAMETER, "reasons must be a whole number from 0 to 100");
		else
			x->reasons = (int) number;
	}
	else if (strcmp(name, "key") == 0 && (x->route == ROUTE_SCORE || x->route == ROUTE_EXPLAIN))
	{
		free(x->key);
		x->key = value ? Decode(value, strlen(value)) : NULL;
		if (x->key == NULL)
			RefuseWith(x, INVALID_PARAMETER, "key must be text");
	}
	else
		RefuseWith(x, INVALID_PARAMETER, "there is no parameter \"%s\" here", name);
	return MHD_YES;
}

void
RouteRequest(Exchange *x, const char *url)
{
	bool		posts;

	x->route = FindRoute(x, url);
	if (x->error != NO_ERROR)
		return;
	if (x->route == ROUTE_NONE)
	{
		Refuse(x, NOT_FOUND);
		return;
	}
	posts = x->route == ROUTE_SCORE || x->route == ROUTE_EXPLAIN;
	if (posts ? strcmp(x->method, "POST") != 0 :
		strcmp(x->method, "GET") != 0 && strcmp(x->method, "HEAD") != 0)
	{
		x->allow = routes[x->route].allow;
		RefuseWith(x, METHOD_NOT_ALLOWED, "this path takes %s", x->allow);
	}
	else if (x->route >= ROUTE_MODELS)
		MHD_get_connection_values(x->http, MHD_GET_ARGUMENT_KIND, ReadParameter, x);
}

static void
Ready(Exchange *x)
{
	ErrorCode	failure = NO_ERROR;
	PGresult   *res;

	if (serve_stopping)
	{
		Refuse(x, STOPPING);
		return;
	}
	res = PoolQuery(STATEMENT_READY, NULL, x->started, &failure);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		TextAdd(&x->answer, "{\"status\":\"ready\"}\n");
	else if (res == NULL)
		Refuse(x, failure);
	else
		RefuseByServer(x, res);
	PQclear(res);
}

void
AnswerRequest(Exchange *x)
{
	switch (x->route)
	{
		case ROUTE_HEALTHZ:
			TextAdd(&x->answer, "{\"status\":\"alive\"}\n");
			break;
		case ROUTE_READYZ:
			Ready(x);
			break;
		case ROUTE_METRICS:
			x->type = "text/plain; version=0.0.4; charset=utf-8";
			WriteMetrics(&x->answer);
			break;
		case ROUTE_MODELS:
			ServeModels(x);
			break;
		case ROUTE_MODEL:
			ServeModel(x);
			break;
		case ROUTE_SCORE:
			ServeScore(x);
			break;
		case ROUTE_EXPLAIN:
			ServeExplain(x);
			break;
		default:
			break;				/* an asset */
	}
}
