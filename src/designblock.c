/*-------------------------------------------------------------------------
 *
 * designblock.c
 *	  Blocks of design rows from the patterns of a frame.
 *
 * The solver reads the rows some five times, and each time the codes are looked
 * up anew: that takes no memory, and hardly longer than to read what was looked
 * up before.  Most codes of a column of counts or rare levels have no entry.
 * So the bytes of a pattern are compared eight at a time with those of a
 * pattern without entries, and only columns that differ are looked up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "design.h"

/* The first entry of a code; the others follow in the table.  n = 0: none */
typedef struct CodeEntry
{
	double		value;
	int			column;
	int			n;
} CodeEntry;

/* How the cell that begins at some byte of a pattern gives entries. */
typedef enum SlotKind
{
	SLOT_BYTE,					/* a code of one byte */
	SLOT_CODE,					/* a wider code */
	SLOT_BINS,					/* a plain number in bins */
	SLOT_NULL					/* looked at only where it is NULL */
} SlotKind;

typedef struct Slot
{
	SlotKind	kind;
	const FeatureTable *t;
	CodeEntry  *codes;
} Slot;

/* The bytes of a pattern by 64, so that a word has a bit for each. */
#define GROUP_BYTES		64

typedef struct GroupWord
{
	int			at;				/* byte in the group */
	uint64		empty;			/* codes that have no entry */
	uint64		care;			/* bytes where that matters */
} GroupWord;

typedef struct ByteGroup
{
	int			first;			/* byte of a pattern */
	int			nwords;
	GroupWord	words[GROUP_BYTES / 8];
	uint64		always;			/* cells that are looked up in every row */
	int			nnulls;
	int			null[GROUP_BYTES];	/* bytes where a SLOT_NULL begins */
} ByteGroup;

struct DesignBlocks
{
	const FrameStats *stats;
	int			ndense;
	const FeatureTable **dense_tables;
	Slot	   *slots;			/* by byte of a pattern */
	int			ngroups;		/* 0: no table has entries */
	ByteGroup  *groups;
	uint8	   *last;			/* one of the last patterns of a block, with room behind it */
	double	   *dense;
	int			most_entries;	/* that one row can have */
	int			capacity;
	int		   *start;
	int		   *index;
	double	   *value;
	double	   *pos;
	double	   *neg;
	double	   *weight;
	double	   *offset;
};

/* A bit for every byte of x that is not 0, that of the first byte lowest. */
static inline uint64
NonZeroBytes(uint64 x)
{
	const uint64 low = UINT64CONST(0x7f7f7f7f7f7f7f7f);

#ifdef WORDS_BIGENDIAN
	x = pg_bswap64(x);
#endif
	x = (((x & low) + low) | x) & ~low;
	return ((x >> 7) * UINT64CONST(0x0102040810204080)) >> 56;
}

static inline bool
CellIsNull(const FrameColumn *c, const uint8 *pattern)
{
	return c->store == STORE_NUMBERS ?
		FrameNumberBits(c, pattern) == FRAME_NULL_BITS : FrameCode(c, pattern) == 0;
}

/* Which cells of a pattern are to be looked up; seven more bytes are behind it. */
static inline uint64
FindCells(const DesignBlocks *d, const ByteGroup *group, const uint8 *pattern)
{
	const uint8 *bytes = pattern + group->first;
	uint64		found = group->always;

	for (int k = 0; k < group->nwords; k++)
	{
		const GroupWord *word = &group->words[k];
		uint64		x;

		memcpy(&x, bytes + word->at, 8);
		found |= NonZeroBytes((x ^ word->empty) & word->care) << word->at;
	}
	for (int k = 0; k < group->nnulls; k++)
		if (CellIsNull(d->slots[group->first + group->null[k]].t->c, pattern))
			found |= UINT64CONST(1) << group->null[k];
	return found;
}

/* Entries are appended at n of index and value; the new n is returned. */
static inline int
AppendCode(const Slot *slot, uint32 code, int *index, double *value, int n)
{
	const CodeEntry *e = &slot->codes[code];

	index[n] = e->column;
	value[n] = e->value;
	for (int i = 1; i < e->n; i++)
	{
		index[n + i] = slot->t->column[slot->t->start[code] + i];
		value[n + i] = slot->t->value[slot->t->start[code] + i];
	}
	return n + e->n;
}

static int
AppendBin(const Slot *slot, const uint8 *pattern, int *index, double *value, int n)
{
	const Feature *f = slot->t->f;
	double		x;

	if (!FrameNumber(slot->t->c, pattern, &x))
		return AppendCode(slot, 0, index, value, n);
	index[n] = f->bin_columns[FindBin(f, x)];
	value[n] = 1;
	return n + (index[n] >= 0);
}

