/*-------------------------------------------------------------------------
 *
 * serve.h
 *	  leadscore serve: what its files share.
 *
 * A request goes through http.c (libmicrohttpd), http_route.c (which handler),
 * serve_score.c or serve_models.c (what to ask), serve_pool.c (the database),
 * and back as an Exchange.  A thread belongs to each connection and waits for
 * the database by itself; serve_group.c puts those that wait at the same time
 * into one statement; http_watch.c sees to those whose client is slow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_SERVE_H
#define LEADSCORE_SERVE_H

#include <stdatomic.h>

#include "client.h"

/* ---- what was asked for on the command line (serve.c) ---- */

typedef struct ServeOptions
{
	const char *listen;
	int			pool;			/* connections to the database */
	int			queue;			/* requests that may wait for one */
	const char *token_file;
	bool		no_auth;
	int			max_body;		/* bytes */
	int			max_batch;		/* documents */
	int			max_connections;
	int			timeout;		/* seconds a request may take in the database */
	int			read_timeout;	/* seconds a client may take to send, or to read */
	int			stop_timeout;	/* seconds to finish what was accepted */
	const char *grades;			/* as for lead_grade_cuts(), or NULL */
	const char *decision_log;	/* a table, or NULL */
	const char *decision_key;	/* the documents' key, or NULL */
	bool		log_leads;
} ServeOptions;

extern ServeOptions serve;
extern atomic_bool serve_stopping;

/* ---- text that grows (serve_text.c) ---- */

typedef struct Text
{
	char	   *data;			/* terminated; NULL when nothing was added */
	size_t		length;
	size_t		room;
} Text;

