/*-------------------------------------------------------------------------
 *
 * serve_text.c
 *	  Text that grows, and the clock.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
Enlarge(Text *t, size_t more)
{
	if (t->length + more < t->room)
		return;
	t->room = 2 * (t->length + more) + 256;
	t->data = Reallocate(t->data, t->room);
}

void
TextBytes(Text *t, const char *bytes, size_t length)
{
	Enlarge(t, length);
	memcpy(t->data + t->length, bytes, length);
	t->length += length;
	t->data[t->length] = '\0';
}

void
TextAdd(Text *t, const char *s)
{
	TextBytes(t, s, strlen(s));
}

void
TextFormat(Text *t, const char *format,...)
{
	va_list		args;
	int			length;

	Enlarge(t, 128);
	va_start(args, format);
	length = vsnprintf(t->data + t->length, t->room - t->length, format, args);
	va_end(args);
	if (length >= 0 && (size_t) length >= t->room - t->length)
	{
		Enlarge(t, length);
		va_start(args, format);
		length = vsnprintf(t->data + t->length, t->room - t->length, format, args);
		va_end(args);
	}
	if (length > 0)
		t->length += length;
}

/* What is not UTF-8 becomes null. */
void
TextJson(Text *t, const char *s)
{
	json_t	   *string = json_string(s);
	char	   *written = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	TextAdd(t, written ? written : "null");
	free(written);
	json_decref(string);
}

void
TextFree(Text *t)
{
	free(t->data);
	memset(t, 0, sizeof(*t));
}

int64_t
Microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
Milliseconds(void)
{
	return Microseconds() / 1000;
}
