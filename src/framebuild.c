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
 * framefinish.c makes the canonical frame of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "framebuild.h"

/* a GROUP BY may have a builder per group, with a dictionary per column each */
#define FIRST_VALUES		8

typedef struct NumberEntry
{
	uint64		bits;
	uint32		code;
	char		status;
} NumberEntry;

#define SH_PREFIX numdict
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE uint64
#define SH_KEY bits
#define SH_HASH_KEY(tb, key) ((uint32) Mix64(key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct TextKey
{
	const char *text;
	int			len;
} TextKey;

typedef struct TextEntry
{
	TextKey		key;
	uint32		hash;
	uint32		code;
	char		status;
} TextEntry;

#define SH_PREFIX textdict
#define SH_ELEMENT_TYPE TextEntry
#define SH_KEY_TYPE TextKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_bytes((const unsigned char *) (k).text, (k).len)
#define SH_EQUAL(tb, a, b) ((a).len == (b).len && memcmp((a).text, (b).text, (a).len) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, e) ((e)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

FrameBuilder *
FrameBuilderCreate(MemoryContext parent, int max_distinct)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "leadscore frame",
											  ALLOCSET_START_SMALL_SIZES);
	FrameBuilder *b = MemoryContextAllocZero(cxt, sizeof(FrameBuilder));

	b->cxt = cxt;
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

int
FrameBuilderAddColumn(FrameBuilder *b, const char *name, const char *source,
					  CellType type, Transform part, ColumnRole role,
					  int position)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	BuilderColumn *bc = palloc0(sizeof(BuilderColumn));

	bc->c.name = pstrdup(name);
	bc->c.source = pstrdup(source);
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

	if (b->ncolumns == b->allocated)
	{
		b->allocated = Max(16, b->allocated * 2);
		b->columns = b->columns == NULL ?
			palloc(sizeof(BuilderColumn *) * b->allocated) :
			repalloc(b->columns, sizeof(BuilderColumn *) * b->allocated);
		b->coded = b->coded == NULL ?
			palloc(sizeof(uint64) * b->allocated) :
			repalloc(b->coded, sizeof(uint64) * b->allocated);
	}
	b->columns[b->ncolumns] = bc;
	b->layout_changed = true;
	MemoryContextSwitchTo(old);
	return b->ncolumns++;
}

/* A place for one more value in a column's arrays; its code. */
static uint32
NewCode(FrameBuilder *b, BuilderColumn *bc)
{
	FrameColumn *c = &bc->c;
	bool		text = (CellTypeClass(c->type) == CLASS_TEXT);

	if (c->nvalues == bc->allocated)
	{
		MemoryContext old = MemoryContextSwitchTo(b->cxt);

		bc->allocated = Max(16, bc->allocated * 2);
		if (!text)
			c->numbers = c->numbers ? repalloc(c->numbers, sizeof(double) * bc->allocated) :
				palloc(sizeof(double) * bc->allocated);
		else
		{
			c->texts = c->texts ? repalloc(c->texts, sizeof(char *) * bc->allocated) :
				palloc(sizeof(char *) * bc->allocated);
			c->lengths = c->lengths ? repalloc(c->lengths, sizeof(int) * bc->allocated) :
				palloc(sizeof(int) * bc->allocated);
		}
		MemoryContextSwitchTo(old);
	}
	c->nvalues++;
	if (CodeWidth(c->nvalues) != CodeWidth(c->nvalues - 1))
		b->layout_changed = true;
	return c->nvalues;
}

/*
 * From here on the column keeps only counts.  A role can't: what it is for
 * needs the values.
 */
static void
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
	c->nvalues = 0;
	if (bc->textdict)
		textdict_destroy(bc->textdict);
	bc->textdict = NULL;
	b->layout_changed = true;
}

/* No more short cuts: the column has no codes for new numbers. */
static void
DropDirect(BuilderColumn *bc)
{
	if (bc->direct != NULL)
		pfree(bc->direct);
	bc->direct = NULL;
}

static uint32
TextCode(FrameBuilder *b, BuilderColumn *bc, const char *text, int len)
{
	TextKey		key = {text, len};
	TextEntry  *e;
	bool		found;
	char	   *copy;

	if (bc->textdict == NULL)
		bc->textdict = textdict_create(b->cxt, FIRST_VALUES, NULL);
	e = textdict_lookup(bc->textdict, key);
	if (e != NULL)
		return e->code;
	if (bc->c.nvalues >= b->max_distinct || len > FRAME_MAX_TEXT)
	{
		Overflow(b, bc);
		return 0;
	}
	/* the key must outlive the row before the table may hold it */
	copy = MemoryContextAlloc(b->cxt, Max(len, 1));
	memcpy(copy, text, len);
	key.text = copy;
	e = textdict_insert(bc->textdict, key, &found);
	e->code = NewCode(b, bc);
	bc->c.texts[e->code - 1] = copy;
	bc->c.lengths[e->code - 1] = len;
	return e->code;
}

