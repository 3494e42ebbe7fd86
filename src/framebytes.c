/*-------------------------------------------------------------------------
 *
 * framebytes.c
 *	  The bytes of a leadframe: the one encoder and the one decoder.
 *
 * Little-endian throughout.  Format 1:
 *
 *	 bytes	what
 *	 4		magic "LFRM"
 *	 4		format version, 1
 *	 4		CRC-32C of everything after this field
 *	 4		columns
 *	 4		max_distinct
 *	 8 × 4	rows, positives, unknown, patterns
 *	 text	time zone (4-byte length, bytes), empty for none
 *	 …		the columns: name, source (texts); type, part, role, store (a byte
 *			each); position, values (4 bytes each); nulls (8); low, high (float8);
 *			then the dictionary: float8 numbers, or texts
 *	 …		the patterns: stride × patterns bytes; widths follow from the
 *			dictionaries' sizes
 *	 4 × n	positives of each pattern
 *	 4 × n	negatives of each pattern
 *
 * A leadframe may come from a file or a client, so the decoder believes
 * nothing: not the checksum alone (anybody can compute one), but counts before
 * allocating, order of dictionaries, every code of every pattern, and that the
 * counts add up.  What it returns can be used without further checks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bytes.h"
#include "frame.h"

#define FRAME_MAGIC			0x4d52464c	/* "LFRM" */
#define FRAME_VERSION		1
#define FRAME_CHECKED_FROM	12			/* where the checksum starts */

/* more rows than anybody has, so few that sums of counts stay right */
#define MOST_UNKNOWN		(INT64CONST(1) << 53)

#define ROWS_PER_BLOCK		512

/* Codes are stored little-endian; on other machines swap them in place. */
#ifdef WORDS_BIGENDIAN
static void
SwapCells(const Frame *f, uint8 *cells)
{
	for (int64 r = 0; r < f->npatterns; r++)
		for (int i = 0; i < f->ncolumns; i++)
		{
			uint8	   *cell = cells + r * f->stride + f->columns[i].offset;

			for (int a = 0, b = f->columns[i].width - 1; a < b; a++, b--)
			{
				uint8		t = cell[a];

				cell[a] = cell[b];
				cell[b] = t;
			}
		}
}
#else
#define SwapCells(f, cells) ((void) 0)
#endif

static void
PutColumn(StringInfo buf, const FrameColumn *c)
{
	PutText(buf, c->name, strlen(c->name));
	PutText(buf, c->source, strlen(c->source));
	PutU8(buf, c->type);
	PutU8(buf, c->part);
	PutU8(buf, c->role);
	PutU8(buf, c->store);
	PutU32(buf, c->position);
	PutU32(buf, c->nvalues);
	PutU64(buf, c->nulls);
	PutF64(buf, c->low);
	PutF64(buf, c->high);
	for (int k = 0; k < c->nvalues; k++)
	{
		if (CellTypeClass(c->type) == CLASS_TEXT)
			PutText(buf, c->texts[k], c->lengths[k]);
		else
			PutF64(buf, c->numbers[k]);
	}
}

/* Bytes of a pattern and its counts; on the way between processes, its hash too. */
static int
PatternSize(const Frame *f, bool hashes)
{
	return f->stride + 8 + (hashes ? 4 : 0);
}

/* Bytes of everything before the patterns, or a little less. */
static int64
HeadSize(const Frame *f)
{
	int64		size = 0;

	for (int i = 0; i < f->ncolumns; i++)
	{
		size += 100 + strlen(f->columns[i].name) + strlen(f->columns[i].source);
		for (int k = 0; k < f->columns[i].nvalues; k++)
			size += f->columns[i].texts ? f->columns[i].lengths[k] + 4 : 8;
	}
	return size;
}

static void
PutU32s(StringInfo buf, const uint32 *v, int64 n)
{
#ifdef WORDS_BIGENDIAN
	for (int64 i = 0; i < n; i++)
		PutU32(buf, v[i]);
#else
	appendBinaryStringInfo(buf, (const char *) v, n * sizeof(uint32));
#endif
}

/*
 * Everything from the columns' number to the patterns, whose number is still to
 * come: buf->cursor is its place.
 */
