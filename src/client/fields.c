/*-------------------------------------------------------------------------
 *
 * fields.c
 *	  The fields of a record, read as COPY reads them: a quote opens and closes
 *	  wherever it stands, two within quotes are one.
 *
 *-------------------------------------------------------------------------
 */
#include "csv.h"

#include <stdio.h>
#include <string.h>

static Field *
NextField(Fields *fields)
{
	if (fields->n == fields->room)
	{
		fields->room = fields->room ? 2 * fields->room : 64;
		fields->fields = Reallocate(fields->fields, fields->room * sizeof(Field));
	}
	return &fields->fields[fields->n++];
}

static void
SplitPlain(Fields *fields, const char *at, const char *end, char delimiter)
{
	for (;;)
	{
		const char *stop = memchr(at, delimiter, end - at);
		Field	   *field = NextField(fields);

		field->text = at;
		field->length = (stop ? stop : end) - at;
		field->raw = at;
		field->raw_length = field->length;
		if (stop == NULL)
			break;
		at = stop + 1;
	}
}

static void
SplitQuoted(Fields *fields, const char *at, const char *end, char delimiter)
{
	char	   *to;

	if (fields->scratch_room < (size_t) (end - at))
	{
		fields->scratch_room = 2 * (end - at);
		fields->scratch = Reallocate(fields->scratch, fields->scratch_room);
	}
	to = fields->scratch;
	for (;; at++)
	{
		Field	   *field = NextField(fields);
		bool		quoted = false;

		field->text = to;
		field->raw = at;
		for (; at < end && (quoted || *at != delimiter); at++)
		{
			if (*at != '"')
				*to++ = *at;
			else if (quoted && at + 1 < end && at[1] == '"')
				*to++ = *at++;
			else
				quoted = !quoted;
		}
		field->length = to - field->text;
		field->raw_length = at - field->raw;
		if (at >= end)
			break;
	}
}

/* What it gave before is forgotten. */
void
SplitRecord(Fields *fields, const Record *record, char delimiter)
{
	const char *end = record->text + record->length;

	fields->n = 0;
	if (memchr(record->text, '"', record->length) == NULL)
		SplitPlain(fields, record->text, end, delimiter);
	else
		SplitQuoted(fields, record->text, end, delimiter);
}

/* A list apart by commas; NULL is none. */
NullTexts *
ParseNullTexts(const char *list)
{
	NullTexts  *nulls = Allocate(sizeof(NullTexts));

	while (list != NULL && *list)
	{
		size_t		length = strcspn(list, ",");

		if (memchr(list, '\n', length) != NULL || memchr(list, '"', length) != NULL)
			Die(EXIT_USAGE, "--null must be without quotes and line ends");
		nulls->texts = Reallocate(nulls->texts, (nulls->n + 1) * sizeof(Field));
		nulls->texts[nulls->n].text = list;
		nulls->texts[nulls->n++].length = length;
		list += length;
		if (*list == ',')
			list++;
	}
	return nulls;
}

/* Quoted or not, for many programs quote every field. */
bool
IsNullField(const Field *field, const NullTexts *nulls)
{
	if (field->length == 0)
		return true;
	for (int i = 0; i < nulls->n; i++)
		if (field->length == nulls->texts[i].length &&
			memcmp(field->text, nulls->texts[i].text, field->length) == 0)
			return true;
	return false;
}

/* Is there a carriage return outside quotes, where it would end a line for COPY? */
static bool
StrayReturn(const Record *record)
{
	bool		quoted = false;

	if (memchr(record->text, '\r', record->length) == NULL)
		return false;
	for (size_t i = 0; i < record->length; i++)
	{
		if (record->text[i] == '"')
			quoted = !quoted;
		if (record->text[i] == '\r' && !quoted)
			return true;
	}
	return false;
}

/* Ends the program: for COPY it ends a line, and for others it does not. */
void
RefuseStrayReturn(const Input *input, const Record *record, int64_t line)
{
	if (!StrayReturn(record))
		return;
	ProgressEnd();
	SayError("%s, line %lld: a carriage return outside quotes", InputName(input), (long long) line);
	SayHint("where it ends every line, tr '\\r' '\\n' makes it one that is understood");
	exit(EXIT_REFUSED);
}

const char *
DelimiterName(char delimiter)
{
	static char name[2];

	switch (delimiter)
	{
		case ',':
			return "comma";
		case ';':
			return "semicolon";
		case '\t':
			return "tab";
		case '|':
			return "bar";
	}
	name[0] = delimiter;
	return name;
}

char
DelimiterOption(const char *text)
{
	if (strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0)
		return '\t';
	if (strlen(text) != 1 || strchr("\"\r\n\\", text[0]) != NULL || (unsigned char) text[0] > 0x7E)
		Die(EXIT_USAGE, "--delimiter must be one character, or \"tab\", not \"%s\"", text);
	return text[0];
}

/*
 * The candidate that cuts the first records into the same number of fields, the
 * most of them; where none does, the one that cuts the first record most often.
 */
char
DetectDelimiter(Input *input)
{
	static const char candidates[] = {',', ';', '\t', '|'};
	enum
	{
		RECORDS = 50
	};
	char		best = ',';
	int			most = 1;
	char		first_best = ',';
	int			first_most = 1;
	Fields		fields = {0};

	for (size_t c = 0; c < sizeof(candidates); c++)
	{
		size_t		ahead = 0;
		int			first = 0;
		bool		same = true;
		Record		record;

		for (int i = 0; i < RECORDS && InputPeek(input, &ahead, &record); i++)
		{
			if (record.length == 0)
				continue;
			SplitRecord(&fields, &record, candidates[c]);
			if (first == 0)
				first = fields.n;
			else if (fields.n != first)
				same = false;
		}
		if (same && first > most)
		{
			best = candidates[c];
			most = first;
		}
		if (first > first_most)
		{
			first_best = candidates[c];
			first_most = first;
		}
	}
	return most > 1 ? best : first_best;
}
