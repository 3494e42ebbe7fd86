/*-------------------------------------------------------------------------
 *
 * header.c
 *	  The names of a file's columns.
 *
 * Names are kept as the file has them, except where PostgreSQL cannot: empty,
 * twice, longer than 63 bytes, the name of a system column.  Loading and scoring
 * name by the same rule, so a model finds the columns that it was trained on.
 *
 *-------------------------------------------------------------------------
 */
#include "csv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LONGEST_NAME 63

/* The first bytes of a text, no character cut through. */
static char *
Prefix(const char *text, size_t length, size_t most)
{
	char	   *prefix;

	if (length > most)
	{
		length = most;
		while (length > 0 && (text[length] & 0xC0) == 0x80)
			length--;
	}
	prefix = Allocate(length + 1);
	memcpy(prefix, text, length);
	return prefix;
}

int
FindColumn(const Header *header, const char *name)
{
	for (int i = 0; i < header->n; i++)
		if (header->names[i] != NULL && strcmp(header->names[i], name) == 0)
			return i;
	return -1;
}

static char *
NameOf(const Header *header, const char *text, size_t length)
{
	static const char *const taken[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
	char	   *stem,
			   *name;

	while (length > 0 && isspace((unsigned char) *text))
	{
		text++;
		length--;
	}
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	stem = Prefix(text, length, LONGEST_NAME);
	if (stem[0] == '\0')
	{
		free(stem);
		stem = Format("column_%d", header->n + 1);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(stem, taken[i]) == 0)
		{
			name = Format("%s_", stem);
			free(stem);
			stem = name;
			break;
		}
	name = Copy(stem);
	for (int n = 2; FindColumn(header, name) >= 0; n++)
	{
		char	   *suffix = Format("_%d", n);
		char	   *cut = Prefix(stem, strlen(stem), LONGEST_NAME - strlen(suffix));

		free(name);
		name = Format("%s%s", cut, suffix);
		free(cut);
		free(suffix);
	}
	free(stem);
	return name;
}

/* is_data: the record is one of values, and the columns are column_1 and so on. */
Header *
MakeHeader(const Fields *fields, bool is_data)
{
	Header	   *header = Allocate(sizeof(Header));

	header->names = Allocate(fields->n * sizeof(char *));
	header->written = Allocate(fields->n * sizeof(char *));
	for (int i = 0; i < fields->n; i++)
	{
		const Field *field = &fields->fields[i];
		size_t		length = is_data ? 0 : field->length;

		if (memchr(field->text, '\0', length) != NULL)
			Die(EXIT_REFUSED, "the first line has a NUL byte: this is no CSV file");
		header->written[i] = Prefix(field->text, length, length);
		header->names[i] = NameOf(header, field->text, length);
		header->n++;
	}
	return header;
}

/* Is every field of the first record a value that nobody calls a column? */
bool
LooksLikeData(const Fields *fields)
{
	static const NullTexts none;
	bool		some = false;

	for (int i = 0; i < fields->n; i++)
	{
		ColumnFacts *facts = NewFacts(1);
		bool		name;

		AddFact(facts, &fields->fields[i], &none, 1);
		name = facts->rows > facts->nulls &&
			(strcmp(TypeOf(facts), "text") == 0 || strcmp(TypeOf(facts), "boolean") == 0);
		some = some || facts->rows > facts->nulls;
		free(facts->no_number);
		free(facts->suspect);
		free(facts);
		if (name)
			return false;
	}
	return some;
}

static void
SetType(const Header *header, char **types, const char *name, const char *type)
{
	int			column = FindColumn(header, name);

	if (column < 0)
		Die(EXIT_USAGE, "--types: the file has no column \"%s\"", name);
	if (type[0] == '\0')
		Die(EXIT_USAGE, "--types: which type has column \"%s\"?", name);
	types[column] = Copy(type);
}

/* column=type,... or {"column": "type", ...}: an array with NULL where nothing is said. */
char	  **
ColumnTypes(const Header *header, const char *text)
{
	char	  **types = Allocate(header->n * sizeof(char *));

	if (text == NULL)
		return types;
	if (text[0] == '{' || text[0] == '@')
	{
		json_t	   *object = json_loads(JsonArgument("types", text), 0, NULL);
		const char *name;
		json_t	   *type;

		json_object_foreach(object, name, type)
		{
			if (!json_is_string(type))
				Die(EXIT_USAGE, "--types: the type of column \"%s\" must be a text", name);
			SetType(header, types, name, json_string_value(type));
		}
		json_decref(object);
		return types;
	}
	while (*text)
	{
		size_t		length = strcspn(text, ",");
		char	   *pair = Prefix(text, length, length);
		char	   *equals = strrchr(pair, '=');

		if (equals == NULL)
			Die(EXIT_USAGE, "--types must be column=type,..., not \"%s\"", pair);
		*equals = '\0';
		SetType(header, types, pair, equals + 1);
		free(pair);
		text += length;
		if (*text == ',')
			text++;
	}
	return types;
}
