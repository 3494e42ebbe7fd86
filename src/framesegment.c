/*-------------------------------------------------------------------------
 *
 * framesegment.c
 *	  Rows of codes in memory, packed into segments, equal ones counted.
 *
 * A segment has a fixed layout: so many bytes for each column's code.  When a
 * dictionary outgrows its width a new segment with a new layout starts;
 * nothing is ever repacked.  Within a segment equal rows are counted instead
 * of stored, as long as that pays: data without equal rows stops looking for
 * them.
 *
 *	segment 0	 1 byte a code			hash pos neg |..|..|..|
 *	segment 1	 2 bytes for city		hash pos neg |....|..|..|
 *	segment 2	 amount as 8-byte number
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/mman.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "framebuild.h"

#define FIRST_SEGMENT_ROWS	8
#define LEAST_CHUNK_BITS	7	/* more than a batch */
/* when to judge whether equal rows are worth looking for */
#define DEDUPLICATE_TRIAL	65536

void
CountOverflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a frame cannot count more than %u equal rows", PG_UINT32_MAX)));
}

/*
 * Rows among which equal ones are looked for are reached in any order, again and
 * again: in large pages they are found with fewer look-ups.  What is written and
 * read once gains little by them, and a virtual machine may pay dearly for each.
 */
#define LARGE_PAGE		(2 * 1024 * 1024)
#define CHUNK_BYTES		(8 * LARGE_PAGE)	/* or an eighth of the limit */

static void
WantLargePages(char *p, Size size)
{
#ifdef MADV_HUGEPAGE
	char	   *from = (char *) TYPEALIGN(LARGE_PAGE, p),
			   *to = (char *) TYPEALIGN_DOWN(LARGE_PAGE, p + size);

	if (from < to)
		(void) madvise(from, to - from, MADV_HUGEPAGE); /* or not */
#endif
}

/* Memory for many rows, in the current context. */
void *
AllocRows(Size size)
{
	return palloc_extended(Max(size, 1), MCXT_ALLOC_HUGE);
}

static uint64 *
AllocSlots(Size n)
{
	uint64	   *slots = AllocRows(sizeof(uint64) * n);

	WantLargePages((char *) slots, sizeof(uint64) * n);
	memset(slots, 0, sizeof(uint64) * n);
	return slots;
}

/* ---- equal rows ----
 *
 * The table of rows is our own and not simplehash, because rows are looked up
 * in batches: all slots of a batch are fetched from memory at the same time,
 * which is what this costs.
 */

#define BATCH_ROWS		64
#define FIRST_SLOT_BITS 5
#define MOST_SLOT_BITS	31		/* then it is in vain to look for equal rows */

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
	MemoryContext old_context = MemoryContextSwitchTo(GetMemoryChunkContext(s->slots));
	uint64	   *old = s->slots;
	uint32		n = (uint32) 1 << s->slot_bits;

	s->slot_bits++;
	s->slots = AllocSlots(2 * (Size) n);
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
	MemoryContextSwitchTo(old_context);
}

/* Find the row equal to `row`, or take a free slot for it as number `n`. */
static inline uint32
FindOrInsert(Segment *s, const RowHead *row, uint32 n)
{
	uint32		mask = ((uint32) 1 << s->slot_bits) - 1;
	uint32		k = SlotOf(s, row->hash);

	for (; s->slots[k] != 0; k = (k + 1) & mask)
	{
		uint32		other = (uint32) s->slots[k] - 1;

		if ((uint32) (s->slots[k] >> 32) == row->hash &&
			memcmp(RowCells(SegmentRow(s, other)), RowCells(row), s->layout.stride) == 0)
			return other;
	}
	s->slots[k] = ((uint64) row->hash << 32) | (n + 1);
	return n;
}

/* From here on equal rows are stored again and again. */
static void
StopLooking(Segment *s)
{
	s->deduplicate = false;
	if (s->slots != NULL)
		pfree(s->slots);
	s->slots = NULL;
}

