/*-------------------------------------------------------------------------
 *
 * framesegment.c
 *	  Rows of codes, packed into segments, equal ones counted.
 *
 * A segment has a fixed layout: so many bytes for each column's code.  When a
 * dictionary outgrows its width a new segment with a new layout starts;
 * nothing is ever repacked.  Within a segment equal rows are counted instead
 * of stored, as long as that pays: data without equal rows stops looking for
 * them.
 *
 *	segment 0	 1 byte a code			|..|..|..|  pos neg
 *	segment 1	 2 bytes for city		|....|..|..|  pos neg
 *	segment 2	 amount as 8-byte number
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "framebuild.h"

#define FIRST_SEGMENT_ROWS	16
/* when to judge whether equal rows are worth looking for */
#define DEDUPLICATE_TRIAL	65536

void
CountOverflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a frame cannot count more than %u equal rows", PG_UINT32_MAX)));
}

/* ---- equal rows ----
 *
 * The table of rows is our own and not simplehash, because rows are looked up
 * in batches: all slots of a batch are fetched from memory at the same time,
 * which is what this costs.
 */

#define BATCH_ROWS		64
#define FIRST_SLOT_BITS 5

static void
FreeSlots(Segment *s)
{
	if (s->slots != NULL)
		pfree(s->slots);
	s->slots = NULL;
}

/*
 * The patterns of a frame come in the order of this very hash when it is
 * absorbed; taken as it is, they would crowd the first part of the table.
 */
static inline uint32
SlotOf(const Segment *s, uint32 hash)
{
	return (hash * UINT32_C(0x9e3779b1)) >> (32 - s->slot_bits);
}

static void
GrowSlots(Segment *s)
{
	MemoryContext cxt = GetMemoryChunkContext(s->slots);
	uint64	   *old = s->slots;
	uint32		n = (uint32) 1 << s->slot_bits;

	s->slot_bits++;
	s->slots = MemoryContextAllocExtended(cxt, sizeof(uint64) * 2 * n,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < n; i++)
	{
		uint32		k;

		if (old[i] == 0)
			continue;
		for (k = SlotOf(s, (uint32) (old[i] >> 32)); s->slots[k] != 0;
			 k = (k + 1) & (2 * n - 1))
			;
		s->slots[k] = old[i];
	}
	pfree(old);
}

/* Find the row equal to `cells`, or take a free slot for it as row `row`. */
static inline uint32
FindOrInsert(Segment *s, const uint8 *cells, uint32 hash, uint32 row)
{
	uint32		mask = ((uint32) 1 << s->slot_bits) - 1;
	uint32		k = SlotOf(s, hash);

	for (; s->slots[k] != 0; k = (k + 1) & mask)
	{
		uint32		other = (uint32) s->slots[k] - 1;

		if ((uint32) (s->slots[k] >> 32) == hash &&
			memcmp(s->cells + (int64) other * s->stride, cells, s->stride) == 0)
			return other;
	}
	s->slots[k] = ((uint64) hash << 32) | (row + 1);
	return row;
}

/* Merge the pending rows into the others. */
static void
FlushPending(Segment *s)
{
	uint32		hashes[BATCH_ROWS];
	int64		first = s->nrows;
	int			n = s->npending;

	s->npending = 0;
	if (s->slots == NULL)
	{
		s->nrows += n;
		return;
	}
	while ((s->nrows + n) * 4 > ((int64) 3 << s->slot_bits))
		GrowSlots(s);
	for (int i = 0; i < n; i++)
	{
		hashes[i] = (uint32) (HashBytes64(s->cells + (first + i) * s->stride, s->stride) >> 32);
		__builtin_prefetch(&s->slots[SlotOf(s, hashes[i])]);
	}
	for (int i = 0; i < n; i++)
	{
		uint64		slot = s->slots[SlotOf(s, hashes[i])];

		if ((uint32) (slot >> 32) == hashes[i] && slot != 0)
			__builtin_prefetch(s->cells + (int64) ((uint32) slot - 1) * s->stride);
	}
	for (int i = 0; i < n; i++)
	{
		uint8	   *cells = s->cells + (first + i) * s->stride;
		uint32		row = FindOrInsert(s, cells, hashes[i], (uint32) s->nrows);

		if (row < s->nrows)
		{
			AddCount(&s->pos[row], s->pos[first + i]);
			AddCount(&s->neg[row], s->neg[first + i]);
			continue;
		}
		if (row != first + i)
		{
			memcpy(s->cells + (int64) row * s->stride, cells, s->stride);
			s->pos[row] = s->pos[first + i];
			s->neg[row] = s->neg[first + i];
		}
		s->nrows++;
	}
	if (s->ninserted < DEDUPLICATE_TRIAL &&
		s->ninserted + n >= DEDUPLICATE_TRIAL && s->nrows > DEDUPLICATE_TRIAL * 0.9)
		FreeSlots(s);
	s->ninserted += n;
}