static int
AppendRow(const DesignBlocks *d, const uint8 *pattern, int *index, double *value,
		  int n)
{
	for (int g = 0; g < d->ngroups; g++)
	{
		const ByteGroup *group = &d->groups[g];
		const uint8 *bytes = pattern + group->first;
		const Slot *slots = d->slots + group->first;

		for (uint64 found = FindCells(d, group, pattern); found != 0; found &= found - 1)
		{
			int			at = pg_rightmost_one_pos64(found);
			const Slot *slot = &slots[at];

			if (slot->kind == SLOT_BYTE)
				n = AppendCode(slot, bytes[at], index, value, n);
			else if (slot->kind == SLOT_CODE)
				n = AppendCode(slot, FrameCode(slot->t->c, pattern), index, value, n);
			else if (slot->kind == SLOT_BINS)
				n = AppendBin(slot, pattern, index, value, n);
			else
				n = AppendCode(slot, 0, index, value, n);
		}
	}
	return n;
}

static void
FillEntries(DesignBlocks *d, const PatternBlock *b)
{
	int			stride = d->stats->frame->stride;
	int			n = 0;

	for (int i = 0; i < b->n; i++)
	{
		const uint8 *pattern = b->cells + (size_t) i * stride;

		if (n + d->most_entries > d->capacity)
		{
			d->capacity = d->capacity * 2 + d->most_entries;
			d->index = repalloc_huge(d->index, sizeof(int) * d->capacity);
			d->value = repalloc_huge(d->value, sizeof(double) * d->capacity);
		}
		if ((b->n - i) * stride < stride + 8)	/* behind it is too little */
			pattern = memcpy(d->last, pattern, stride);
		d->start[i] = n;
		n = AppendRow(d, pattern, d->index, d->value, n);
	}
	d->start[b->n] = n;
}

/* The values of a dense column in n patterns, on the solver's scale. */
static void
FillColumn(const FeatureTable *t, const uint8 *cells, int n, int stride, double *out)
{
	const FrameColumn *c = t->c;
	double		center = t->center;
	double		inverse = 1 / t->scale;

	if (!t->plain)
		for (int i = 0; i < n; i++)
			out[i] = t->dense[FrameCode(c, cells + (size_t) i * stride)];
	else if (t->f->transform == TRANSFORM_NONE && !t->nulls)
	{
		const uint8 *cell = cells + c->offset;

		for (int i = 0; i < n; i++, cell += stride)
		{
			double		x;

			memcpy(&x, cell, sizeof(double));
			out[i] = (x - center) * inverse;
		}
	}
	else
		for (int i = 0; i < n; i++)
		{
			double		x;

			if (!FrameNumber(c, cells + (size_t) i * stride, &x))
				out[i] = t->dense[0];
			else if (t->f->transform == TRANSFORM_LOG1P)
				out[i] = (log1p(x) - center) * inverse;
			else
				out[i] = (x - center) * inverse;
		}
}

/* So many patterns at a time stay in the cache while their columns are read. */
#define DENSE_CHUNK		32

static void
FillDense(DesignBlocks *d, const PatternBlock *b)
{
	int			stride = d->stats->frame->stride;

	for (int first = 0; first < b->n; first += DENSE_CHUNK)
	{
		const uint8 *cells = b->cells + (size_t) first * stride;
		int			n = Min(DENSE_CHUNK, b->n - first);

		for (int k = 0; k < d->ndense; k++)
		{
			double	   *out = d->dense + (size_t) k * DESIGN_BLOCK_ROWS + first;

			FillColumn(d->dense_tables[k], cells, n, stride, out);
			for (int i = n; i % DESIGN_LANES != 0; i++)
				out[i] = 0;
		}
	}
}

void
DesignBlocksFill(void *arg, int64 first, int n, DesignBlock *block)
{
	DesignBlocks *d = arg;
	const FrameStats *s = d->stats;
	int			stride = s->frame->stride;
	PatternBlock b;

	FrameRead(s->frame, first, n, &b);
	if (d->ngroups > 0)
		FillEntries(d, &b);
	FillDense(d, &b);
	for (int i = 0; i < n; i++)
	{
		d->pos[i] = b.pos[i];
		d->neg[i] = b.neg[i];
	}
	for (int i = 0; i < n && d->weight; i++)
		d->weight[i] = PatternWeight(s, b.cells + (size_t) i * stride);
	for (int i = 0; i < n && d->offset; i++)
		(void) FrameNumber(s->offset, b.cells + (size_t) i * stride, &d->offset[i]);
	for (int i = n; i % DESIGN_LANES != 0; i++)
	{
		d->pos[i] = d->neg[i] = 0;
		if (d->weight)
			d->weight[i] = 0;
		if (d->offset)
			d->offset[i] = 0;
	}
	block->n = n;
	block->dense = d->dense;
	block->start = d->start;	/* all 0 where there are no entries */
	block->index = d->index;
	block->value = d->value;
	block->pos = d->pos;
	block->neg = d->neg;
	block->weight = d->weight;
	block->offset = d->offset;
}

