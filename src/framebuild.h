/*-------------------------------------------------------------------------
 *
 * framebuild.h
 *	  What the files that build frames share (framebuild.c, framesegment.c,
 *	  framefinish.c): the builder's columns and segments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FRAMEBUILD_H
#define LEADSCORE_FRAMEBUILD_H

#include "frame.h"

#define ROWS_PER_INTERRUPT	16384

/*
 * Rows of one layout.  Columns beyond ncolumns did not exist yet and are NULL.
 * The rows before nrows are all different if there are slots; the last npending
 * ones have not been looked at yet.
 */
typedef struct Segment
{
	int			ncolumns;
	int		   *widths;
	int		   *offsets;
	bool		narrow;			/* no width but 0 and 1 */
	int			nbytes;			/* if so: the columns of width 1 */
	int		   *byte_columns;
	int			stride;
	int64		nrows;
	int			npending;
	int64		capacity;
	int64		ninserted;
	uint8	   *cells;
	uint32	   *pos;
	uint32	   *neg;
	int			slot_bits;
	uint64	   *slots;			/* hash << 32 | row + 1, 0 free; or NULL */
} Segment;

static inline int64
SegmentRows(const Segment *s)
{
	return s->nrows + s->npending;
}

#define DIRECT_CODES	256

typedef struct BuilderColumn
{
	FrameColumn c;				/* nvalues and the values in order of arrival */
	int			allocated;
	struct numdict_hash *numdict;
	struct textdict_hash *textdict;
	uint16	   *direct;			/* code of the integers 0 … 255, or 0; or NULL */
} BuilderColumn;

struct FrameBuilder
{
	MemoryContext cxt;
	int			max_distinct;
	char	   *timezone;
	int			ncolumns;
	int			allocated;
	BuilderColumn **columns;
	uint64	   *coded;			/* of the row being added: code, or bits */
	int64		rows;
	int64		positives;
	int64		unknown;
	bool		layout_changed;
	int			nsegments;
	Segment   **segments;
};

static inline uint64
Mix64(uint64 h)
{
	h ^= h >> 32;
	h *= UINT64CONST(0xd6e8feb86659fd93);
	h ^= h >> 32;
	h *= UINT64CONST(0xd6e8feb86659fd93);
	h ^= h >> 32;
	return h;
}

/* Hash of a packed row, of its bytes as they lie in memory. */
static inline uint64
HashBytes64(const uint8 *p, int n)
{
	uint64		h = UINT64CONST(0x9e3779b97f4a7c15) ^ (uint64) n,
				v;

	while (n >= 8)
	{
		memcpy(&v, p, 8);
		h = (h ^ v) * UINT64CONST(0xff51afd7ed558ccd);
		h ^= h >> 29;
		p += 8;
		n -= 8;
	}
	if (n > 0)
	{
		v = 0;
		memcpy(&v, p, n);
		h = (h ^ v) * UINT64CONST(0xff51afd7ed558ccd);
		h ^= h >> 29;
	}
	return Mix64(h);
}

/* Bytes of a code for a dictionary of n values. */
static inline int
CodeWidth(int n)
{
	return n <= 255 ? 1 : n <= 65535 ? 2 : 4;
}

/* Bytes of a cell of the column in a pattern. */
static inline int
StoreWidth(const FrameColumn *c)
{
	switch (c->store)
	{
		case STORE_DICTIONARY:
			return CodeWidth(c->nvalues);
		case STORE_NUMBERS:
			return 8;
		default:
			return 0;
	}
}

/*
 * The row being added: a small whole number that was seen before.  False: use
 * FrameBuilderCodeCell().
 */
static inline bool
FrameBuilderCodeSmall(FrameBuilder *b, int column, int64 v)
{
	const uint16 *direct = b->columns[column]->direct;
	uint16		code;

	if ((uint64) v >= DIRECT_CODES || direct == NULL || (code = direct[v]) == 0)
		return false;
	b->coded[column] = code;
	return true;
}

/* framesegment.c */
extern void FrameBuilderStoreCoded(FrameBuilder *b, uint32 pos, uint32 neg);
pg_noreturn extern void CountOverflow(void);

/* Counts are 32 bits wide; more than that is an error. */
static inline void
AddCount(uint32 *count, int64 n)
{
	if (unlikely(n > PG_UINT32_MAX - *count))
		CountOverflow();
	*count += (uint32) n;
}

#endif							/* LEADSCORE_FRAMEBUILD_H */