/* Merge the pending rows into the others. */
static void
FlushPending(Segment *s)
{
	RowHead    *rows[BATCH_ROWS];
	int64		first = s->nrows;
	int			n = s->npending;

	s->npending = 0;
	if ((s->nrows + n) * 4 > INT64CONST(3) << MOST_SLOT_BITS)
		StopLooking(s);
	if (!s->deduplicate)
	{
		s->nrows += n;
		s->ninserted += n;
		return;
	}
	if (s->slots == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(s));

		s->slot_bits = FIRST_SLOT_BITS;
		s->slots = AllocSlots((Size) 1 << s->slot_bits);
		MemoryContextSwitchTo(old);
	}
	while ((s->nrows + n) * 4 > ((int64) 3 << s->slot_bits))
		GrowSlots(s);
	for (int i = 0; i < n; i++)
	{
		rows[i] = SegmentRow(s, first + i);
		__builtin_prefetch(&s->slots[SlotOf(s, rows[i]->hash)]);
	}
	for (int i = 0; i < n; i++)
	{
		uint64		slot = s->slots[SlotOf(s, rows[i]->hash)];

		if ((uint32) (slot >> 32) == rows[i]->hash && slot != 0)
		{
			const char *known = (const char *) SegmentRow(s, (uint32) slot - 1);

			__builtin_prefetch(known);
			__builtin_prefetch(known + s->size - 1);
		}
	}
	for (int i = 0; i < n; i++)
	{
		uint32		row = FindOrInsert(s, rows[i], (uint32) s->nrows);

		if (row < s->nrows)
		{
			RowHead    *known = SegmentRow(s, row);

			AddCount(&known->pos, rows[i]->pos);
			AddCount(&known->neg, rows[i]->neg);
			continue;
		}
		if (row != first + i)
			memcpy(SegmentRow(s, row), rows[i], s->size);
		s->nrows++;
	}
	if (s->ninserted < DEDUPLICATE_TRIAL &&
		s->ninserted + n >= DEDUPLICATE_TRIAL && s->nrows > DEDUPLICATE_TRIAL * 0.9)
		StopLooking(s);
	s->ninserted += n;
}

/* ---- segments ---- */

/* The columns as they are now, in the current context. */
Layout
CurrentLayout(const FrameBuilder *b)
{
	Layout		l = {b->ncolumns};

	l.widths = palloc(sizeof(int) * Max(b->ncolumns, 1));
	l.offsets = palloc(sizeof(int) * Max(b->ncolumns, 1));
	for (int i = 0; i < b->ncolumns; i++)
	{
		l.widths[i] = StoreWidth(&b->columns[i]->c);
		l.offsets[i] = l.stride;
		l.stride += l.widths[i];
	}
	return l;
}

static void
StartSegment(FrameBuilder *b)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	Segment    *s = palloc0(sizeof(Segment));
	bool		deduplicate = true;
	Size		chunk;

	if (b->nsegments > 0)
	{
		Segment    *last = b->segments[b->nsegments - 1];

		FlushPending(last);
		deduplicate = (last->deduplicate || last->ninserted < DEDUPLICATE_TRIAL);
		StopLooking(last);
	}
	s->layout = CurrentLayout(b);
	s->size = RowSize(s->layout.stride);
	chunk = b->limit == 0 ? CHUNK_BYTES : Min(CHUNK_BYTES, b->limit / 8);
	for (s->chunk_bits = LEAST_CHUNK_BITS; ((Size) s->size << (s->chunk_bits + 1)) <= chunk;)
		s->chunk_bits++;
	for (int i = 0; i < b->ncolumns; i++)
	{
		BuilderColumn *bc = b->columns[i];

		bc->width = s->layout.widths[i];
		bc->offset = s->layout.offsets[i];
		bc->fast = bc->width == 1 ? bc->ndirect : 0;
	}
	s->deduplicate = deduplicate;
	b->segments = b->segments == NULL ? palloc(sizeof(Segment *)) :
		repalloc(b->segments, sizeof(Segment *) * (b->nsegments + 1));
	b->segments[b->nsegments++] = s;
	b->layout_changed = false;
	MemoryContextSwitchTo(old);
}