/*
 * The code without entries that most rows have, or that no row has; -1 where
 * every code of one byte has entries.
 */
static int
EmptyCode(const FrameStats *s, const FeatureTable *t)
{
	const ColumnStats *cs = &s->columns[t->c - s->frame->columns];
	int			best = t->ncodes <= PG_UINT8_MAX ? t->ncodes : -1;
	int64		most = 0;

	for (int code = 0; code < t->ncodes; code++)
	{
		int64		rows = cs->values[code].pos + cs->values[code].neg;

		if (t->start[code + 1] == t->start[code] && rows > most)
		{
			best = code;
			most = rows;
		}
	}
	return best;
}

static CodeEntry *
FirstEntries(const FeatureTable *t)
{
	CodeEntry  *e = palloc0(sizeof(CodeEntry) * t->ncodes);

	for (int code = 0; code < t->ncodes; code++)
	{
		int			start = t->start[code];

		e[code].n = t->start[code + 1] - start;
		if (e[code].n > 0)
		{
			e[code].column = t->column[start];
			e[code].value = t->value[start];
		}
	}
	return e;
}

/* Where and when the cells of a table are to be looked up, if ever. */
static void
AddSlot(DesignBlocks *d, const FeatureTable *t)
{
	int			at = t->c->offset % GROUP_BYTES;
	ByteGroup  *group = &d->groups[t->c->offset / GROUP_BYTES];
	Slot	   *slot = &d->slots[t->c->offset];
	bool		of_null = t->start[1] > t->start[0];
	bool		of_others = t->start[t->ncodes] > t->start[1] ||
		t->f->kind == FEATURE_BINS;
	int			empty;

	if (!of_null && !of_others)
		return;
	slot->t = t;
	slot->codes = FirstEntries(t);
	d->ngroups = Max(d->ngroups, t->c->offset / GROUP_BYTES + 1);
	if (!of_others)
	{
		slot->kind = SLOT_NULL;
		if (t->nulls)
			group->null[group->nnulls++] = at;
		return;
	}
	slot->kind = t->plain ? SLOT_BINS : t->c->width == 1 ? SLOT_BYTE : SLOT_CODE;
	if (slot->kind == SLOT_BYTE && (empty = EmptyCode(d->stats, t)) >= 0)
	{
		GroupWord  *word;

		if (group->nwords == 0 || group->words[group->nwords - 1].at != at - at % 8)
			group->words[group->nwords++].at = at - at % 8;
		word = &group->words[group->nwords - 1];
		((uint8 *) &word->empty)[at % 8] = (uint8) empty;
		((uint8 *) &word->care)[at % 8] = 0xff;
	}
	else
		group->always |= UINT64CONST(1) << at;
}

DesignBlocks *
DesignBlocksCreate(const FrameStats *s, const FeatureTable *tables, int ntables)
{
	DesignBlocks *d = palloc0(sizeof(DesignBlocks));
	int			stride = s->frame->stride;

	d->stats = s;
	d->dense_tables = palloc(sizeof(FeatureTable *) * Max(ntables, 1));
	d->slots = palloc0(sizeof(Slot) * (stride + 1));
	d->groups = palloc0(sizeof(ByteGroup) * (stride / GROUP_BYTES + 1));
	for (int g = 0; g <= stride / GROUP_BYTES; g++)
		d->groups[g].first = g * GROUP_BYTES;
	d->last = palloc0(stride + 8);
	d->most_entries = 1;
	for (int k = 0; k < ntables; k++)
	{
		const FeatureTable *t = &tables[k];
		int			longest = 1;

		Assert(k == 0 || tables[k - 1].c->offset < t->c->offset);
		for (int code = 0; code < t->ncodes; code++)
			longest = Max(longest, t->start[code + 1] - t->start[code]);
		d->most_entries += longest;
		if (t->dense)
			d->dense_tables[d->ndense++] = t;
		AddSlot(d, t);
	}
	d->dense = palloc_extended(sizeof(double) * DESIGN_BLOCK_ROWS * Max(d->ndense, 1),
							   MCXT_ALLOC_HUGE);
	d->capacity = DESIGN_BLOCK_ROWS * 16;
	d->start = palloc0(sizeof(int) * (DESIGN_BLOCK_ROWS + 1));
	d->index = palloc(sizeof(int) * d->capacity);
	d->value = palloc(sizeof(double) * d->capacity);
	d->pos = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	d->neg = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	d->weight = s->weight ? palloc(sizeof(double) * DESIGN_BLOCK_ROWS) : NULL;
	d->offset = s->offset ? palloc(sizeof(double) * DESIGN_BLOCK_ROWS) : NULL;
	return d;
}
