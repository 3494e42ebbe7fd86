/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Which type do all values of a column have?
 *
 * The first of boolean, integer, bigint, double precision, date, timestamp and
 * timestamptz that fits every value; all else is text.  What looks like a number
 * and is a code stays text: a leading zero or a plus, and digits that no number
 * of the server holds.  Times are read in ISO 8601 only, for 03/04 is a guess.
 *
 *-------------------------------------------------------------------------
 */
#include "csv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A column that is text and has no number in so many rows is not looked at any more. */
#define NO_MORE_NUMBERS 1000

/* So many bytes of a value are shown. */
#define SHOWN			16

#define LONGEST_SUSPECT	4

enum
{
	BOOLEAN = 1,
	INTEGER = 2,
	BIGINT = 4,
	DOUBLE = 8,
	DATE = 16,
	TIMESTAMP = 32,
	TIMESTAMPTZ = 64,
	ALL = 127
};

static const char *const names[] = {
	"boolean", "integer", "bigint", "double precision", "date", "timestamp", "timestamptz"
};

ColumnFacts *
NewFacts(int n)
{
	ColumnFacts *facts = Allocate(n * sizeof(ColumnFacts));

	for (int i = 0; i < n; i++)
		facts[i].possible = ALL;
	return facts;
}

const char *
TypeOf(const ColumnFacts *facts)
{
	if (facts->rows > facts->nulls)
		for (int i = 0; i < 7; i++)
			if (facts->possible & (1U << i))
				return names[i];
	return "text";
}

static size_t
Digits(const char *text, size_t length)
{
	size_t		n = 0;

	while (n < length && isdigit((unsigned char) text[n]))
		n++;
	return n;
}

static unsigned
Number(const char *text, size_t length)
{
	char		copy[64];
	size_t		at = 0;
	size_t		whole;
	size_t		fraction = 0;
	double		value;

	if (length == 0 || length >= sizeof(copy))
		return 0;
	if (text[0] == '-')
		at++;
	whole = Digits(text + at, length - at);
	if (whole > 1 && text[at] == '0')
		return 0;
	at += whole;
	if (at == length)
	{
		int64_t		n;

		if (whole == 0 || whole > 18)
			return 0;
		memcpy(copy, text, length);
		copy[length] = '\0';
		n = strtoll(copy, NULL, 10);
		return (n >= INT32_MIN && n <= INT32_MAX ? INTEGER : 0) | BIGINT | DOUBLE;
	}
	if (text[at] == '.')
	{
		fraction = Digits(text + at + 1, length - at - 1);
		at += 1 + fraction;
	}
	if (whole + fraction == 0)
		return 0;
	if (at < length && (text[at] == 'e' || text[at] == 'E'))
	{
		size_t		exponent;

		at++;
		if (at < length && (text[at] == '-' || text[at] == '+'))
			at++;
		exponent = Digits(text + at, length - at);
		if (exponent == 0 || exponent > 3)
			return 0;
		at += exponent;
	}
	if (at != length)
		return 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	value = fabs(strtod(copy, NULL));
	return value < 1e300 && (value == 0 || value > 1e-300) ? DOUBLE : 0;
}

static int
TwoDigits(const char *text)
{
	return 10 * (text[0] - '0') + (text[1] - '0');
}

/* hh:mm, seconds and their fraction if they are there; how many bytes, 0: no time. */
static size_t
TimeLength(const char *text, size_t length)
{
	size_t		at = 5;

	if (length < 5 || Digits(text, 2) != 2 || text[2] != ':' || Digits(text + 3, 2) != 2 ||
		TwoDigits(text) > 23 || TwoDigits(text + 3) > 59)
		return 0;
	if (at < length && text[at] == ':')
	{
		if (length < 8 || Digits(text + 6, 2) != 2 || TwoDigits(text + 6) > 59)
			return 0;
		at = 8;
		if (at < length && text[at] == '.')
		{
			size_t		fraction = Digits(text + at + 1, length - at - 1);

			if (fraction == 0 || fraction > 6)
				return 0;
			at += 1 + fraction;
		}
	}
	return at;
}

