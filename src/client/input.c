/*-------------------------------------------------------------------------
 *
 * input.c
 *	  A CSV file, plain or gzipped, cut into records.
 *
 * A record ends at a line end outside quotes; what is between is looked at by
 * fields.c or by the server.  The buffer holds the record asked for and what was
 * read with it, so that a file of any size takes the same memory.
 *
 *-------------------------------------------------------------------------
 */
#include "csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <zlib.h>

#define FIRST_BUFFER	((size_t) 1 << 20)
#define MOST_BUFFER		((size_t) 1 << 26)
#define MOST_RECORD		((size_t) 1 << 24)
#define MARK			"\xEF\xBB\xBF"

struct Input
{
	gzFile		file;
	int			fd;				/* only asked for its size */
	char	   *name;
	double		total;			/* bytes on the disk; 0: nobody knows */
	char	   *buffer;
	size_t		room;
	size_t		begin;
	size_t		end;
	bool		at_end;
	bool		has_mark;
	int64_t		line;			/* of the next record */
};

static void
Unreadable(Input *input, const char *why)
{
	if (Cancelled())
		exit(Cancelled());
	Die(EXIT_FILE, "cannot read %s: %s", input->name, why);
}

/* More bytes behind those that are there; false at the end of the file. */
static bool
Fill(Input *input)
{
	int			n;
	int			code;

	if (input->at_end)
		return false;
	if (input->begin > 0)
	{
		memmove(input->buffer, input->buffer + input->begin, input->end - input->begin);
		input->end -= input->begin;
		input->begin = 0;
	}
	if (input->end == input->room)
	{
		input->room = input->room ? 2 * input->room : FIRST_BUFFER;
		input->buffer = Reallocate(input->buffer, input->room);
	}
	n = gzread(input->file, input->buffer + input->end, (unsigned) (input->room - input->end));
	if (n < 0)
		Unreadable(input, gzerror(input->file, &code)[0] && code != Z_ERRNO
				   ? gzerror(input->file, &code) : strerror(errno));
	/* from zlib 1.3.2 on only the last read that gives bytes says so */
	gzerror(input->file, &code);
	if (code == Z_BUF_ERROR)
		Unreadable(input, "the compressed file ends too early");
	if (n == 0)
	{
		input->at_end = true;
		return false;
	}
	input->end += n;
	return true;
}

static bool
StartsWith(const Input *input, const char *bytes, size_t n)
{
	return input->end - input->begin >= n && memcmp(input->buffer + input->begin, bytes, n) == 0;
}

/* "-" is stdin. */
Input *
InputOpen(const char *name)
{
	Input	   *input = Allocate(sizeof(Input));
	struct stat status;

	input->name = Copy(strcmp(name, "-") == 0 ? "stdin" : name);
	input->line = 1;
	input->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0 || fstat(input->fd, &status) != 0)
		Unreadable(input, strerror(errno));
	if (S_ISDIR(status.st_mode))
		Unreadable(input, strerror(EISDIR));
	if (S_ISREG(status.st_mode))
		input->total = status.st_size;
	input->file = gzdopen(input->fd, "rb");
	if (input->file == NULL || gzbuffer(input->file, 1 << 18) != 0)
		Unreadable(input, "out of memory");
	while (input->end < 4 && Fill(input))
		;
	if (StartsWith(input, MARK, 3))
	{
		input->has_mark = true;
		input->begin = 3;
	}
	if (StartsWith(input, "\xFF\xFE", 2) || StartsWith(input, "\xFE\xFF", 2))
	{
		SayError("%s is in UTF-16", input->name);
		SayHint("iconv -f UTF-16 -t UTF-8 %s makes it UTF-8", input->name);
		exit(EXIT_REFUSED);
	}
	if (StartsWith(input, "PK\x03\x04", 4))
		Die(EXIT_REFUSED, "%s is a ZIP archive or an Excel file: save it as CSV", input->name);
	return input;
}

/* Can it be read twice? */
bool
InputIsFile(const Input *input)
{
	return input->total > 0 && strcmp(input->name, "stdin") != 0;
}

const char *
InputName(const Input *input)
{
	return input->name;
}

/* Does it begin with a byte order mark?  The mark is part of no record. */
bool
InputHasMark(const Input *input)
{
	return input->has_mark;
}

double
InputDone(const Input *input)
{
	return (double) gzoffset(input->file);
}

double
InputTotal(const Input *input)
{
	return input->total;
}

void
InputClose(Input *input)
{
	gzclose_r(input->file);
	free(input->buffer);
	free(input->name);
	free(input);
}

/* Is the number of quotes between odd? */
static bool
OddQuotes(const char *from, const char *to)
{
	bool		odd = false;

	while ((from = memchr(from, '"', to - from)) != NULL)
	{
		odd = !odd;
		from++;
	}
	return odd;
}

/* The line of the record that begins so many bytes after the next one. */
static long long
LineAhead(const Input *input, size_t ahead)
{
	const char *at = input->buffer + input->begin;
	const char *end = at + ahead;
	long long	line = input->line;

	while ((at = memchr(at, '\n', end - at)) != NULL)
	{
		line++;
		at++;
	}
	return line;
}

/* The record that begins so many bytes after the next one; its line is not set. */
static bool
FindRecord(Input *input, size_t ahead, Record *record)
{
	size_t		at = ahead;		/* from input->begin: Fill() moves the bytes */
	bool		quoted = false;

	record->lines = 1;
	for (;;)
	{
		const char *start = input->buffer + input->begin;
		size_t		have = input->end - input->begin;
		const char *newline = at < have ? memchr(start + at, '\n', have - at) : NULL;
		size_t		stop = newline ? (size_t) (newline - start) : have;

		if (at < stop && OddQuotes(start + at, start + stop))
			quoted = !quoted;
		at = stop;
		if (stop - ahead > MOST_RECORD)
			Die(EXIT_REFUSED, "%s, line %lld: a record of more than 16 MB: is a quote never closed?",
				input->name, LineAhead(input, ahead));
		if (newline != NULL && !quoted)
		{
			record->text = start + ahead;
			record->length = stop - ahead;
			record->end = 1;
			if (record->length > 0 && newline[-1] == '\r')
			{
				record->length--;
				record->end = 2;
			}
			return true;
		}
		if (newline != NULL)
		{
			at++;
			record->lines++;
			continue;
		}
		if (Fill(input))
			continue;
		start = input->buffer + input->begin;
		if (at == ahead)
			return false;
		if (quoted)
			Die(EXIT_REFUSED, "%s: a quote that is opened in the record of line %lld is never closed",
				input->name, LineAhead(input, ahead));
		record->text = start + ahead;
		record->length = at - ahead;
		record->end = 0;
		if (record->text[record->length - 1] == '\r')
		{
			record->length--;
			record->end = 1;
		}
		return true;
	}
}

/* The next record; false at the end. */
bool
InputRecord(Input *input, Record *record)
{
	if (!FindRecord(input, 0, record))
		return false;
	record->line = input->line;
	input->line += record->lines;
	input->begin += record->length + record->end;
	return true;
}

/*
 * A record that is not taken: the next one if *ahead is 0, then the one after it,
 * and so on.  False at the end of the file, or of what is worth holding.
 */
bool
InputPeek(Input *input, size_t *ahead, Record *record)
{
	if (*ahead > MOST_BUFFER / 4 || !FindRecord(input, *ahead, record))
		return false;
	record->line = 0;
	*ahead += record->length + record->end;
	return true;
}
