/*-------------------------------------------------------------------------
 *
 * serve_log.c
 *	  The log: a JSON object a line on stderr, one per request.
 *
 * Nothing of a lead is in it: no body, and of the address the path only, which
 * names the model.  With --log-leads the body is there, too.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
BeginLine(Text *line)
{
	struct timespec now;
	struct tm	utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	TextFormat(line, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\"",
			   utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
			   utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

/* In one write, so that lines of several threads don't mix. */
static void
EndLine(Text *line)
{
	TextAdd(line, "}\n");
	/* if that fails, there is nowhere to say so */
	(void) !write(STDERR_FILENO, line->data, line->length);
	TextFree(line);
}

static void
Field(Text *line, const char *name, const char *value)
{
	if (value == NULL)
		return;
	TextFormat(line, ",\"%s\":", name);
	TextJson(line, value);
}

void
LogRequest(const Exchange *x)
{
	Text		line = {NULL};

	if (settings.quiet)
		return;
	BeginLine(&line);
	Field(&line, "event", "request");
	Field(&line, "remote", x->remote);
	Field(&line, "who", x->who);
	Field(&line, "method", x->method);
	Field(&line, "path", x->path);
	TextFormat(&line, ",\"status\":%d", x->status);
	Field(&line, "code", ErrorName(x->error));
	TextFormat(&line, ",\"ms\":%.3f,\"bytes_in\":%zu,\"bytes_out\":%zu",
			   (Microseconds() - x->begun) / 1000.0, x->received,
			   x->asset ? x->asset->length : x->answer.length);
	if (x->version > 0)
		TextFormat(&line, ",\"version\":%d,\"documents\":%d", x->version, x->documents);
	Field(&line, "problem", x->problem);
	if (serve.log_leads && x->body.length > 0)
		Field(&line, "body", x->body.data);
	EndLine(&line);
}

void
LogEvent(const char *level, const char *event, const char *format,...)
{
	Text		line = {NULL};
	va_list		args;
	char	   *message = NULL;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (message != NULL)
		for (size_t end = strlen(message); end > 0 && message[end - 1] == '\n';)
			message[--end] = '\0';
	BeginLine(&line);
	Field(&line, "event", event);
	Field(&line, "level", level);
	Field(&line, "message", message);
	EndLine(&line);
	free(message);
}