extern void TextBytes(Text *t, const char *bytes, size_t length);
extern void TextAdd(Text *t, const char *s);
extern void TextFormat(Text *t, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void TextJson(Text *t, const char *s);	/* as a JSON string, quotes included */
extern void TextFree(Text *t);
extern int64_t Milliseconds(void);	/* of a clock that only goes on */
extern int64_t Microseconds(void);

/* ---- errors (serve_error.c) ---- */

typedef enum ErrorCode
{
	NO_ERROR = 0,
#define ERROR_CODE(name, status, code, text) name,
#include "serve_codes.h"
#undef ERROR_CODE
	ERROR_CODES
} ErrorCode;

extern const char *ErrorName(ErrorCode code);
extern const char *ErrorText(ErrorCode code);
extern int	ErrorStatus(ErrorCode code);

/* ---- one request and its answer ---- */

typedef enum Route
{
	ROUTE_NONE,
	ROUTE_PAGE,
	ROUTE_OPENAPI,
	ROUTE_HEALTHZ,
	ROUTE_READYZ,
	ROUTE_METRICS,
	ROUTE_MODELS,
	ROUTE_MODEL,
	ROUTE_SCORE,
	ROUTE_EXPLAIN,
	ROUTES
} Route;

typedef struct Reference
{
	char	   *text;			/* 'name', 'name@alias', 'name@3' */
	char	   *name;
	const char *suffix;			/* behind the @, or NULL */
} Reference;

typedef struct Exchange
{
	/* the request */
	struct MHD_Connection *http;
	const char *method;
	const char *path;			/* as it was sent; for the log */
	Route		route;
	const struct Asset *asset;
	Reference	model;
	int			reasons;		/* asked for; 0: none */
	char	   *key;			/* of the lead, for the decision log, or NULL */
	Text		body;
	size_t		received;		/* of the body, kept or not */
	int64_t		started;		/* milliseconds, for deadlines */
	int64_t		begun;			/* microseconds, to be told */
	char		remote[64];
	char	   *who;			/* the token's name, or NULL */

	/* the answer */
	ErrorCode	error;
	int			status;
	Text		answer;
	const char *type;
	const char *allow;			/* methods, with 405 */
	int			version;		/* that scored; 0: none did */
	int			documents;
	char	   *problem;		/* for the log only */
} Exchange;

extern void Refuse(Exchange *x, ErrorCode code);
extern void RefuseWith(Exchange *x, ErrorCode code, const char *format,...) __attribute__((format(printf, 3, 4)));
extern void RefuseByServer(Exchange *x, const PGresult *res);

/* ---- HTTP (http.c, http_route.c, http_watch.c) ---- */

typedef struct Asset
{
	const char *path;
	const char *type;
	const char *data;
	size_t		length;
} Asset;

extern const Asset assets[];	/* page.c */

extern void HttpStart(int fd);
extern void HttpStop(int fd);
extern int	ListenOn(const char *where, bool *loopback);

extern void RouteRequest(Exchange *x, const char *url);
extern void AnswerRequest(Exchange *x);
extern const char *RouteName(Route route);

typedef enum Stage
{
	STAGE_IDLE,					/* no request line yet */
	STAGE_RECEIVING,
	STAGE_WORKING,
	STAGE_ANSWERING
} Stage;

typedef struct Watched
{
	int			fd;
	Stage		stage;
	int64_t		since;
	bool		cut;			/* its time is over */
	bool		waits_for_ack;	/* its bodies come after our ACK of the head */
	struct Watched *next;
	struct Watched **link;
} Watched;

extern void WatchStart(void);
extern void WatchStop(void);
extern Watched *WatchAdd(int fd);
extern void WatchRemove(Watched *w);
extern bool WatchStage(Watched *w, Stage stage);	/* false: it was cut */
extern int	WatchBusy(int *open);	/* connections beyond STAGE_IDLE */

/* ---- the database (serve_pool.c) ---- */

typedef enum Statement
{
	STATEMENT_READY,
	STATEMENT_SCORE,
	STATEMENT_GROUP,
	STATEMENT_REASONS,
	STATEMENT_EXPLAIN,
	STATEMENT_CUTS,
	STATEMENT_MODELS,
	STATEMENT_MODEL,
	STATEMENTS
} Statement;

extern void PoolStart(PGconn *first);
extern void PoolStop(void);
extern void PoolProbe(void);
extern PGresult *PoolQuery(Statement statement, const char *const *values,
						   int64_t started, ErrorCode *failure);
/* the same in steps */
typedef struct Slot Slot;
typedef struct Values
{
	const char *const *value;
	const int  *length;			/* of binary ones; NULL where all are text */
	const int  *binary;
} Values;
extern Slot *PoolAcquire(int64_t started, ErrorCode *failure);
extern PGresult *PoolRun(Slot *slot, Statement statement, const Values *values,
						 int64_t started, ErrorCode *failure);
extern void PoolRelease(Slot *slot);
extern void PoolGauge(int *idle, int *busy, int *broken, int *waiting);
/* also for connections outside the pool */
extern PGresult *AwaitResult(PGconn *conn, int64_t deadline);
extern bool AwaitConnection(PGconn *conn, int64_t deadline);

/* ---- handlers ---- */

extern void ServeScore(Exchange *x);
extern void ServeExplain(Exchange *x);
extern void ServeModels(Exchange *x);
extern void ServeModel(Exchange *x);

/* serve_grades.c: grade of a score by the cuts of a version */
typedef struct Cuts
{
	int			n;				/* 0: the version has no grades */
	double		cut[3];
} Cuts;

extern bool CutsOf(Exchange *x, const char *version, const char *row, Cuts *cuts);
extern const char *GradeOf(const Cuts *cuts, double score);

/* serve_group.c: what one of several requests that were scored together gets */
typedef struct Scored
{
	int			version;
	char		digits[32];
	char	   *key;			/* of the lead, or NULL */
	Cuts		cuts;
} Scored;

extern bool ScoreTogether(Exchange *x, Scored *scored);

/* ---- who may ask (serve_auth.c) ---- */

extern void TokensRead(bool first);
extern bool TokensWanted(void);
extern char *TokenName(const char *authorization);

/* ---- what is told (serve_log.c, serve_metrics.c, serve_decisions.c) ---- */

extern void LogRequest(const Exchange *x);
extern void LogEvent(const char *level, const char *event, const char *format,...) __attribute__((format(printf, 3, 4)));

extern void CountRequest(const Exchange *x);
extern void CountScore(const char *model, int version, double score);
extern void CountRetry(void);
extern void CountDecisions(int written, int dropped);
extern void WriteMetrics(Text *t);

extern void DecisionsStart(PGconn *conn);
extern void DecisionsStop(void);
extern void Decide(const Exchange *x, const char *key, const char *score, const char *grade);
extern int	DecisionsWaiting(void);

#endif