/* A new segment with the columns as they are now. */
static Segment *
StartSegment(FrameBuilder *b)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	Segment    *s = palloc0(sizeof(Segment));
	bool		deduplicate = true;

	if (b->nsegments > 0)
	{
		Segment    *last = b->segments[b->nsegments - 1];

		FlushPending(last);
		deduplicate = (last->slots != NULL || last->ninserted < DEDUPLICATE_TRIAL);
		FreeSlots(last);
	}
	s->ncolumns = b->ncolumns;
	s->widths = palloc(sizeof(int) * Max(b->ncolumns, 1));
	s->offsets = palloc(sizeof(int) * Max(b->ncolumns, 1));
	s->byte_columns = palloc(sizeof(int) * Max(b->ncolumns, 1));
	s->narrow = true;
	for (int i = 0; i < b->ncolumns; i++)
	{
		s->widths[i] = StoreWidth(&b->columns[i]->c);
		s->offsets[i] = s->stride;
		s->stride += s->widths[i];
		if (s->widths[i] == 1)
			s->byte_columns[s->nbytes++] = i;
		else if (s->widths[i] > 1)
			s->narrow = false;
	}
	s->capacity = FIRST_SEGMENT_ROWS;
	s->cells = palloc(Max(s->stride, 1) * s->capacity);
	s->pos = palloc(sizeof(uint32) * s->capacity);
	s->neg = palloc(sizeof(uint32) * s->capacity);
	if (deduplicate)
	{
		s->slot_bits = FIRST_SLOT_BITS;
		s->slots = palloc0(sizeof(uint64) << s->slot_bits);
	}

	b->segments = b->segments == NULL ? palloc(sizeof(Segment *)) :
		repalloc(b->segments, sizeof(Segment *) * (b->nsegments + 1));
	b->segments[b->nsegments++] = s;
	b->layout_changed = false;
	MemoryContextSwitchTo(old);
	return s;
}

static void
GrowSegment(Segment *s)
{
	s->capacity *= 2;
	s->cells = repalloc_huge(s->cells, Max(s->stride, 1) * s->capacity);
	s->pos = repalloc_huge(s->pos, sizeof(uint32) * s->capacity);
	s->neg = repalloc_huge(s->neg, sizeof(uint32) * s->capacity);
}

/* Write the codes of a row side by side. */
static void
PackRow(const Segment *s, const uint64 *coded, uint8 *cell)
{
	if (s->narrow)
	{
		for (int k = 0; k < s->nbytes; k++)
			cell[k] = (uint8) coded[s->byte_columns[k]];
		return;
	}
	for (int i = 0; i < s->ncolumns; i++)
	{
		uint16		v16 = (uint16) coded[i];
		uint32		v32 = (uint32) coded[i];

		switch (s->widths[i])
		{
			case 1:
				*cell = (uint8) coded[i];
				break;
			case 2:
				memcpy(cell, &v16, 2);
				break;
			case 4:
				memcpy(cell, &v32, 4);
				break;
			case 8:
				memcpy(cell, &coded[i], 8);
				break;
		}
		cell += s->widths[i];
	}
}

/* The row in b->coded goes into the last segment. */
void
FrameBuilderStoreCoded(FrameBuilder *b, uint32 pos, uint32 neg)
{
	Segment    *s;
	int64		row;

	if (b->layout_changed)
		StartSegment(b);
	s = b->segments[b->nsegments - 1];
	if (s->npending == BATCH_ROWS)
		FlushPending(s);
	row = SegmentRows(s);
	if (row == s->capacity)
		GrowSegment(s);
	if (row >= PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a frame cannot hold more than %u different rows", PG_UINT32_MAX)));
	PackRow(s, b->coded, s->cells + row * s->stride);
	s->pos[row] = pos;
	s->neg[row] = neg;
	s->npending++;
}

