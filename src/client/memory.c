/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  Memory that is there, or the program ends.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
Checked(void *memory)
{
	if (memory == NULL)
		Die(EXIT_REFUSED, "out of memory");
	return memory;
}

void *
Allocate(size_t size)
{
	return Checked(calloc(1, size > 0 ? size : 1));
}

void *
Reallocate(void *old, size_t size)
{
	return Checked(realloc(old, size > 0 ? size : 1));
}

char *
Copy(const char *text)
{
	return Checked(strdup(text));
}

char *
Format(const char *format,...)
{
	va_list		args;
	char	   *text = NULL;
	int			length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	return Checked(length < 0 ? NULL : text);
}
