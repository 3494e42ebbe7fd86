/*-------------------------------------------------------------------------
 *
 * framebuild.c
 *	  Building a frame: rows and other frames in, one canonical frame out.
 *
 * While rows come in, every column has a growing dictionary (value -> code, in
 * order of arrival).  A row becomes one code a column and goes to the segments
 * (framesegment.c), which count equal ones.  Another frame comes in the same
 * way: its dictionaries are entered, its patterns stored as rows.
 *
 * framefinish.c makes the canonical frame of it.  framebuild.h has the map.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "utils/memutils.h"

#include "framebuild.h"
#include "textkey.h"

/* a GROUP BY may have a builder per group, with a dictionary per column each */
#define FIRST_VALUES		8
#define DIRECT_FROM_ROW		64	/* for fewer rows direct codes are not worth the memory */

/*
 * A number column whose first values are nearly all different is stored plainly
 * from then on, as if it had too many.
 */
#define PLAIN_TRIAL			1024
#define PLAIN_SHARE			0.9


#define SH_PREFIX numdict
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE uint64
#define SH_KEY bits
#define SH_HASH_KEY(tb, key) ((uint32) Mix64(key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE extern
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct TextEntry
{
	TextKey		key;
	uint32		code;
	char		status;
} TextEntry;

#define SH_PREFIX textdict
#define SH_ELEMENT_TYPE TextEntry
#define SH_KEY_TYPE TextKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) TextKeyPlace(&(k))
#define SH_EQUAL(tb, a, b) SameText(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

FrameBuilder *
FrameBuilderCreate(MemoryContext parent, int max_distinct, Size limit)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "leadscore frame",
											  ALLOCSET_SMALL_SIZES);
	FrameBuilder *b = MemoryContextAllocZero(cxt, sizeof(FrameBuilder));

	b->cxt = cxt;
	b->limit = limit;
	b->max_distinct = max_distinct;
	b->layout_changed = true;
	return b;
}

void
FrameBuilderSetTimezone(FrameBuilder *b, const char *timezone)
{
	if (b->timezone != NULL && strcmp(b->timezone, timezone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot unite frames of the time zones \"%s\" and \"%s\"",
						b->timezone, timezone),
				 errdetail("Both have parts of timestamps, such as the hour, which depend on it."),
				 errhint("Build the frames with the same option \"timezone\".")));
	if (b->timezone == NULL)
		b->timezone = MemoryContextStrdup(b->cxt, timezone);
}

/* Columns come by the dozen: one by one they would take twice the memory. */
#define COLUMNS_AT_ONCE	((int) ((2048 - 16) / sizeof(BuilderColumn)))

/* Room for the columns of rows, before the first one. */
void
FrameBuilderReserve(FrameBuilder *b, int ncolumns)
{
	Assert(b->ncolumns == 0 && b->nspare == 0);
	b->spare = MemoryContextAllocZero(b->cxt, sizeof(BuilderColumn) * Max(ncolumns, 1));
	b->nspare = ncolumns;
}

static BuilderColumn *
NewColumn(FrameBuilder *b)
{
	if (b->nspare == 0)
	{
		b->spare = palloc0(sizeof(BuilderColumn) * COLUMNS_AT_ONCE);
		b->nspare = COLUMNS_AT_ONCE;
	}
	b->nspare--;
	return b->spare++;
}

/* The columns of another builder, which has no rows and lives longer. */
void
FrameBuilderCopyColumns(FrameBuilder *b, const FrameBuilder *like)
{
	int			n = like->ncolumns;

	FrameBuilderReserve(b, n);
	b->columns = MemoryContextAlloc(b->cxt, sizeof(BuilderColumn *) * Max(n, 1));
	b->allocated = Max(n, 1);
	b->timezone = like->timezone;
	for (; b->ncolumns < n; b->ncolumns++)
	{
		BuilderColumn *bc = NewColumn(b);

		*bc = *like->columns[b->ncolumns];
		b->columns[b->ncolumns] = bc;
	}
}

