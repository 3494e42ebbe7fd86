/*-------------------------------------------------------------------------
 *
 * say.c
 *	  Messages, all of them to stderr: for people with colours if it is a
 *	  terminal, with --json one JSON object a line.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

Settings	settings;

#define RED		"\033[1;31m"
#define YELLOW	"\033[33m"
#define DIM		"\033[2m"
#define PLAIN	"\033[0m"

/* https://no-color.org: any value but the empty one switches them off. */
bool
ColoursOn(int fd)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fd) && (no == NULL || no[0] == '\0') &&
		term != NULL && strcmp(term, "dumb") != 0;
}

int
ScreenWidth(int fd)
{
	struct winsize size;

	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

static const char *
SeverityColour(const char *severity)
{
	if (!ColoursOn(STDERR_FILENO))
		return "";
	if (strcmp(severity, "error") == 0)
		return RED;
	return strcmp(severity, "warning") == 0 ? YELLOW : DIM;
}

/* A JSON text; bytes of another encoding become question marks. */
json_t *
JsonText(const char *text)
{
	json_t	   *value = json_string(text);
	char	   *ascii;

	if (value != NULL)
		return value;
	ascii = Copy(text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char) *c > 0x7E)
			*c = '?';
	value = json_string(ascii);
	free(ascii);
	return value;
}

/*
 * A text from outside, harmless to a terminal: no control characters but, where
 * they may be, line ends and tabs.
 */
char *
Printable(const char *text, bool lines)
{
	char	   *clean = Copy(text);

	for (char *c = clean; *c; c++)
		if (((unsigned char) *c < ' ' || *c == 0x7F) && !(lines && (*c == '\n' || *c == '\t')))
			*c = '?';
	return clean;
}

static void
Print(const char *before, const char *text, const char *behind)
{
	char	   *clean = Printable(text, true);

	fprintf(stderr, "%s%s%s\n", before, clean, behind);
	free(clean);
}

/* One message; what is NULL is left out.  Its further lines are indented. */
static void
Message(const char *severity, const char *code, const char *text,
		const char *detail, const char *hint)
{
	const char *plain = ColoursOn(STDERR_FILENO) ? PLAIN : "";

	ProgressClear();
	fflush(stdout);
	if (settings.json)
	{
		json_t	   *object = json_pack("{s:s, s:s*, s:o, s:o*, s:o*}",
									   "severity", severity, "code", code,
									   "message", JsonText(text), "detail", detail ? JsonText(detail) : NULL,
									   "hint", hint ? JsonText(hint) : NULL);
		char	   *line = json_dumps(object, JSON_COMPACT);

		fprintf(stderr, "%s\n", line ? line : "{}");
		free(line);
		json_decref(object);
		return;
	}
	fprintf(stderr, "leadscore: %s%s:%s ", SeverityColour(severity), severity, plain);
	Print("", text, "");
	if (detail != NULL)
		Print("  ", detail, "");
	if (hint != NULL)
	{
		fprintf(stderr, "  %s", SeverityColour("hint"));
		Print("", hint, plain);
	}
}

static void
MessageVa(const char *severity, const char *format, va_list args)
{
	char	   *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	Message(severity, NULL, text ? text : format, NULL, NULL);
	free(text);
}

#define MESSAGE(severity) \
	do { \
		va_list		args; \
		va_start(args, format); \
		MessageVa(severity, format, args); \
		va_end(args); \
	} while (0)

void
SayError(const char *format,...)
{
	MESSAGE("error");
}

void
SayHint(const char *format,...)
{
	MESSAGE("hint");
}

/* What is nice to know. */
void
SayNote(const char *format,...)
{
	if (!settings.quiet)
		MESSAGE("note");
}

void
Die(int status, const char *format,...)
{
	MESSAGE("error");
	exit(status);
}

/* The server's error, notice or warning. */
void
SayResult(const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *ours = "note";

	if (severity == NULL || strcmp(severity, "ERROR") == 0 ||
		strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
		ours = "error";
	else if (strcmp(severity, "WARNING") == 0)
		ours = "warning";
	if (settings.quiet && strcmp(ours, "error") != 0)
		return;
	Message(ours, PQresultErrorField(res, PG_DIAG_SQLSTATE),
			text ? text : PQresultErrorMessage(res),
			PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
			PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
}

/*
 * Why a query gave no result (res may be NULL): said, and returned as the
 * program's exit code.
 */
int
SayFailure(PGconn *conn, const PGresult *res)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

	if (state != NULL)
		SayResult(res);
	if (PQstatus(conn) == CONNECTION_BAD)
	{
		SayError("the connection to the server was lost");
		return EXIT_NO_CONNECTION;
	}
	if (state == NULL)
	{
		char	   *text = Copy(PQerrorMessage(conn));

		text[strcspn(text, "\n")] = '\0';
		SayError("%s", text[0] ? text : "the server gave no answer");
		free(text);
		return EXIT_REFUSED;
	}
	return Cancelled() ? Cancelled() : EXIT_REFUSED;
}

static void
ReceiveNotice(void *arg, const PGresult *res)
{
	(void) arg;
	SayResult(res);
}

/* From now on the server's notices look like our own. */
void
SayNotices(PGconn *conn)
{
	PQsetNoticeReceiver(conn, ReceiveNotice, NULL);
}