static void
PutHead(StringInfo buf, const Frame *f)
{
	PutU32(buf, f->ncolumns);
	PutU32(buf, f->max_distinct);
	PutU64(buf, f->rows);
	PutU64(buf, f->positives);
	PutU64(buf, f->unknown);
	buf->cursor = buf->len;
	PutU64(buf, 0);
	PutText(buf, f->timezone ? f->timezone : "",
			f->timezone ? strlen(f->timezone) : 0);
	for (int i = 0; i < f->ncolumns; i++)
		PutColumn(buf, &f->columns[i]);
}

/*
 * Room for the cells of so many patterns, and behind them for the counts; NULL
 * if the bytes would be more than `limit`.  Cells that are put there need not be
 * copied.
 */
static uint8 *
RoomForCells(StringInfo buf, const Frame *f, int64 most, bool hashes, int64 limit)
{
	int64		size = most * PatternSize(f, hashes);

	if (buf->len + size > limit)
		return NULL;
	enlargeStringInfo(buf, (int) size);
	return (uint8 *) buf->data + buf->len;
}

/* The patterns, whose cells may be in their place already. */
static void
PutPatterns(StringInfo buf, const Frame *f)
{
	int64		size = f->stride * f->npatterns;

	StoreU64(buf->data + buf->cursor, f->npatterns);
	if (f->cells == (uint8 *) buf->data + buf->len)
		buf->len += size;
	else
		appendBinaryStringInfo(buf, (const char *) f->cells, size);
	SwapCells(f, (uint8 *) buf->data + buf->len - size);
	PutU32s(buf, f->pos, f->npatterns);
	PutU32s(buf, f->neg, f->npatterns);
}

static void
CheckValueSize(int64 size)
{
	if (size > FRAME_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the frame is too large to be a value"),
				 errdetail("It would take %lld MB; the limit is %d MB.",
						   (long long) (size >> 20), FRAME_MAX_BYTES >> 20),
				 errhint("Exclude columns with many different values, or train directly with lead_train().")));
}

/* A value of a frame whose patterns, at most so many, are still to come. */
uint8 *
FrameEncodeBegin(StringInfo buf, const Frame *f, int64 most)
{
	CheckValueSize(HeadSize(f));
	initStringInfo(buf);
	appendStringInfoSpaces(buf, VARHDRSZ);
	PutU32(buf, FRAME_MAGIC);
	PutU32(buf, FRAME_VERSION);
	PutU32(buf, 0);				/* the checksum, in the end */
	PutHead(buf, f);
	return RoomForCells(buf, f, most, false, FRAME_MAX_BYTES);
}

bytea *
FrameEncodeEnd(StringInfo buf, const Frame *f)
{
	CheckValueSize(HeadSize(f) + f->npatterns * PatternSize(f, false));
	PutPatterns(buf, f);
	StoreU32(buf->data + VARHDRSZ + 8,
			 ChecksumOf(buf->data + VARHDRSZ + FRAME_CHECKED_FROM,
						buf->len - VARHDRSZ - FRAME_CHECKED_FROM));
	SET_VARSIZE(buf->data, buf->len);
	return (bytea *) buf->data;
}

/* The value of a frame that is complete. */
bytea *
FrameEncode(const Frame *f)
{
	StringInfoData buf;

	(void) FrameEncodeBegin(&buf, f, f->npatterns);
	return FrameEncodeEnd(&buf, f);
}

static void
CheckStateSize(int64 size)
{
	if (size > MaxAllocSize - 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many different rows to train on in parallel"),
				 errdetail("The share of a worker would take %lld MB; a value can have %d MB.",
						   (long long) (size >> 20), (int) (MaxAllocSize >> 20)),
				 errhint("SET max_parallel_workers_per_gather = 0; without workers there is no such limit.")));
}

/*
 * A frame on its way to another process of the same query, its hashes with it.
 * Nobody else can have made it, so FrameGetState() checks nothing.
 */
uint8 *
FrameStateBegin(StringInfo buf, const Frame *f, int64 most)
{
	CheckStateSize(buf->len + HeadSize(f));
	PutHead(buf, f);
	return RoomForCells(buf, f, most, true, MaxAllocSize - 1024);
}

void
FrameStateEnd(StringInfo buf, const Frame *f)
{
	CheckStateSize(buf->len + f->npatterns * PatternSize(f, true));
	PutPatterns(buf, f);
	PutU32s(buf, f->hashes, f->npatterns);
}

/* The builder knows one zero: of two, neither would be the lesser. */
static inline void
CheckZero(Reader *r, double x)
{
	if (x == 0 && signbit(x))
		ReaderFail(r, "A zero is negative.");
}