int
FrameBuilderAddColumn(FrameBuilder *b, const char *name, const char *source,
					  CellType type, Transform part, ColumnRole role,
					  int position)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	BuilderColumn *bc = NewColumn(b);

	bc->c.name = pstrdup(name);
	bc->c.source = strcmp(name, source) == 0 ? bc->c.name : pstrdup(source);
	bc->c.type = type;
	bc->c.part = part;
	bc->c.role = role;
	bc->c.position = position;
	bc->c.nulls = b->rows;		/* the rows so far lack it */
	bc->c.low = DBL_MAX;
	bc->c.high = -DBL_MAX;
	if (CellTypeClass(type) == CLASS_TIME && part == TRANSFORM_NONE &&
		role == ROLE_FEATURE)
		bc->c.store = STORE_COUNTED;
	else
		bc->c.store = STORE_DICTIONARY;
	for (const char *s = name; *s != '\0'; s++)
		bc->seed = Mix64(bc->seed ^ (uint8) *s);

	if (b->ncolumns == b->allocated)
	{
		b->allocated = Max(16, b->allocated * 2);
		b->columns = b->columns == NULL ?
			palloc(sizeof(BuilderColumn *) * b->allocated) :
			repalloc(b->columns, sizeof(BuilderColumn *) * b->allocated);
	}
	b->columns[b->ncolumns] = bc;
	b->layout_changed = true;
	MemoryContextSwitchTo(old);
	return b->ncolumns++;
}

/* A place for one more value in a column's arrays; its code. */
static uint32
NewCode(FrameBuilder *b, BuilderColumn *bc, uint32 hash)
{
	FrameColumn *c = &bc->c;
	bool		text = (CellTypeClass(c->type) == CLASS_TEXT);

	if (c->nvalues == bc->allocated)
	{
		MemoryContext old = MemoryContextSwitchTo(b->cxt);
		int			n = Max(FIRST_VALUES / 4, bc->allocated * 2);

		if (!text)
			c->numbers = c->numbers ? repalloc_huge(c->numbers, sizeof(double) * n) :
				palloc(sizeof(double) * n);
		else
		{
			c->texts = c->texts ? repalloc_huge(c->texts, sizeof(char *) * n) :
				palloc(sizeof(char *) * n);
			c->lengths = c->lengths ? repalloc_huge(c->lengths, sizeof(int) * n) :
				palloc(sizeof(int) * n);
		}
		bc->hashes = bc->hashes ? repalloc_huge(bc->hashes, sizeof(uint32) * (n + 1)) :
			palloc(sizeof(uint32) * (n + 1));
		bc->hashes[0] = 0;
		bc->allocated = n;
		MemoryContextSwitchTo(old);
	}
	c->nvalues++;
	bc->hashes[c->nvalues] = hash;
	if (CodeWidth(c->nvalues) != CodeWidth(c->nvalues - 1))
		b->layout_changed = true;
	return c->nvalues;
}

static void
DropDirect(BuilderColumn *bc)
{
	if (bc->direct != NULL)
		pfree(bc->direct);
	bc->direct = NULL;
	bc->ndirect = bc->fast = 0;
}

/*
 * From here on the column keeps only counts.  A role can't: what it is for
 * needs the values.
 */
void
Overflow(FrameBuilder *b, BuilderColumn *bc)
{
	FrameColumn *c = &bc->c;

	if (c->role != ROLE_FEATURE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has too many values for its role",
						TextFromUtf8(c->name, strlen(c->name))),
				 errdetail("A text column with a role can have at most %d different values of at most %d bytes.",
						   b->max_distinct, FRAME_MAX_TEXT),
				 errhint("Raise \"max_distinct\", or use a number.")));
	c->store = STORE_OVERFLOWED;
	if (bc->textdict != NULL)
		textdict_destroy(bc->textdict);
	bc->textdict = NULL;
	for (int k = 0; k < c->nvalues; k++)
		pfree(c->texts[k]);
	c->nvalues = 0;
	b->layout_changed = true;
	b->overflowed = true;		/* its hashes are in those of the rows so far */
}