/* Memory that has been used is there; new memory comes page by page. */
static uint8 *
NewChunk(FrameBuilder *b, const Segment *s)
{
	Size		size = (Size) s->size * ChunkRows(s);
	uint8	   *chunk;

	if (b->nfree > 0 && b->free_size == size)
		return b->free[--b->nfree];
	chunk = AllocRows(size);
	if (s->deduplicate)
		WantLargePages((char *) chunk, size);
	return chunk;
}

/* Room for more rows: the first chunk doubles, the others are of full size. */
static void
GrowSegment(FrameBuilder *b, Segment *s)
{
	MemoryContext old = MemoryContextSwitchTo(b->cxt);

	if (s->room >= ChunkRows(s))
	{
		s->chunks = repalloc(s->chunks, sizeof(uint8 *) * (s->nchunks + 1));
		s->chunks[s->nchunks++] = NewChunk(b, s);
		s->room += ChunkRows(s);
	}
	else if (s->nchunks == 0)
	{
		s->room = FIRST_SEGMENT_ROWS;
		s->chunks = palloc(sizeof(uint8 *));
		s->chunks[s->nchunks++] = palloc((Size) s->size * s->room);
	}
	else
	{
		s->room *= 2;
		s->chunks[0] = repalloc_huge(s->chunks[0], (Size) s->size * s->room);
		if (s->deduplicate)
			WantLargePages((char *) s->chunks[0], (Size) s->size * s->room);
	}
	MemoryContextSwitchTo(old);
}

static void
FreeSegment(Segment *s)
{
	for (int i = 0; i < s->nchunks; i++)
		pfree(s->chunks[i]);
	if (s->chunks != NULL)
		pfree(s->chunks);
	if (s->slots != NULL)
		pfree(s->slots);
	pfree(s->layout.widths);
	pfree(s->layout.offsets);
	pfree(s);
}

/* The chunks that are kept; there is other use for the memory now. */
void
FreeChunks(FrameBuilder *b)
{
	while (b->nfree > 0)
		pfree(b->free[--b->nfree]);
}

/* Chunks of full size are kept if they are as large as the last segment's. */
static void
KeepChunks(FrameBuilder *b, Segment *s)
{
	Size		size = (Size) s->size * ChunkRows(s);

	if (s->nchunks < 2)
		return;
	if (b->free_size != size)
		FreeChunks(b);
	b->free_size = size;
	b->free = b->free == NULL ?
		MemoryContextAlloc(b->cxt, sizeof(uint8 *) * s->nchunks) :
		repalloc(b->free, sizeof(uint8 *) * (b->nfree + s->nchunks));
	while (s->nchunks > 1)
		b->free[b->nfree++] = s->chunks[--s->nchunks];
}

void
FreeSegments(FrameBuilder *b)
{
	for (int i = 0; i < b->nsegments; i++)
	{
		KeepChunks(b, b->segments[i]);
		FreeSegment(b->segments[i]);
	}
	b->nsegments = 0;
	b->layout_changed = true;
}

/* ---- rows ---- */

/* The place of the next row. */
static inline RowHead *
NextRow(FrameBuilder *b)
{
	Segment    *s = b->segments[b->nsegments - 1];
	int64		row = SegmentRows(s);

	if (row == s->room)
		GrowSegment(b, s);
	return SegmentRow(s, row);
}

