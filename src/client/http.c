/*-------------------------------------------------------------------------
 *
 * http.c
 *	  libmicrohttpd's side: connections, bodies, answers.
 *
 * Its callbacks come in this order: Connected, for each request RequestLine,
 * Access (at its head, for each piece of its body, at its end) and Completed, at
 * last Connected again.  Whatever is refused at the head is answered at the end,
 * so that the connection lives on; only a body that says itself that it is too
 * large is not waited for, nor one of which nobody knows where it ends.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#define CONNECTION_MEMORY	(16 * 1024)		/* the head of a request, at most */
#define THREAD_STACK		(1024 * 1024)	/* jansson descends 2,048 levels */
#define BACKLOG				1024
#define DELAYED_ACK_MS		20
#define QUIET_MS			200		/* of no request, before the end */

static struct MHD_Daemon *http;

/* ------------------------------------------------------------------------
 * Requests
 * ------------------------------------------------------------------------
 */

static Watched *
WatchedOf(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static const char *
Header(const Exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->http, MHD_HEADER_KIND, name);
}

static void
RemoteAddress(Exchange *x)
{
	const struct sockaddr *a =
		MHD_get_connection_info(x->http, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

	if (a != NULL && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) a)->sin6_addr, x->remote, sizeof(x->remote));
	else if (a != NULL)
		inet_ntop(AF_INET, &((const struct sockaddr_in *) a)->sin_addr, x->remote, sizeof(x->remote));
}

static Exchange *
ExchangeCreate(struct MHD_Connection *c, const char *method, const char *url)
{
	Exchange   *x = Allocate(sizeof(Exchange));

	x->http = c;
	x->method = method;
	x->path = url;
	x->status = 200;
	x->type = "application/json";
	x->begun = Microseconds();
	x->started = x->begun / 1000;
	RemoteAddress(x);
	return x;
}

static void
ExchangeFree(Exchange *x)
{
	free(x->model.text);
	free(x->model.name);
	free(x->who);
	free(x->key);
	free(x->problem);
	TextFree(&x->body);
	TextFree(&x->answer);
	free(x);
}

/* application/json, with any parameters but another charset. */
static bool
IsJson(const char *type)
{
	const char *charset;

	if (type == NULL || strncasecmp(type, "application/json", 16) != 0 ||
		strchr("; \t", type[16]) == NULL)
		return false;
	charset = strcasestr(type, "charset=");
	if (charset == NULL)
		return true;
	charset += 8 + (charset[8] == '"');
	return strncasecmp(charset, "utf-8", 5) == 0;
}

/*
 * A client that still sends may not see an answer, so a body that is too large is
 * read and thrown away first, unless that would take long.
 */
static bool
TooLargeToWaitFor(const Exchange *x)
{
	return strtoull(Header(x, "Content-Length"), NULL, 10) > 8ULL * serve.max_body;
}

typedef struct Framing
{
	int			lengths;
	int			encodings;
	bool		strange;
} Framing;

static enum MHD_Result
LookAtHeader(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	Framing    *f = cls;

	(void) kind;
	f->lengths += strcasecmp(name, "Content-Length") == 0;
	if (strcasecmp(name, "Transfer-Encoding") == 0)
	{
		f->encodings++;
		f->strange |= value == NULL || strcasecmp(value, "chunked") != 0;
	}
	f->strange |= strpbrk(name, " \t") != NULL;
	return MHD_YES;
}

/*
 * Where a head says in two ways how long its body is, a proxy before us may go by
 * the other one, and take for a request what we take for a body.  RFC 9112, 6.3.
 */
static bool
LengthIsClear(const Exchange *x)
{
	Framing		f = {0};

	MHD_get_connection_values(x->http, MHD_HEADER_KIND, LookAtHeader, &f);
	return !f.strange && f.lengths + f.encodings <= 1;
}

/* What the head alone tells. */
static void
CheckHead(Exchange *x, const char *url)
{
	const char *encoding = Header(x, "Content-Encoding");
	const char *length = Header(x, "Content-Length");

	if (!LengthIsClear(x))
	{
		Refuse(x, UNCLEAR_LENGTH);
		return;
	}
	RouteRequest(x, url);
	if (x->error != NO_ERROR)
		return;
	if (x->route >= ROUTE_METRICS && TokensWanted() &&
		(x->who = TokenName(Header(x, "Authorization"))) == NULL)
		Refuse(x, UNAUTHORIZED);
	else if (x->route != ROUTE_SCORE && x->route != ROUTE_EXPLAIN)
		return;
	else if (length != NULL && strtoull(length, NULL, 10) > (unsigned long long) serve.max_body)
		RefuseWith(x, BODY_TOO_LARGE, "the body is larger than %d bytes", serve.max_body);
	else if (!IsJson(Header(x, "Content-Type")) ||
			 (encoding != NULL && strcasecmp(encoding, "identity") != 0))
		Refuse(x, UNSUPPORTED_MEDIA_TYPE);
}