/* Code of a number, or its bits once the column stores plain numbers. */
static uint64
NumberCode(FrameBuilder *b, BuilderColumn *bc, double x)
{
	NumberEntry *e;
	bool		found;
	int			small = -1;

	if (bc->c.store == STORE_NUMBERS)
		return DoubleBits(x);
	if (x >= 0 && x < DIRECT_CODES && x == (int) x)
	{
		small = (int) x;
		if (bc->direct != NULL && bc->direct[small] != 0)
			return bc->direct[small];
	}
	if (bc->numdict == NULL)
		bc->numdict = numdict_create(b->cxt, FIRST_VALUES, NULL);
	if (bc->c.nvalues >= FRAME_MAX_NUMBERS)
	{
		e = numdict_lookup(bc->numdict, DoubleBits(x));
		if (e != NULL)
			return e->code;
		/* the dictionary stays: older segments hold its codes */
		bc->c.store = STORE_NUMBERS;
		DropDirect(bc);
		b->layout_changed = true;
		return DoubleBits(x);
	}
	e = numdict_insert(bc->numdict, DoubleBits(x), &found);
	if (!found)
	{
		e->code = NewCode(b, bc);
		bc->c.numbers[e->code - 1] = x;
	}
	if (small >= 0)
	{
		if (bc->direct == NULL)
			bc->direct = MemoryContextAllocZero(b->cxt, sizeof(uint16) * DIRECT_CODES);
		bc->direct[small] = e->code;
	}
	return e->code;
}

/* What a NULL is in b->coded. */
static inline uint64
CodedNull(const FrameColumn *c)
{
	return c->store == STORE_NUMBERS ? FRAME_NULL_BITS : 0;
}

void
FrameBuilderCodeCell(FrameBuilder *b, int column, const Cell *cell)
{
	BuilderColumn *bc = b->columns[column];

	if (cell->isnull)
	{
		bc->c.nulls++;
		b->coded[column] = CodedNull(&bc->c);
	}
	else if (CellTypeClass(bc->c.type) == CLASS_TEXT)
	{
		b->coded[column] = bc->c.store == STORE_DICTIONARY ?
			TextCode(b, bc, cell->text, cell->len) : 0;
	}
	else if (bc->c.store == STORE_COUNTED)
	{
		bc->c.low = Min(bc->c.low, cell->number);
		bc->c.high = Max(bc->c.high, cell->number);
		b->coded[column] = 0;
	}
	else
		b->coded[column] = NumberCode(b, bc, cell->number);
}

void
FrameBuilderStoreRow(FrameBuilder *b, bool positive)
{
	b->rows++;
	b->positives += positive;
	FrameBuilderStoreCoded(b, positive ? 1 : 0, positive ? 0 : 1);
}

void
FrameBuilderAddUnknown(FrameBuilder *b, int64 n)
{
	b->unknown += n;
}

/* What a column is for, or what it is made of, as far as it may not differ. */
static const char *
WhatItIs(const FrameColumn *c, bool role)
{
	static const char *const roles[] = {"a feature", "the weight", "the offset",
	"the group", "the time"};

	if (role)
		return roles[c->role];
	if (c->part != TRANSFORM_NONE)
		return psprintf("a part of column \"%s\"",
						TextFromUtf8(c->source, strlen(c->source)));
	return psprintf("of type %s", CellTypeName(c->type));
}

static void
ColumnsDiffer(const FrameColumn *a, const FrameColumn *b)
{
	bool		role = (a->role != b->role);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("cannot unite frames: column \"%s\" differs",
					TextFromUtf8(a->name, strlen(a->name))),
			 errdetail("It is %s in one and %s in the other.",
					   WhatItIs(a, role), WhatItIs(b, role))));
}

/* Of each role there is one column only. */
static void
CheckRoleIsFree(const FrameBuilder *b, const FrameColumn *fc)
{
	for (int i = 0; fc->role != ROLE_FEATURE && i < b->ncolumns; i++)
	{
		const FrameColumn *c = &b->columns[i]->c;

		if (c->role == fc->role)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("cannot unite frames: two columns are %s", WhatItIs(fc, true)),
					 errdetail("It is \"%s\" in one and \"%s\" in the other.",
							   TextFromUtf8(c->name, strlen(c->name)),
							   TextFromUtf8(fc->name, strlen(fc->name)))));
	}
}

/* The builder's column for a column of a frame, made if need be. */
static int
MatchColumn(FrameBuilder *b, const FrameColumn *fc)
{
	for (int i = 0; i < b->ncolumns; i++)
	{
		FrameColumn *c = &b->columns[i]->c;

		if (strcmp(c->name, fc->name) != 0)
			continue;
		if (CellTypeClass(c->type) != CellTypeClass(fc->type) ||
			c->role != fc->role || c->part != fc->part ||
			strcmp(c->source, fc->source) != 0)
			ColumnsDiffer(c, fc);
		c->type = Max(c->type, fc->type);
		c->position = Min(c->position, fc->position);
		return i;
	}
	CheckRoleIsFree(b, fc);
	return FrameBuilderAddColumn(b, fc->name, fc->source, fc->type, fc->part,
								 fc->role, fc->position);
}