/* From here on the column stores numbers as they are; older rows keep codes. */
void
StorePlainly(FrameBuilder *b, BuilderColumn *bc, bool provisional)
{
	bc->c.store = STORE_NUMBERS;
	bc->provisional = provisional;
	DropDirect(bc);
	if (bc->numdict != NULL)
		numdict_destroy(bc->numdict);
	bc->numdict = NULL;
	b->layout_changed = true;
}

/* The code of a text, or 0.  A few are searched through, more have a table. */
static uint32
FindText(const BuilderColumn *bc, const TextKey *key)
{
	const TextEntry *e;

	if (bc->textdict != NULL)
	{
		e = textdict_lookup(bc->textdict, *key);
		return e == NULL ? 0 : e->code;
	}
	for (int k = 0; k < bc->c.nvalues; k++)
		if (bc->c.lengths[k] == key->len &&
			memcmp(bc->c.texts[k], key->text, key->len) == 0)
			return k + 1;
	return 0;
}

static void
EnterValue(BuilderColumn *bc, uint32 code)
{
	const FrameColumn *c = &bc->c;
	bool		found;

	if (bc->textdict != NULL)
		textdict_insert(bc->textdict, MakeTextKey(c->texts[code - 1], c->lengths[code - 1]),
						&found)->code = code;
	else
		numdict_insert(bc->numdict, DoubleBits(c->numbers[code - 1]), &found)->code = code;
}

/* The last value of the dictionary will be found from now on. */
static void
RememberValue(FrameBuilder *b, BuilderColumn *bc, uint32 code)
{
	uint32		first = code;

	if (code <= FIRST_VALUES)
		return;
	if (bc->textdict == NULL && bc->numdict == NULL)
	{
		first = 1;
		if (CellTypeClass(bc->c.type) == CLASS_TEXT)
			bc->textdict = textdict_create(b->cxt, 2 * FIRST_VALUES, NULL);
		else
			bc->numdict = numdict_create(b->cxt, 2 * FIRST_VALUES, NULL);
	}
	for (uint32 k = first; k <= code; k++)
		EnterValue(bc, k);
}

uint32
TextCode(FrameBuilder *b, BuilderColumn *bc, const char *text, int len)
{
	TextKey		key = MakeTextKey(text, len);
	uint32		code = FindText(bc, &key);
	char	   *copy;

	if (code > 0)
		return code;
	if (bc->c.nvalues >= b->max_distinct || len > FRAME_MAX_TEXT)
	{
		Overflow(b, bc);
		return 0;
	}
	copy = MemoryContextAlloc(b->cxt, Max(len, 1));
	memcpy(copy, text, len);
	code = NewCode(b, bc, NumberHash(bc->seed, TextKeyHash(&key)));
	bc->c.texts[code - 1] = copy;
	bc->c.lengths[code - 1] = len;
	RememberValue(b, bc, code);
	return code;
}

/* A short way to the code of a small whole number, from now on. */
static void
AddDirect(FrameBuilder *b, BuilderColumn *bc, int small, uint32 code)
{
	if (small >= bc->ndirect)
	{
		int			n = Max(8, bc->ndirect);
		uint64	   *direct;

		while (n <= small)
			n *= 2;
		direct = MemoryContextAllocZero(b->cxt, sizeof(uint64) * n);
		if (bc->direct != NULL)
		{
			memcpy(direct, bc->direct, sizeof(uint64) * bc->ndirect);
			pfree(bc->direct);
		}
		bc->direct = direct;
		bc->ndirect = n;
		if (bc->width == 1 && !b->layout_changed)
			bc->fast = n;
	}
	bc->direct[small] = (uint64) bc->hashes[code] << 32 | code;
}

/* The code of a number, or 0.  A few are searched through, more have a table. */
static uint32
FindNumber(const BuilderColumn *bc, uint64 bits)
{
	const NumberEntry *e;

	if (bc->numdict != NULL)
	{
		e = numdict_lookup(bc->numdict, bits);
		return e == NULL ? 0 : e->code;
	}
	for (int k = 0; k < bc->c.nvalues; k++)
		if (DoubleBits(bc->c.numbers[k]) == bits)
			return k + 1;
	return 0;
}

/*
 * Code of a number, or its bits once the column stores plain numbers.  When
 * almost every row brings a new one, codes are not worth their while; whether
 * there are few after all is seen in the end.
 */
