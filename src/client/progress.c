/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  One line on the terminal that says how far the work is.
 *
 * Where stderr is no terminal, with --quiet and with --json nothing is drawn.
 * Messages take the line away first and it comes back with the next step.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_EVERY	0.1		/* seconds */

static const char *label = NULL;
static bool shown = false;
static bool drawn = false;
static double begun;
static double last;

double
Now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A number with its thousands apart. */
char *
Thousands(double number)
{
	char	   *digits = Format("%.0f", number);
	size_t		length = strlen(digits);
	char	   *text = Allocate(2 * length + 1);
	char	   *to = text;

	for (size_t i = 0; i < length; i++)
	{
		if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	free(digits);
	return text;
}

static char *
Bytes(double number)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	int			unit = 0;

	while (number >= 1000 && unit < 4)
	{
		number /= 1000;
		unit++;
	}
	return Format(unit == 0 || number >= 100 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

char *
Duration(double seconds)
{
	long		s = (long) (seconds + 0.5);

	if (s >= 3600)
		return Format("%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	return Format("%ld:%02ld", s / 60, s % 60);
}

void
ProgressBegin(const char *what)
{
	label = what;
	shown = isatty(STDERR_FILENO) && !settings.quiet && !settings.json;
	begun = Now();
	last = 0;
}

/* Takes the line away. */
void
ProgressClear(void)
{
	if (!drawn)
		return;
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
	drawn = false;
	last = 0;
}

void
ProgressEnd(void)
{
	ProgressClear();
	shown = false;
}

double
ProgressSeconds(void)
{
	return Now() - begun;
}

static bool
Due(void)
{
	double		now = Now();

	if (!shown || now - last < REDRAW_EVERY)
		return false;
	last = now;
	return true;
}

/* share < 0: nobody knows.  The bar takes what the words leave of the line. */
static void
Draw(double share, const char *words)
{
	int			width = ScreenWidth(STDERR_FILENO) - 1;
	int			room = width - (int) strlen(label) - (int) strlen(words) - 12;

	if (share > 1)
		share = 1;
	if (room > 40)
		room = 40;
	fprintf(stderr, "\r\033[K");
	if (share >= 0 && room >= 5)
	{
		int			full = (int) (share * room);

		fprintf(stderr, "%s [", label);
		for (int i = 0; i < room; i++)
			fputc(i < full ? '#' : '.', stderr);
		fprintf(stderr, "] %3.0f %%  %s", 100 * share, words);
	}
	else
	{
		char	   *line = Format("%s  %s", label, words);

		fprintf(stderr, "%.*s", width, line);
		free(line);
	}
	fflush(stderr);
	drawn = true;
}

/* Rows and bytes of a file; total 0: nobody knows. */
void
ProgressFile(double rows, double bytes, double done, double total)
{
	double		seconds = ProgressSeconds();
	char	   *n,
			   *size,
			   *rate,
			   *time,
			   *words;

	if (!Due())
		return;
	n = Thousands(rows);
	size = Bytes(bytes);
	rate = Thousands(seconds > 0 ? rows / seconds : 0);
	time = Duration(total > 0 && done > 0 ? seconds * (total - done) / done : seconds);
	words = Format("%s rows  %s  %s rows/s  %s%s", n, size, rate, time, total > 0 ? " left" : "");
	Draw(total > 0 ? done / total : -1, words);
	free(n);
	free(size);
	free(rate);
	free(time);
	free(words);
}

/* What the server says it does. */
void
ProgressWork(const char *phase, double done, double total)
{
	char	   *time,
			   *words;

	if (!Due())
		return;
	time = Duration(ProgressSeconds());
	words = Format("%s  %s", phase, time);
	Draw(total > 0 ? done / total : -1, words);
	free(time);
	free(words);
}