static double
GetNumber(Reader *r, const char *why)
{
	double		x = GetFinite(r, why);

	CheckZero(r, x);
	return x;
}

/* The dictionary of a column: finite, sorted, no duplicates. */
static void
GetDictionary(Reader *r, FrameColumn *c)
{
	if (CellTypeClass(c->type) == CLASS_TEXT)
	{
		c->texts = palloc_extended(sizeof(char *) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
		c->lengths = palloc(sizeof(int) * Max(c->nvalues, 1));
		for (int k = 0; k < c->nvalues && r->why == NULL; k++)
		{
			c->texts[k] = unconstify(char *, GetText(r, &c->lengths[k]));
			if (k > 0)
			{
				int			cmp = memcmp(c->texts[k - 1], c->texts[k],
										 Min(c->lengths[k - 1], c->lengths[k]));

				if (cmp > 0 || (cmp == 0 && c->lengths[k - 1] >= c->lengths[k]))
					ReaderFail(r, "A dictionary is not sorted.");
			}
			if (c->lengths[k] > FRAME_MAX_TEXT)
				ReaderFail(r, "A level is too long.");
		}
		return;
	}
	c->numbers = palloc(sizeof(double) * Max(c->nvalues, 1));
	for (int k = 0; k < c->nvalues && r->why == NULL; k++)
	{
		c->numbers[k] = GetNumber(r, "A value is not finite.");
		if (k > 0 && c->numbers[k - 1] >= c->numbers[k])
			ReaderFail(r, "A dictionary is not sorted.");
	}
}

static void
GetColumn(Reader *r, FrameColumn *c, int64 rows)
{
	bool		text;

	c->name = GetName(r);
	c->source = GetName(r);
	c->type = GetU8(r);
	c->part = GetU8(r);
	c->role = GetU8(r);
	c->store = GetU8(r);
	c->position = GetI32(r);
	if (r->why != NULL)
		return;
	if (c->type < CELL_BOOL || c->type > CELL_TYPE_LAST ||
		c->part > TRANSFORM_LAST || c->role > ROLE_LAST ||
		c->store < STORE_DICTIONARY || c->store > STORE_LAST ||
		c->position < 0)
	{
		ReaderFail(r, "A column's description is out of range.");
		return;
	}
	text = (CellTypeClass(c->type) == CLASS_TEXT);
	if ((c->part != TRANSFORM_NONE && CellTypeClass(c->type) != CLASS_TIME) ||
		c->part == TRANSFORM_LOG1P ||
		(c->store == STORE_NUMBERS && (text || c->type == CELL_BOOL)) ||
		(c->store == STORE_OVERFLOWED && !text) ||
		(c->store == STORE_COUNTED && CellTypeClass(c->type) != CLASS_TIME))
		ReaderFail(r, "A column's description contradicts its type.");
	if (c->role == ROLE_FEATURE ?
		(c->store == STORE_COUNTED) !=
		(CellTypeClass(c->type) == CLASS_TIME && c->part == TRANSFORM_NONE) :
		(c->part != TRANSFORM_NONE || !FrameColumnHasCells(c) ||
		 ((c->role == ROLE_WEIGHT || c->role == ROLE_OFFSET) &&
		  CellTypeClass(c->type) != CLASS_NUMBER) ||
		 (c->role == ROLE_TIME && CellTypeClass(c->type) != CLASS_TIME)))
		ReaderFail(r, "A column's role contradicts its type.");
	if (c->part == TRANSFORM_NONE && strcmp(c->name, c->source) != 0)
		ReaderFail(r, "A column is called otherwise than its source.");
	c->nvalues = GetCount(r, text ? FRAME_MAX_DISTINCT_LIMIT : FRAME_MAX_NUMBERS,
						  0, "A dictionary is too large.");
	c->nulls = (int64) GetU64(r);
	c->low = GetNumber(r, "A range is not finite.");
	c->high = GetNumber(r, "A range is not finite.");
	if (c->nulls < 0 || c->nulls > rows)
		ReaderFail(r, "A column has more NULLs than rows.");
	if ((uint64) c->nvalues * (text ? 4 : 8) > ReaderLeft(r) ||
		(c->nvalues > 0 && c->store != STORE_DICTIONARY))
		ReaderFail(r, "A dictionary is too large.");
	if (r->why != NULL)
		return;
	GetDictionary(r, c);
}

/* One column over a block of patterns; returns the rows that are NULL in it. */
static int64
CheckBlock(Reader *r, const Frame *f, const FrameColumn *c, int64 first, int64 end)
{
	const uint8 *pattern = f->cells + first * f->stride;
	int64		nulls = 0;

	for (int64 k = first; k < end; k++, pattern += f->stride)
	{
		bool		isnull;

		if (c->store == STORE_NUMBERS)
		{
			uint64		bits = FrameNumberBits(c, pattern);

			isnull = (bits == FRAME_NULL_BITS);
			if (!isnull && !isfinite(BitsDouble(bits)))
				ReaderFail(r, "A number of a pattern is not finite.");
			CheckZero(r, BitsDouble(bits));
		}
		else
		{
			uint32		code = FrameCode(c, pattern);

			isnull = (code == 0);
			if (code > (uint32) c->nvalues)
				ReaderFail(r, "A code of a pattern is not in the dictionary.");
		}
		if (isnull)
			nulls += (int64) f->pos[k] + f->neg[k];
	}
	return nulls;
}

/*
 * Every cell of every pattern: codes in range, numbers finite, NULLs as said.
 * By blocks that stay in the cache while column after column is checked.
 */
static void
CheckCells(Reader *r, const Frame *f)
{
	int64	   *nulls = palloc0(sizeof(int64) * Max(f->ncolumns, 1));

	for (int64 first = 0; first < f->npatterns && r->why == NULL; first += ROWS_PER_BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < f->ncolumns; i++)
			if (FrameColumnHasCells(&f->columns[i]))
				nulls[i] += CheckBlock(r, f, &f->columns[i], first,
									   Min(first + ROWS_PER_BLOCK, f->npatterns));
	}
	for (int i = 0; i < f->ncolumns; i++)
		if (FrameColumnHasCells(&f->columns[i]) && nulls[i] != f->columns[i].nulls)
			ReaderFail(r, "The patterns do not add up to a column's NULLs.");
	pfree(nulls);
}