void
BeginRow(FrameBuilder *b)
{
	Segment    *s;

	if (b->layout_changed)
		StartSegment(b);
	s = b->segments[b->nsegments - 1];
	if (s->npending == BATCH_ROWS)
	{
		FlushPending(s);
		if (s->nrows + BATCH_ROWS > s->room && s->room >= ChunkRows(s))
		{
			SpillIfLarge(b);
			if (b->layout_changed)
				StartSegment(b);
			s = b->segments[b->nsegments - 1];
		}
		if (s->nrows >= PG_UINT32_MAX - 2 * BATCH_ROWS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a frame cannot hold more than %u different rows", PG_UINT32_MAX)));
	}
	b->cells = RowCells(NextRow(b));
	b->hash = 0;
}

/* The row that is being added goes to a segment of the new layout. */
static void
MoveRow(FrameBuilder *b)
{
	Segment    *old = b->segments[b->nsegments - 1];
	const Layout *from = &old->layout;
	const uint8 *cells = b->cells;

	StartSegment(b);
	b->cells = RowCells(NextRow(b));
	for (int i = 0; i < from->ncolumns; i++)
		WriteCell(b->cells + b->columns[i]->offset, b->columns[i]->width,
				  ReadCell(cells + from->offsets[i], from->widths[i]));
	if (SegmentRows(old) == 0)
	{
		/* many columns may change at the same row */
		b->segments[b->nsegments - 2] = b->segments[b->nsegments - 1];
		b->nsegments--;
		FreeSegment(old);
	}
}

/* One cell of the row: a code, or the bits of a number. */
void
PutCell(FrameBuilder *b, BuilderColumn *bc, uint64 v)
{
	if (unlikely(b->layout_changed))
		MoveRow(b);				/* this very value may have changed it */
	WriteCell(b->cells + bc->offset, bc->width, v);
	b->hash += CellHash(bc, v);
}

/*
 * Add a row of an older layout, whose codes are the builder's, as if it came
 * now.
 */
static void
AddOldRow(FrameBuilder *b, const Layout *l, const RowHead *row)
{
	BeginRow(b);
	for (int i = 0; i < b->ncolumns; i++)
	{
		BuilderColumn *bc = b->columns[i];
		int			width = i < l->ncolumns ? l->widths[i] : 0;
		uint64		v = width == 0 ? 0 : ReadCell(RowCells(row) + l->offsets[i], width);

		if (bc->c.store == STORE_NUMBERS && width < 8)
			v = v == 0 ? FRAME_NULL_BITS : DoubleBits(bc->c.numbers[v - 1]);
		PutCell(b, bc, v);
	}
	EndRow(b, row->pos, row->neg);
}

static void
AddOldRun(FrameBuilder *b, const Run *run)
{
	FileRows	r;

	OpenRows(&r, run);
	while (ReadNextRows(&r))
		for (int i = 0; i < r.n; i++)
			AddOldRow(b, &run->layout, (RowHead *) (r.rows + (Size) i * r.size));
	pfree(r.rows);
}

/*
 * A column lost its values, and with them its part in the hashes: add all rows
 * once more.  This happens at most once a column.
 */
void
AddAllAgain(FrameBuilder *b)
{
	int			nsegments = b->nsegments,
				nruns = b->nruns;
	Segment   **segments = b->segments;
	Run		  **runs = b->runs;

	b->overflowed = false;
	b->segments = NULL;
	b->nsegments = 0;
	b->runs = NULL;
	b->nruns = 0;
	b->layout_changed = true;
	for (int i = 0; i < nsegments; i++)
	{
		for (int64 r = 0; r < SegmentRows(segments[i]); r++)
		{
			if (r % ROWS_PER_INTERRUPT == 0)
				CHECK_FOR_INTERRUPTS();
			AddOldRow(b, &segments[i]->layout, SegmentRow(segments[i], r));
		}
		FreeSegment(segments[i]);
	}
	for (int i = 0; i < nruns; i++)
	{
		if (runs[i]->file != 0)
			AddOldRun(b, runs[i]);
		else
			AbsorbRun(b, runs[i]);
		CloseRun(runs[i]);
	}
}

/* The row is complete. */
void
EndRow(FrameBuilder *b, uint32 pos, uint32 neg)
{
	RowHead    *row = (RowHead *) (b->cells - sizeof(RowHead));

	row->hash = b->hash;
	row->pos = pos;
	row->neg = neg;
	b->segments[b->nsegments - 1]->npending++;
	if (unlikely(b->overflowed))
		AddAllAgain(b);
}