static bool
IsZone(const char *text, size_t length)
{
	if (length == 1)
		return text[0] == 'Z';
	if (length < 3 || (text[0] != '+' && text[0] != '-') || Digits(text + 1, 2) != 2 || TwoDigits(text + 1) > 14)
		return false;
	text += 3;
	length -= 3;
	if (length > 0 && text[0] == ':')
	{
		text++;
		length--;
		if (length == 0)
			return false;
	}
	return length == 0 || (length == 2 && Digits(text, 2) == 2 && TwoDigits(text) < 60);
}

static unsigned
Time(const char *text, size_t length)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year,
				month,
				day;
	size_t		time;

	if (length < 10 || Digits(text, 4) != 4 || text[4] != '-' || Digits(text + 5, 2) != 2 ||
		text[7] != '-' || Digits(text + 8, 2) != 2)
		return 0;
	year = 100 * TwoDigits(text) + TwoDigits(text + 2);
	month = TwoDigits(text + 5);
	day = TwoDigits(text + 8);
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1] ||
		(month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))))
		return 0;
	if (length == 10)
		return DATE | TIMESTAMP;
	if (text[10] != ' ' && text[10] != 'T')
		return 0;
	text += 11;
	length -= 11;
	time = TimeLength(text, length);
	if (time == 0)
		return 0;
	if (time == length)
		return TIMESTAMP;
	if (text[time] == ' ')
		time++;
	return IsZone(text + time, length - time) ? TIMESTAMPTZ : 0;
}

static unsigned
Boolean(const char *text, size_t length)
{
	static const char *const words[] = {"true", "false", "yes", "no", "t", "f", "y", "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == length && strncasecmp(words[i], text, length) == 0)
			return BOOLEAN;
	return 0;
}

/* Does another program write this for nothing?  It is told, and not decided. */
static bool
IsSuspect(const Field *field)
{
	static const char *const words[] = {"na", "n/a", "#n/a", "nan", "null", "\\n", "?", "-"};

	if (strchr("nN#\\?-", field->text[0]) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == field->length && strncasecmp(words[i], field->text, field->length) == 0)
			return true;
	return false;
}

/* One value more.  Blanks around it do not matter to any type but text. */
void
AddFact(ColumnFacts *facts, const Field *field, const NullTexts *nulls, int64_t line)
{
	const char *text = field->text;
	size_t		length = field->length;
	unsigned	types = 0;

	facts->rows++;
	if (IsNullField(field, nulls))
	{
		facts->nulls++;
		return;
	}
	if (field->length <= LONGEST_SUSPECT && IsSuspect(field))
	{
		if (facts->suspect == NULL)
			facts->suspect = Format("%.*s", (int) field->length, field->text);
		if (strlen(facts->suspect) == field->length && memcmp(facts->suspect, field->text, field->length) == 0)
			facts->suspects++;
	}
	if (facts->rows > NO_MORE_NUMBERS && facts->possible == 0 && facts->numbers == 0)
		return;
	while (length > 0 && *text == ' ')
	{
		text++;
		length--;
	}
	while (length > 0 && text[length - 1] == ' ')
		length--;
	if (length > 0 && length < 64)
		types = Number(text, length) | Time(text, length) | Boolean(text, length);
	facts->possible &= types;
	if (types & DOUBLE)
		facts->numbers++;
	else if (facts->no_number == NULL)
	{
		size_t		shown = field->length < SHOWN ? field->length : SHOWN;

		while (shown < field->length && shown > 0 && (field->text[shown] & 0xC0) == 0x80)
			shown--;
		facts->no_number = Format("%.*s%s", (int) shown, field->text, shown < field->length ? ".." : "");
		facts->no_number_line = line;
	}
}