/*
 * Bring a column and its dictionary into the builder; returns the map from the
 * frame's codes to the builder's, or NULL where there are no codes.
 */
static uint32 *
AbsorbColumn(FrameBuilder *b, BuilderColumn *bc, const FrameColumn *fc,
			 int64 rows)
{
	uint32	   *map = NULL;

	bc->c.nulls += fc->nulls;
	if (fc->nulls < rows)		/* without a value there is no range */
	{
		bc->c.low = Min(bc->c.low, fc->low);
		bc->c.high = Max(bc->c.high, fc->high);
	}
	if (fc->store == STORE_OVERFLOWED && bc->c.store == STORE_DICTIONARY)
		Overflow(b, bc);
	if (fc->store == STORE_NUMBERS && bc->c.store == STORE_DICTIONARY)
	{
		bc->c.store = STORE_NUMBERS;
		DropDirect(bc);
		b->layout_changed = true;
	}
	if (fc->store == STORE_DICTIONARY && bc->c.store == STORE_DICTIONARY)
	{
		map = MemoryContextAllocHuge(CurrentMemoryContext,
									 sizeof(uint32) * (fc->nvalues + 1));
		map[0] = 0;
		for (int k = 0; k < fc->nvalues && bc->c.store == STORE_DICTIONARY; k++)
		{
			if (CellTypeClass(fc->type) == CLASS_TEXT)
				map[k + 1] = TextCode(b, bc, fc->texts[k], fc->lengths[k]);
			else
				map[k + 1] = (uint32) NumberCode(b, bc, fc->numbers[k]);
		}
	}
	return map;
}

/* What the builder stores for a column of a pattern of a frame. */
static inline uint64
AbsorbCell(const FrameColumn *c, const FrameColumn *fc, const uint32 *map,
		   const uint8 *pattern)
{
	double		x;

	if (c->store == STORE_DICTIONARY)
		return map[FrameCode(fc, pattern)];
	if (c->store == STORE_NUMBERS)
		return FrameNumber(fc, pattern, &x) ? DoubleBits(x) : FRAME_NULL_BITS;
	return 0;
}

/*
 * The lowest limit of all frames counts: only then is it the set of values that
 * decides which columns overflow, and not the order in which frames are united.
 */
static void
LowerMaxDistinct(FrameBuilder *b, int max_distinct)
{
	b->max_distinct = Min(b->max_distinct, max_distinct);
	for (int i = 0; i < b->ncolumns; i++)
	{
		BuilderColumn *bc = b->columns[i];

		if (bc->c.store == STORE_DICTIONARY &&
			CellTypeClass(bc->c.type) == CLASS_TEXT &&
			bc->c.nvalues > b->max_distinct)
			Overflow(b, bc);
	}
}

void
FrameBuilderAbsorb(FrameBuilder *b, const Frame *frame)
{
	int		   *source;			/* per column of the builder: of the frame, or -1 */
	uint32	  **maps = palloc0(sizeof(uint32 *) * Max(frame->ncolumns, 1));
	int		   *target = palloc(sizeof(int) * Max(frame->ncolumns, 1));

	LowerMaxDistinct(b, frame->max_distinct);
	if (frame->timezone != NULL)
		FrameBuilderSetTimezone(b, frame->timezone);
	for (int j = 0; j < frame->ncolumns; j++)
	{
		target[j] = MatchColumn(b, &frame->columns[j]);
		maps[j] = AbsorbColumn(b, b->columns[target[j]], &frame->columns[j],
							   frame->rows);
	}
	source = palloc(sizeof(int) * Max(b->ncolumns, 1));
	for (int i = 0; i < b->ncolumns; i++)
		source[i] = -1;
	for (int j = 0; j < frame->ncolumns; j++)
		source[target[j]] = j;
	for (int i = 0; i < b->ncolumns; i++)
		if (source[i] < 0)
			b->columns[i]->c.nulls += frame->rows;

	for (int64 r = 0; r < frame->npatterns; r++)
	{
		const uint8 *pattern = frame->cells + r * frame->stride;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < b->ncolumns; i++)
		{
			FrameColumn *c = &b->columns[i]->c;
			int			j = source[i];

			b->coded[i] = j < 0 ? CodedNull(c) :
				AbsorbCell(c, &frame->columns[j], maps[j], pattern);
		}
		FrameBuilderStoreCoded(b, frame->pos[r], frame->neg[r]);
	}
	b->rows += frame->rows;
	b->positives += frame->positives;
	b->unknown += frame->unknown;
}