uint64
NumberCode(FrameBuilder *b, BuilderColumn *bc, double x)
{
	uint32		code;
	int			small = -1;
	uint64		bits = DoubleBits(x);

	if (bc->c.store == STORE_NUMBERS)
		return bits;
	if (x >= 0 && x < DIRECT_CODES && x == (int) x)
	{
		small = (int) x;
		if (small < bc->ndirect && bc->direct[small] != 0)
			return (uint32) bc->direct[small];
	}
	code = FindNumber(bc, bits);
	if (code == 0)
	{
		if (bc->c.nvalues >= FRAME_MAX_NUMBERS ||
			(bc->c.nvalues == PLAIN_TRIAL &&
			 (b->rows - bc->c.nulls) * PLAIN_SHARE <= bc->c.nvalues))
		{
			StorePlainly(b, bc, bc->c.nvalues < FRAME_MAX_NUMBERS);
			return bits;
		}
		code = NewCode(b, bc, NumberHash(bc->seed, bits));
		bc->c.numbers[code - 1] = x;
		RememberValue(b, bc, code);
	}
	if (small >= 0 && b->rows >= DIRECT_FROM_ROW)
		AddDirect(b, bc, small, code);
	return code;
}

void
FrameBuilderCodeCell(FrameBuilder *b, int column, const Cell *cell)
{
	BuilderColumn *bc = b->columns[column];
	FrameColumn *c = &bc->c;
	uint64		v = 0;

	if (cell->isnull)
	{
		c->nulls++;
		if (c->store == STORE_NUMBERS)
			v = FRAME_NULL_BITS;
	}
	else if (c->store == STORE_COUNTED)
	{
		c->low = Min(c->low, cell->number);
		c->high = Max(c->high, cell->number);
	}
	else if (CellTypeClass(c->type) != CLASS_TEXT)
		v = NumberCode(b, bc, cell->number);
	else if (c->store == STORE_DICTIONARY)
		v = TextCode(b, bc, cell->text, cell->len);
	PutCell(b, bc, v);
}

/* The code of a text that came lately. */
struct RecentCode
{
	RecentText	text;
	uint32		code;
	uint32		hash;			/* of the cell */
};

/* A text, as FrameBuilderCodeCell() would take it. */
void
FrameBuilderCodeText(FrameBuilder *b, int column, const char *text, int len)
{
	BuilderColumn *bc = b->columns[column];
	TextKey		key = MakeTextKey(text, len);
	RecentCode *recent = NULL;
	uint64		code;

	if (likely(bc->recent != NULL))
	{
		recent = &bc->recent[RecentPlace(&key, bc->nrecent)];
		if (RecentIs(&recent->text, &key) && bc->width == 1)
		{
			b->cells[bc->offset] = (uint8) recent->code;
			b->hash += recent->hash;
			return;
		}
	}
	code = bc->c.store == STORE_DICTIONARY ? TextCode(b, bc, text, len) : 0;
	PutCell(b, bc, code);
	if (bc->recent == NULL && b->rows >= RECENT_FROM_ROW)
	{
		bc->nrecent = RecentPlaces(bc->c.nvalues);
		bc->recent = MemoryContextAllocZero(b->cxt, sizeof(RecentCode) * bc->nrecent);
	}
	if (recent != NULL && code > 0 && RecentKeep(&recent->text, &key))
	{
		recent->code = (uint32) code;
		recent->hash = bc->hashes[code];
	}
}

void
FrameBuilderBeginRow(FrameBuilder *b)
{
	BeginRow(b);
}

void
FrameBuilderEndRow(FrameBuilder *b, bool positive)
{
	b->rows++;
	b->positives += positive;
	EndRow(b, positive ? 1 : 0, positive ? 0 : 1);
}

void
FrameBuilderAddUnknown(FrameBuilder *b, int64 n)
{
	b->unknown += n;
}

void
FrameBuilderClose(FrameBuilder *b)
{
	for (int i = 0; i < b->nruns; i++)
		CloseRun(b->runs[i]);
	b->nruns = 0;
}