static void
LayOut(Frame *f)
{
	for (int i = 0; i < f->ncolumns; i++)
	{
		FrameColumn *c = &f->columns[i];

		c->offset = f->stride;
		c->width = c->store == STORE_NUMBERS ? 8 :
			c->store != STORE_DICTIONARY ? 0 :
			c->nvalues <= 255 ? 1 : c->nvalues <= 65535 ? 2 : 4;
		f->stride += c->width;
	}
}

static uint32 *
GetU32s(Reader *r, int64 n)
{
	uint32	   *v = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	const uint8 *p = GetBytes(r, n * sizeof(uint32));

	if (p != NULL && n > 0)
		memcpy(v, p, n * sizeof(uint32));
#ifdef WORDS_BIGENDIAN
	for (int64 i = 0; i < n; i++)
		v[i] = HostToLittle32(v[i]);
#endif
	return v;
}

static void
GetPatterns(Reader *r, Frame *f)
{
	const uint8 *p;
	int64		rows = 0,
				positives = 0;

	if (f->npatterns < 0 || f->npatterns > f->rows ||
		f->npatterns > PG_UINT32_MAX ||
		(uint64) f->npatterns * (f->stride + 8) != ReaderLeft(r))
	{
		ReaderFail(r, "The number of patterns does not fit its length.");
		return;
	}
	p = GetBytes(r, (size_t) f->npatterns * f->stride);
	f->cells = palloc_extended(Max((size_t) f->npatterns * f->stride, 1), MCXT_ALLOC_HUGE);
	memcpy(f->cells, p, (size_t) f->npatterns * f->stride);
	SwapCells(f, f->cells);
	f->pos = GetU32s(r, f->npatterns);
	f->neg = GetU32s(r, f->npatterns);
	for (int64 k = 0; k < f->npatterns; k++)
	{
		positives += f->pos[k];
		rows += (int64) f->pos[k] + f->neg[k];
		if ((int64) f->pos[k] + f->neg[k] == 0)
			ReaderFail(r, "A pattern stands for no row.");
	}
	if (rows != f->rows || positives != f->positives)
		ReaderFail(r, "The patterns do not add up to the rows.");
	CheckCells(r, f);
}

/* A part has its time beside it, and where the clock matters a time zone. */
static void
CheckPart(Reader *r, const Frame *f, const FrameColumn *part)
{
	const FrameColumn *time = FrameFindColumn(f, part->source);

	if (time == NULL || time->part != TRANSFORM_NONE ||
		CellTypeClass(time->type) != CLASS_TIME)
		ReaderFail(r, "A part of a time is there without the time.");
	if (part->type == CELL_TIMESTAMPTZ && f->timezone == NULL)
		ReaderFail(r, "Parts of a time are there without a time zone.");
}