static void
CheckBody(Exchange *x)
{
	if (x->route != ROUTE_SCORE && x->route != ROUTE_EXPLAIN)
		return;
	if (x->body.length == 0 || x->body.data[strspn(x->body.data, " \t\r\n")] == '\0')
		/* also where the first byte of it is NUL */
		Refuse(x, x->body.length == 0 || strlen(x->body.data) == x->body.length ? EMPTY_BODY : INVALID_JSON);
	else if (strlen(x->body.data) != x->body.length)
		RefuseWith(x, INVALID_JSON, "the body is not valid JSON: it contains a byte 0");
}

/*
 * A client that writes head and body apart, and leaves Nagle's algorithm on, holds
 * the body back until the head is acknowledged, which the system does not hurry
 * to do (40 ms).  Once seen to wait, its heads are acknowledged at once; for all
 * others that would be a packet too many.
 */
static void
AcknowledgeHead(const Watched *w)
{
	if (w->waits_for_ack)
		(void) setsockopt(w->fd, IPPROTO_TCP, TCP_QUICKACK, &(int) {1}, sizeof(int));
}

static void
Receive(Exchange *x, const char *data, size_t size)
{
	x->received += size;
	if (x->error == NO_ERROR && x->received > (size_t) serve.max_body)
		RefuseWith(x, BODY_TOO_LARGE, "the body is larger than %d bytes", serve.max_body);
	if (x->error != NO_ERROR)
		TextFree(&x->body);
	else
		TextBytes(&x->body, data, size);
}

/* ------------------------------------------------------------------------
 * Answers
 * ------------------------------------------------------------------------
 */

static void
AddHeaders(const Exchange *x, struct MHD_Response *r)
{
	char		number[16];

	MHD_add_response_header(r, "Content-Type", x->asset && x->error == NO_ERROR ? x->asset->type : x->type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (x->route == ROUTE_PAGE)
	{
		MHD_add_response_header(r, "Content-Security-Policy",
								"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
								"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
		MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	}
	if (x->status == 401)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
	if (x->allow != NULL)
		MHD_add_response_header(r, "Allow", x->allow);
	if (x->status == 503)
	{
		snprintf(number, sizeof(number), "%d", x->error == BUSY ? 1 : 2);
		MHD_add_response_header(r, "Retry-After", number);
	}
	if (serve_stopping || x->error == UNCLEAR_LENGTH)
		MHD_add_response_header(r, "Connection", "close");
}

static enum MHD_Result
Answer(Exchange *x)
{
	struct MHD_Response *r;
	enum MHD_Result queued;

	if (x->asset != NULL && x->error == NO_ERROR)
		r = MHD_create_response_from_buffer(x->asset->length, (void *) x->asset->data, MHD_RESPMEM_PERSISTENT);
	else
		r = MHD_create_response_from_buffer(x->answer.length, x->answer.data, MHD_RESPMEM_PERSISTENT);
	if (r == NULL)
		return MHD_NO;
	AddHeaders(x, r);
	CountRequest(x);
	LogRequest(x);
	(void) WatchStage(WatchedOf(x->http), STAGE_ANSWERING);
	queued = MHD_queue_response(x->http, x->status, r);
	/* lives on until it has been sent; the text, until Completed */
	MHD_destroy_response(r);
	return queued;
}

/* ------------------------------------------------------------------------
 * Callbacks
 * ------------------------------------------------------------------------
 */

static void
Connected(void *cls, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what)
{
	(void) cls;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		*context = WatchAdd(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
	else if (*context != NULL)
		WatchRemove(*context);
}

static void *
RequestLine(void *cls, const char *uri, struct MHD_Connection *c)
{
	(void) cls;
	(void) uri;
	(void) WatchStage(WatchedOf(c), STAGE_RECEIVING);
	return NULL;
}

static enum MHD_Result
Access(void *cls, struct MHD_Connection *c, const char *url, const char *method,
	   const char *version, const char *data, size_t *size, void **context)
{
	Exchange   *x = *context;

	(void) cls;
	(void) version;
	if (x == NULL)
	{
		*context = x = ExchangeCreate(c, method, url);
		AcknowledgeHead(WatchedOf(c));
		CheckHead(x, url);
		return x->error == UNCLEAR_LENGTH || (x->error == BODY_TOO_LARGE && TooLargeToWaitFor(x)) ? Answer(x) : MHD_YES;
	}
	if (*size > 0)
	{
		if (x->received == 0 && Milliseconds() - x->started >= DELAYED_ACK_MS)
			WatchedOf(c)->waits_for_ack = true;
		Receive(x, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!WatchStage(WatchedOf(c), STAGE_WORKING))
		return MHD_NO;			/* too late: it has been told, and cut */
	if (x->error == NO_ERROR)
		CheckBody(x);
	if (x->error == NO_ERROR)
		AnswerRequest(x);
	return Answer(x);
}

static void
Completed(void *cls, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how)
{
	(void) cls;
	(void) how;
	(void) WatchStage(WatchedOf(c), STAGE_IDLE);
	if (*context != NULL)
		ExchangeFree(*context);
	*context = NULL;
}

/* Left as it was sent: http_route.c splits a path before it decodes its parts. */
static size_t
LeaveEscapes(void *cls, struct MHD_Connection *c, char *s)
{
	(void) cls;
	(void) c;
	return strlen(s);
}

static void
IgnoreMessage(void *cls, const char *format, va_list args)
{
	(void) cls;
	(void) format;
	(void) args;
}

/* ------------------------------------------------------------------------
 * Start and stop
 * ------------------------------------------------------------------------
 */

static bool
IsLoopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *) a)->sin6_addr);
	return ntohl(((const struct sockaddr_in *) a)->sin_addr.s_addr) >> 24 == 127;
}

