/*-------------------------------------------------------------------------
 *
 * frameabsorb.c
 *	  Other frames into a builder: columns are matched by name, dictionaries
 *	  entered, and patterns added, those of a large frame as a run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "framebuild.h"

/* A smaller frame's patterns are looked up among the rows: many may be equal. */
#define RUN_FROM_PATTERNS	65536

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
 * Bring a column and its dictionary into the builder; what the frame's codes
 * are there goes to the run.
 */
static void
AbsorbColumn(FrameBuilder *b, int column, const FrameColumn *fc, int64 rows,
			 Run *run)
{
	BuilderColumn *bc = b->columns[column];
	uint32	   *map;

	bc->c.nulls += fc->nulls;
	if (fc->nulls < rows)		/* without a value there is no range */
	{
		bc->c.low = Min(bc->c.low, fc->low);
		bc->c.high = Max(bc->c.high, fc->high);
	}
	if (fc->store == STORE_OVERFLOWED && bc->c.store == STORE_DICTIONARY)
		Overflow(b, bc);
	if (fc->store == STORE_NUMBERS && bc->c.store == STORE_DICTIONARY)
		StorePlainly(b, bc, true);
	if (fc->store != STORE_DICTIONARY || !FrameColumnHasCells(&bc->c))
		return;

	map = palloc_extended(sizeof(uint32) * (fc->nvalues + 1), MCXT_ALLOC_HUGE);
	map[0] = 0;
	for (int k = 0; k < fc->nvalues && bc->c.store == STORE_DICTIONARY; k++)
	{
		if (k % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (CellTypeClass(fc->type) == CLASS_TEXT)
			map[k + 1] = TextCode(b, bc, fc->texts[k], fc->lengths[k]);
		else
			map[k + 1] = (uint32) NumberCode(b, bc, fc->numbers[k]);
	}
	run->ncodes[column] = fc->nvalues;
	if (bc->c.store == STORE_DICTIONARY)
		run->maps[column] = map;
	else if (bc->c.store == STORE_NUMBERS)
		run->numbers[column] = fc->numbers;
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

/* What a run's cell is for the builder. */
static inline uint64
RunCell(const Run *run, const BuilderColumn *bc, int column, const uint8 *cells)
{
	int			width = column < run->layout.ncolumns ? run->layout.widths[column] : 0;
	uint64		v = width == 0 ? 0 : ReadCell(cells + run->layout.offsets[column], width);

	if (bc->c.store != STORE_NUMBERS)
		return bc->c.store == STORE_DICTIONARY && v > 0 ? run->maps[column][v] : 0;
	if (width == 8)
		return v;
	if (v == 0)
		return FRAME_NULL_BITS;
	return DoubleBits(run->numbers[column] ? run->numbers[column][v - 1] :
					  bc->c.numbers[run->maps[column][v] - 1]);
}

/* Add the patterns of a run row by row. */
void
AbsorbRun(FrameBuilder *b, const Run *run)
{
	for (int64 r = 0; r < run->nrows; r++)
	{
		const uint8 *cells = run->cells + r * run->layout.stride;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		BeginRow(b);
		for (int i = 0; i < b->ncolumns; i++)
			PutCell(b, b->columns[i], RunCell(run, b->columns[i], i, cells));
		EndRow(b, run->pos[r], run->neg[r]);
	}
}

#define ROWS_PER_BLOCK		512

/* Add the hashes of one column's cells to those of a block of patterns. */
static void
HashBlock(const Run *run, const BuilderColumn *bc, int column,
		  const uint32 *by_code, int64 first, int64 end)
{
	int			width = run->layout.widths[column];
	const uint8 *cell = run->cells + first * run->layout.stride + run->layout.offsets[column];

	for (int64 r = first; r < end; r++, cell += run->layout.stride)
	{
		uint64		v = ReadCell(cell, width);

		if (width < 8)
			run->hashes[r] += by_code[v];
		else if (v != FRAME_NULL_BITS)
			run->hashes[r] += NumberHash(bc->seed, v);
	}
}

/* Has the builder given up a column whose values are in the run's hashes? */
static bool
OverflowedHere(const FrameBuilder *b, const Run *run)
{
	for (int i = 0; i < b->ncolumns; i++)
		if (run->layout.widths[i] > 0 && !FrameColumnHasCells(&b->columns[i]->c))
			return true;
	return false;
}

/* The hashes of all patterns; are they in their order? */
static bool
HashRun(const FrameBuilder *b, Run *run)
{
	uint32	  **by_code = palloc0(sizeof(uint32 *) * Max(b->ncolumns, 1));
	bool		sorted = true;

	if (run->hashes != NULL && !OverflowedHere(b, run))
		return true;			/* they came with it */
	run->hashes = palloc_extended(sizeof(uint32) * Max(run->nrows, 1),
								  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < b->ncolumns; i++)
	{
		const BuilderColumn *bc = b->columns[i];

		if (run->layout.widths[i] == 0 || run->layout.widths[i] == 8)
			continue;
		by_code[i] = palloc_extended(sizeof(uint32) * (run->ncodes[i] + 1),
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (int k = 1; k <= run->ncodes[i] && FrameColumnHasCells(&bc->c); k++)
			by_code[i][k] = run->maps[i] ? bc->hashes[run->maps[i][k]] :
				NumberHash(bc->seed, DoubleBits(run->numbers[i][k - 1]));
	}
	for (int64 first = 0; first < run->nrows; first += ROWS_PER_BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < b->ncolumns; i++)
			if (run->layout.widths[i] > 0 && FrameColumnHasCells(&b->columns[i]->c))
				HashBlock(run, b->columns[i], i, by_code[i], first,
						  Min(first + ROWS_PER_BLOCK, run->nrows));
	}
	for (int64 r = 1; r < run->nrows && sorted; r++)
		sorted = run->hashes[r - 1] <= run->hashes[r];
	for (int i = 0; i < b->ncolumns; i++)
		if (by_code[i] != NULL)
			pfree(by_code[i]);
	pfree(by_code);
	return sorted;
}

static void *
CopyOf(const void *p, Size size)
{
	void	   *copy = AllocRows(size);

	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

/* A copy that lives as long as the builder. */
static Run *
KeepRun(const FrameBuilder *b, const Run *run)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	Run		   *kept = CopyOf(run, sizeof(Run));
	int			n = run->layout.ncolumns;

	kept->layout.widths = CopyOf(run->layout.widths, sizeof(int) * n);
	kept->layout.offsets = CopyOf(run->layout.offsets, sizeof(int) * n);
	kept->cells = CopyOf(run->cells, (Size) run->layout.stride * run->nrows);
	kept->pos = CopyOf(run->pos, sizeof(uint32) * run->nrows);
	kept->neg = CopyOf(run->neg, sizeof(uint32) * run->nrows);
	kept->hashes = CopyOf(run->hashes, sizeof(uint32) * run->nrows);
	kept->ncodes = CopyOf(run->ncodes, sizeof(int) * n);
	kept->maps = CopyOf(run->maps, sizeof(uint32 *) * n);
	kept->numbers = CopyOf(run->numbers, sizeof(double *) * n);
	for (int i = 0; i < n; i++)
	{
		if (kept->maps[i] != NULL)
			kept->maps[i] = CopyOf(kept->maps[i], sizeof(uint32) * (kept->ncodes[i] + 1));
		if (kept->numbers[i] != NULL)
			kept->numbers[i] = CopyOf(kept->numbers[i], sizeof(double) * kept->ncodes[i]);
	}
	MemoryContextSwitchTo(old);
	return kept;
}

/* The columns of the frame in the builder, and the frame as a run. */
static void
MatchColumns(FrameBuilder *b, const Frame *frame, Run *run)
{
	int		   *target = palloc(sizeof(int) * Max(frame->ncolumns, 1));
	int			n;

	for (int j = 0; j < frame->ncolumns; j++)
	{
		CHECK_FOR_INTERRUPTS();
		target[j] = MatchColumn(b, &frame->columns[j]);
	}
	n = b->ncolumns;
	run->layout.ncolumns = n;
	run->layout.stride = frame->stride;
	run->layout.widths = palloc0(sizeof(int) * Max(n, 1));
	run->layout.offsets = palloc0(sizeof(int) * Max(n, 1));
	run->ncodes = palloc0(sizeof(int) * Max(n, 1));
	run->maps = palloc0(sizeof(uint32 *) * Max(n, 1));
	run->numbers = palloc0(sizeof(double *) * Max(n, 1));
	run->nrows = frame->npatterns;
	run->cells = frame->cells;
	run->pos = frame->pos;
	run->neg = frame->neg;
	run->hashes = frame->hashes;

	/* columns that the frame lacks are NULL in its rows */
	for (int i = 0; i < n; i++)
		b->columns[i]->c.nulls += frame->rows;
	b->rows += frame->rows;
	for (int j = 0; j < frame->ncolumns; j++)
	{
		const FrameColumn *fc = &frame->columns[j];

		b->columns[target[j]]->c.nulls -= frame->rows;
		run->layout.widths[target[j]] = fc->width;
		run->layout.offsets[target[j]] = fc->offset;
		AbsorbColumn(b, target[j], fc, frame->rows, run);
	}
	pfree(target);
}

void
FrameBuilderAbsorb(FrameBuilder *b, const Frame *frame)
{
	Run			run = {{0}};

	LowerMaxDistinct(b, frame->max_distinct);
	if (frame->timezone != NULL)
		FrameBuilderSetTimezone(b, frame->timezone);
	MatchColumns(b, frame, &run);
	b->positives += frame->positives;
	b->unknown += frame->unknown;
	if (b->overflowed)
		AddAllAgain(b);
	if (run.nrows >= RUN_FROM_PATTERNS && HashRun(b, &run))
	{
		AddRun(b, KeepRun(b, &run));
		SpillIfLarge(b);
	}
	else
		AbsorbRun(b, &run);
}