/* What must hold between columns: order, names and roles only once. */
static void
CheckColumns(Reader *r, const Frame *f)
{
	bool		taken[ROLE_LAST + 1] = {false};

	for (int i = 0; i < f->ncolumns && r->why == NULL; i++)
	{
		const FrameColumn *a = &f->columns[Max(i - 1, 0)];
		const FrameColumn *b = &f->columns[i];

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && (a->position > b->position ||
					  (a->position == b->position && strcmp(a->name, b->name) >= 0)))
			ReaderFail(r, "The columns are not in order.");
		for (int j = 0; j < i; j++)
			if (strcmp(f->columns[j].name, b->name) == 0)
				ReaderFail(r, "A column is there twice.");
		if (b->role != ROLE_FEATURE && taken[b->role])
			ReaderFail(r, "Two columns have the same role.");
		taken[b->role] = true;
		if (b->part != TRANSFORM_NONE)
			CheckPart(r, f, b);
	}
}

/* All before the patterns. */
static void
GetColumns(Reader *r, Frame *f)
{
	int			len;
	const char *tz;

	f->ncolumns = GetCount(r, LEADSCORE_MAX_COLUMNS * 8, 44, "It has too many columns.");
	f->max_distinct = GetI32(r);
	f->rows = (int64) GetU64(r);
	f->positives = (int64) GetU64(r);
	f->unknown = (int64) GetU64(r);
	f->npatterns = (int64) GetU64(r);
	tz = GetText(r, &len);
	f->timezone = len > 0 ? pnstrdup(tz, len) : NULL;
	if (f->rows < 0 || f->positives < 0 || f->positives > f->rows ||
		f->unknown < 0 || f->unknown > MOST_UNKNOWN || f->max_distinct < 1 ||
		f->max_distinct > FRAME_MAX_DISTINCT_LIMIT)
		ReaderFail(r, "Its counts are out of range.");
	if (r->why == NULL)
		f->columns = palloc0(sizeof(FrameColumn) * Max(f->ncolumns, 1));
	for (int i = 0; i < f->ncolumns && r->why == NULL; i++)
		GetColumn(r, &f->columns[i], f->rows);
	if (r->why == NULL)
		CheckColumns(r, f);
	if (r->why == NULL)
		LayOut(f);
}

/*
 * The frame of some bytes, in the current context; the texts of dictionaries
 * point into `bytes`, which must live as long.
 */
Frame *
FrameDecode(const struct varlena *bytes)
{
	Frame	   *f = palloc0(sizeof(Frame));
	Reader		r = {(const uint8 *) VARDATA_ANY(bytes),
	(const uint8 *) VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes), NULL};
	uint32		magic = GetU32(&r),
				version = GetU32(&r),
				crc = GetU32(&r);

	if (r.why == NULL && magic != FRAME_MAGIC)
		ReaderFail(&r, "It does not start like one.");
	else if (r.why == NULL && version > FRAME_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the leadframe is of format %u, this leadscore reads up to format %d",
						version, FRAME_VERSION),
				 errhint("Update the extension.")));
	else if (r.why == NULL && version < 1)
		ReaderFail(&r, "Its format is unknown.");
	else if (r.why == NULL && crc != ChecksumOf(r.p, ReaderLeft(&r)))
		ReaderFail(&r, "Its checksum is wrong.");

	GetColumns(&r, f);
	if (r.why == NULL)
		GetPatterns(&r, f);
	if (r.why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid leadframe"),
				 errdetail_internal("%s", r.why)));
	return f;
}

/* What FrameStateEnd() wrote; the frame points into the reader's bytes. */
Frame *
FrameGetState(Reader *r)
{
	Frame	   *f = palloc0(sizeof(Frame));

	GetColumns(r, f);
	f->cells = unconstify(uint8 *, GetBytes(r, (size_t) f->npatterns * f->stride));
	SwapCells(f, f->cells);
	f->pos = GetU32s(r, f->npatterns);
	f->neg = GetU32s(r, f->npatterns);
	f->hashes = GetU32s(r, f->npatterns);
	if (r->why != NULL)
		elog(ERROR, "invalid state of a frame: %s", r->why);
	return f;
}
