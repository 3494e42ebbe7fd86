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
#define RAW_BUFFER		((size_t) 1 << 18)
#define MARK			"\xEF\xBB\xBF"

struct Input
{
	int			fd;
	bool		zipped;
	bool		in_member;		/* of a gzip file, which may have several */
	int			members;		/* that have ended */
	z_stream	zip;			/* next_in: bytes read and not yet used */
	unsigned char *raw;
	double		done;			/* bytes read */
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

static size_t
ReadRaw(Input *input, void *to, size_t room)
{
	ssize_t		n;

	do
		n = read(input->fd, to, room);
	while (n < 0 && errno == EINTR && !Cancelled());
	if (n < 0)
		Unreadable(input, strerror(errno));
	input->done += n;
	return n;
}

static void
Begin(Input *input)
{
	size_t		have = 0;
	size_t		n;

	input->raw = Allocate(RAW_BUFFER);
	while (have < 2 && (n = ReadRaw(input, input->raw + have, RAW_BUFFER - have)) > 0)
		have += n;
	input->zip.next_in = input->raw;
	input->zip.avail_in = have;
	input->zipped = have >= 2 && input->raw[0] == 0x1F && input->raw[1] == 0x8B;
	if (input->zipped && inflateInit2(&input->zip, 15 + 16) != Z_OK)
		Unreadable(input, "out of memory");
	input->in_member = input->zipped;
}

/* At least one byte of the compressed file is there; false at its end. */
static bool
MoreZipped(Input *input)
{
	z_stream   *zip = &input->zip;

	for (;;)
	{
		/* what pads a file to a whole block */
		while (!input->in_member && zip->avail_in > 0 && *zip->next_in == 0)
		{
			zip->next_in++;
			zip->avail_in--;
		}
		if (zip->avail_in > 0)
			return true;
		zip->next_in = input->raw;
		zip->avail_in = ReadRaw(input, input->raw, RAW_BUFFER);
		if (zip->avail_in == 0)
			return false;
	}
}

/*
 * gzread() would do, if it did not take bytes behind the last member for the end:
 * no row is passed over without a word.
 */
static size_t
Unzip(Input *input, char *to, size_t room)
{
	z_stream   *zip = &input->zip;

	zip->next_out = (unsigned char *) to;
	zip->avail_out = room;
	while (zip->avail_out == room)
	{
		int			code;

		if (!MoreZipped(input))
		{
			if (input->in_member)
				Unreadable(input, "the compressed file ends too early");
			return 0;
		}
		if (!input->in_member)
		{
			(void) inflateReset(zip);
			input->in_member = true;
		}
		code = inflate(zip, Z_NO_FLUSH);
		if (code == Z_STREAM_END)
		{
			input->in_member = false;
			input->members++;
		}
		else if (code != Z_OK && code != Z_BUF_ERROR)
			Unreadable(input, input->members > 0 && zip->total_out == 0 ? "there is more behind its compressed part"
					   : zip->msg ? zip->msg : "it is not compressed as gzip does it");
	}
	return room - zip->avail_out;
}

static size_t
Read(Input *input, char *to, size_t room)
{
	size_t		n = input->zip.avail_in;

	if (input->zipped)
		return Unzip(input, to, room);
	if (n == 0)
		return ReadRaw(input, to, room);
	n = n < room ? n : room;
	memcpy(to, input->zip.next_in, n);
	input->zip.next_in += n;
	input->zip.avail_in -= n;
	return n;
}

/* More bytes behind those that are there; false at the end of the file. */
static bool
Fill(Input *input)
{
	size_t		n;

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
	n = Read(input, input->buffer + input->end, input->room - input->end);
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
	Begin(input);
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
	return input->done;
}

double
InputTotal(const Input *input)
{
	return input->total;
}

void
InputClose(Input *input)
{
	if (input->zipped)
		(void) inflateEnd(&input->zip);
	close(input->fd);
	free(input->raw);
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
