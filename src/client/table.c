/*-------------------------------------------------------------------------
 *
 * table.c
 *	  Results on the screen: aligned tables, records, JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define BOLD	"\033[1m"
#define PLAIN	"\033[0m"

#define LEAST_WIDTH 8			/* of a text that is cut */

/* Types by their OIDs, which never change (pg_type.dat). */
enum
{
	TYPE_BOOL = 16,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25,
	TYPE_FLOAT4 = 700,
	TYPE_FLOAT8 = 701,
	TYPE_TEXT_ARRAY = 1009,
	TYPE_TIMESTAMPTZ = 1184,
	TYPE_INTERVAL = 1186,
	TYPE_NUMERIC = 1700
};

static bool
IsNumber(Oid type)
{
	return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8 ||
		type == TYPE_FLOAT4 || type == TYPE_FLOAT8 || type == TYPE_NUMERIC;
}

/* Columns on the screen, not bytes. */
static int
Width(const char *text)
{
	mbstate_t	state;
	int			width = 0;

	memset(&state, 0, sizeof(state));
	while (*text)
	{
		wchar_t		c;
		size_t		bytes = mbrtowc(&c, text, MB_CUR_MAX, &state);
		int			w;

		if (bytes == (size_t) -1 || bytes == (size_t) -2)
		{
			memset(&state, 0, sizeof(state));
			bytes = 1;
			w = 1;
		}
		else
			w = wcwidth(c);
		width += w > 0 ? w : 0;
		text += bytes;
	}
	return width;
}

/* Cuts a text to a width; dots say so. */
static void
Cut(char *text, int width)
{
	size_t		end = strlen(text);

	if (Width(text) <= width || width < 4)
		return;
	while (end > 0 && Width(text) > width - 2)
	{
		while (end > 0 && (text[end - 1] & 0xC0) == 0x80)
			end--;
		if (end > 0)
			end--;
		text[end] = '\0';
	}
	strcpy(text + end, "..");
}

/* A value as a person reads it: yes and no, four digits, minutes, no control characters. */
static char *
Shown(const PGresult *res, int row, int column)
{
	const char *value = PQgetvalue(res, row, column);
	Oid			type = PQftype(res, column);
	char	   *text;

	if (PQgetisnull(res, row, column))
		return Copy("");
	switch (type)
	{
		case TYPE_BOOL:
			return Copy(value[0] == 't' ? "yes" : "no");
		case TYPE_FLOAT4:
		case TYPE_FLOAT8:
			return Format(fabs(strtod(value, NULL)) < 10000 ? "%.4g" : "%.0f", strtod(value, NULL));
		case TYPE_TIMESTAMPTZ:
			return strlen(value) > 16 ? Format("%.16s", value) : Copy(value);
		case TYPE_INTERVAL:
			return Format("%.*s", (int) (strcspn(value, ".") + (strchr(value, '.') ? 2 : 0)), value);
		case TYPE_TEXT_ARRAY:
			text = Format("%.*s", (int) (strlen(value) - 2), value + 1);
			break;
		default:
			text = Copy(value);
	}
	for (char *c = text; *c; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			*c = ' ';
	return text;
}

/* A line per row, the names above.  On a terminal long texts are cut to fit. */
void
ShowTable(const PGresult *res)
{
	int			rows = PQntuples(res);
	int			columns = PQnfields(res);
	char	  **cells = Allocate(sizeof(char *) * (size_t) (rows + 1) * columns);
	int		   *widths = Allocate(sizeof(int) * columns);
	int			sum = -2;
	bool		bold = ColoursOn(STDOUT_FILENO);

	for (int c = 0; c < columns; c++)
	{
		cells[c] = Copy(PQfname(res, c));
		widths[c] = Width(cells[c]);
		for (int r = 0; r < rows; r++)
		{
			char	   *text = Shown(res, r, c);
			int			width = Width(text);

			cells[(size_t) (r + 1) * columns + c] = text;
			if (width > widths[c])
				widths[c] = width;
		}
		sum += widths[c] + 2;
	}
	/* the widest text gives way, again and again; of two the one to the right */
	while (isatty(STDOUT_FILENO) && sum > ScreenWidth(STDOUT_FILENO))
	{
		int			widest = -1;

		for (int c = 0; c < columns; c++)
			if (PQftype(res, c) == TYPE_TEXT && (widest < 0 || widths[c] >= widths[widest]))
				widest = c;
		if (widest < 0 || widths[widest] <= LEAST_WIDTH)
			break;
		widths[widest]--;
		sum--;
	}
	for (int r = 0; r <= rows; r++)
	{
		if (r == 0 && bold)
			fputs(BOLD, stdout);
		for (int c = 0; c < columns; c++)
		{
			char	   *text = cells[(size_t) r * columns + c];
			int			room;

			Cut(text, widths[c]);
			room = widths[c] - Width(text);
			if (IsNumber(PQftype(res, c)))
				printf("%*s%s", room, "", text);
			else
				printf("%s%*s", text, c < columns - 1 ? room : 0, "");
			if (c < columns - 1)
				fputs("  ", stdout);
			free(text);
		}
		printf(r == 0 && bold ? PLAIN "\n" : "\n");
	}
	free(cells);
	free(widths);
	fflush(stdout);
}

/* A line per column of the only row; what is NULL is left out. */
void
ShowRecord(const PGresult *res)
{
	int			width = 0;

	for (int c = 0; c < PQnfields(res); c++)
		if (Width(PQfname(res, c)) > width)
			width = Width(PQfname(res, c));
	for (int c = 0; c < PQnfields(res) && PQntuples(res) > 0; c++)
	{
		char	   *text;

		if (PQgetisnull(res, 0, c))
			continue;
		text = Shown(res, 0, c);
		printf("%s%*s  %s\n", PQfname(res, c), width - Width(PQfname(res, c)), "", text);
		free(text);
	}
	fflush(stdout);
}

/* The only value: a document made by the server. */
void
ShowJson(const PGresult *res)
{
	printf("%s\n", PQgetvalue(res, 0, 0));
	fflush(stdout);
}

/* The query, or with --json one document of all its rows (or of its only row). */
char *
ShownQuery(const char *query, bool one)
{
	if (!settings.json)
		return Copy(query);
	return Format("SELECT %s FROM (%s) AS q",
				  one ? "pg_catalog.to_jsonb(q)"
				  : "coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(q)), '[]')", query);
}