static void
SayListening(int fd)
{
	struct sockaddr_storage a;
	socklen_t	length = sizeof(a);
	char		host[64] = "";
	char		port[8] = "";

	if (getsockname(fd, (struct sockaddr *) &a, &length) == 0)
		(void) getnameinfo((struct sockaddr *) &a, length, host, sizeof(host), port, sizeof(port),
						   NI_NUMERICHOST | NI_NUMERICSERV);
	LogEvent("info", "listening", a.ss_family == AF_INET6 ? "http://[%s]:%s/" : "http://%s:%s/", host, port);
}

/* HOST:PORT, [HOST]:PORT or PORT; a socket that listens there, or the end. */
int
ListenOn(const char *where, bool *loopback)
{
	char	   *host = Copy(where);
	char	   *port = strrchr(host, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int			failed;
	int			fd;

	if (port != NULL)
		*port++ = '\0';
	if (port == NULL || host[0] == '\0')
		Die(EXIT_USAGE, "--listen must be HOST:PORT, not \"%s\"", where);
	if (host[0] == '[' && host[strlen(host) - 1] == ']')
	{
		host[strlen(host) - 1] = '\0';
		failed = getaddrinfo(host + 1, port, &hints, &found);
	}
	else
		failed = getaddrinfo(host, port, &hints, &found);
	if (failed != 0)
		Die(EXIT_USAGE, "--listen %s: %s", where, gai_strerror(failed));
	*loopback = IsLoopback(found->ai_addr);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) {1}, sizeof(int));
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		Die(EXIT_REFUSED, "--listen %s: %s", where, strerror(errno));
	freeaddrinfo(found);
	free(host);
	return fd;
}

void
HttpStart(int fd)
{
	http = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
							MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG,
							0, NULL, NULL, Access, NULL,
							MHD_OPTION_EXTERNAL_LOGGER, IgnoreMessage, NULL,
							MHD_OPTION_LISTEN_SOCKET, fd,
							MHD_OPTION_CONNECTION_LIMIT, (unsigned int) serve.max_connections,
							MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_MEMORY,
							MHD_OPTION_THREAD_STACK_SIZE, (size_t) THREAD_STACK,
							MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
							MHD_OPTION_NOTIFY_CONNECTION, Connected, NULL,
							MHD_OPTION_NOTIFY_COMPLETED, Completed, NULL,
							MHD_OPTION_URI_LOG_CALLBACK, RequestLine, NULL,
							MHD_OPTION_UNESCAPE_CALLBACK, LeaveEscapes, NULL,
							MHD_OPTION_END);
	if (http == NULL)
		Die(EXIT_REFUSED, "the HTTP server cannot be started");
	SayListening(fd);
}

/*
 * No new connections; those that were made but not yet taken are taken.  Then
 * every request that has begun is answered, and the connections close behind.
 */
void
HttpStop(int fd)
{
	int64_t		deadline = Milliseconds() + serve.stop_timeout * 1000;
	int64_t		quiet_since = Milliseconds();
	struct sockaddr_storage a;
	socklen_t	length = sizeof(a);
	int			taken;
	int			open;

	if (MHD_quiesce_daemon(http) == MHD_INVALID_SOCKET)
		LogEvent("error", "stop", "the listening socket is gone");
	while ((taken = accept4(fd, (struct sockaddr *) &a, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
	{
		(void) MHD_add_connection(http, taken, (struct sockaddr *) &a, length);
		length = sizeof(a);
	}
	close(fd);
	while (Milliseconds() < deadline && Milliseconds() - quiet_since < QUIET_MS)
	{
		if (WatchBusy(&open) > 0)
			quiet_since = Milliseconds();
		nanosleep(&(struct timespec) {0, 10 * 1000000L}, NULL);
	}
	if (WatchBusy(&open) > 0)
		LogEvent("warning", "stop", "%d requests were not finished in %d seconds", WatchBusy(&open), serve.stop_timeout);
	MHD_stop_daemon(http);
}
