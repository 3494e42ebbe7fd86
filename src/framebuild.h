/*-------------------------------------------------------------------------
 *
 * framebuild.h
 *	  What the files that build frames share: the builder's columns, its rows
 *	  in memory, its runs of sorted rows, and how all of them are merged.
 *
 *	framebuild.c	rows in: dictionaries, codes, hashes
 *	framesegment.c	rows of codes in memory, equal ones counted
 *	framespill.c	what does not fit: runs of sorted rows in temporary files
 *	frameabsorb.c	other frames in
 *	framemerge.c	segments and runs out, in the order of the rows' hashes
 *	framefinish.c	the canonical frame
 *	framesubtract.c, framepart.c	frames of some of a frame's rows
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FRAMEBUILD_H
#define LEADSCORE_FRAMEBUILD_H

#include "storage/fd.h"

#include "frame.h"

#define ROWS_PER_INTERRUPT	16384

/* How the codes of a row lie in memory. */
typedef struct Layout
{
	int			ncolumns;		/* columns beyond did not exist yet: NULL */
	int		   *widths;			/* 0, 1, 2, 4, 8 */
	int		   *offsets;
	int			stride;
} Layout;

/* A row in a segment or a run: this, then its cells. */
typedef struct RowHead
{
	uint32		hash;			/* the sum of its cells' hashes */
	uint32		pos;
	uint32		neg;
} RowHead;

#define RowCells(row)	((uint8 *) (row) + sizeof(RowHead))
#define RowSize(stride)	((int) TYPEALIGN(sizeof(uint32), sizeof(RowHead) + (stride)))

/*
 * Rows of one layout, in chunks.  The rows before nrows are all different if
 * equal ones are looked for; the last npending ones have not been looked at yet.
 */
typedef struct Segment
{
	Layout		layout;
	int			size;			/* of a row */
	int64		nrows;
	int			npending;
	int64		room;			/* rows in all chunks */
	int			chunk_bits;		/* log2 of a chunk's rows; the first may be smaller */
	int			nchunks;
	uint8	  **chunks;
	int64		ninserted;
	bool		deduplicate;	/* equal rows are looked for */
	int			slot_bits;
	uint64	   *slots;			/* hash << 32 | row + 1, 0 free; NULL before it has rows */
} Segment;

static inline RowHead *
SegmentRow(const Segment *s, int64 row)
{
	return (RowHead *) (s->chunks[row >> s->chunk_bits] +
						(row & (((int64) 1 << s->chunk_bits) - 1)) * s->size);
}

static inline int64
ChunkRows(const Segment *s)
{
	return (int64) 1 << s->chunk_bits;
}

static inline int64
SegmentRows(const Segment *s)
{
	return s->nrows + s->npending;
}

/*
 * Rows in the order of their hashes: in a file, or those of a frame.  A frame's
 * codes are its own: maps (or numbers) say what they are for the builder.
 */
typedef struct Run
{
	Layout		layout;
	int64		nrows;
	int			level;			/* how often its rows were merged before */
	File		file;			/* rows as in segments; or 0 */
	uint8	   *cells;			/* a frame's patterns */
	uint32	   *pos;
	uint32	   *neg;
	uint32	   *hashes;
	int		   *ncodes;			/* per column */
	uint32	  **maps;			/* per column: its code -> the builder's, or NULL */
	double	  **numbers;		/* per column: of its code - 1, or NULL */
} Run;

/* The rows of a run's file, some at a time. */
typedef struct FileRows
{
	const Run  *run;
	int			size;			/* of a row */
	int64		next;			/* row to read */
	int			n;				/* rows read last */
	uint8	   *rows;
} FileRows;

/* A run knows nothing of columns that came after it. */
static inline const uint32 *
RunMap(const Run *run, int column)
{
	return run != NULL && run->maps != NULL && column < run->layout.ncolumns ?
		run->maps[column] : NULL;
}

static inline const double *
RunNumbers(const Run *run, int column)
{
	return run != NULL && run->numbers != NULL && column < run->layout.ncolumns ?
		run->numbers[column] : NULL;
}

/* Whole numbers below this have a short way to their code. */
#define DIRECT_CODES	256

typedef struct RecentCode RecentCode;

typedef struct BuilderColumn
{
	/* what a cell of the row being added needs */
	uint64	   *direct;			/* hash << 32 | code of a whole number, 0: unknown */
	int			ndirect;		/* numbers below have a place in direct */
	int			fast;			/* the same if codes are one byte wide, else 0 */
	int			width;			/* as in the last segment */
	int			offset;
	uint32	   *hashes;			/* by code; that of NULL is 0 */
	uint64		seed;			/* of the hashes of its cells */

	FrameColumn c;				/* nvalues and the values in order of arrival */
	bool		provisional;	/* plain numbers, but perhaps there are few */
	int			allocated;
	struct numdict_hash *numdict;
	struct textdict_hash *textdict;
	RecentCode *recent;			/* of texts, or NULL */
	int			nrecent;		/* places in it */
} BuilderColumn;

struct FrameBuilder
{
	MemoryContext cxt;
	Size		limit;			/* bytes in memory; 0 for no limit */
	int			max_distinct;
	char	   *timezone;
	int			ncolumns;
	int			allocated;
	int			nspare;			/* columns that are made, but not in use */
	BuilderColumn *spare;
	BuilderColumn **columns;	/* those of rows one behind the other */
	int64		rows;
	int64		positives;
	int64		unknown;
	uint8	   *cells;			/* of the row being added, in the last segment */
	uint32		hash;			/* of its cells so far */
	bool		layout_changed;
	bool		overflowed;		/* a column did: all rows must be added again */
	int			nsegments;
	Segment   **segments;
	int			nruns;
	Run		  **runs;
	/* chunks whose rows went to a file, for the next ones */
	int			nfree;
	uint8	  **free;
	Size		free_size;		/* of each */
};

/* Number -> code.  framebuild.c has the functions. */
typedef struct NumberEntry
{
	uint64		bits;
	uint32		code;
	char		status;
} NumberEntry;

#define SH_PREFIX numdict
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE uint64
#define SH_SCOPE extern
#define SH_DECLARE
#include "lib/simplehash.h"

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

/*
 * The hash of a number in a column; a NULL's is 0.  A row's hash is the sum of
 * its cells': it depends on values alone, not on codes or on the columns'
 * order, and a column that is added later changes nothing.
 */
static inline uint32
NumberHash(uint64 seed, uint64 bits)
{
	uint64		h = (bits ^ seed) * UINT64CONST(0xff51afd7ed558ccd);

	return (uint32) (((h ^ (h >> 32)) * UINT64CONST(0xd6e8feb86659fd93)) >> 32);
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

static inline uint64
ReadCell(const uint8 *p, int width)
{
	uint16		v16;
	uint32		v32;
	uint64		v64;

	switch (width)
	{
		case 1:
			return *p;
		case 2:
			memcpy(&v16, p, 2);
			return v16;
		case 4:
			memcpy(&v32, p, 4);
			return v32;
		case 8:
			memcpy(&v64, p, 8);
			return v64;
	}
	return 0;
}

static inline void
WriteCell(uint8 *p, int width, uint64 v)
{
	uint16		v16 = (uint16) v;
	uint32		v32 = (uint32) v;

	switch (width)
	{
		case 1:
			*p = (uint8) v;
			break;
		case 2:
			memcpy(p, &v16, 2);
			break;
		case 4:
			memcpy(p, &v32, 4);
			break;
		case 8:
			memcpy(p, &v, 8);
			break;
	}
}

/* ---- a row being added ---- */

/*
 * The short ways: a small whole number that was seen before, a finite number of
 * a column that stores them plainly.  `cells` is b->cells, which only
 * FrameBuilderCodeCell() may change.  They return 0 where FrameBuilderCodeCell()
 * has to look, else what the caller has to add up in a variable of its own,
 * shifted down by HASH_SHIFT, for FrameBuilderAddHash(): a sum in memory would
 * make every cell wait for the one before.
 */
#define HASH_SHIFT	32

static inline uint64
FrameBuilderCodeSmall(uint8 *cells, const BuilderColumn *bc, int64 v)
{
	uint64		known;

	if ((uint64) v >= (uint64) bc->fast)
		return 0;
	known = bc->direct[v];
	if (known != 0)
		cells[bc->offset] = (uint8) known;
	return known;
}

static inline uint64
FrameBuilderCodePlain(uint8 *cells, const BuilderColumn *bc, double x)
{
	uint64		bits;

	if (bc->width != 8 || !(x - x == 0))
		return 0;
	bits = DoubleBits(x + 0.0);	/* no negative zero */
	memcpy(cells + bc->offset, &bits, 8);
	return (uint64) NumberHash(bc->seed, bits) << HASH_SHIFT | 1;
}

static inline void
FrameBuilderAddHash(FrameBuilder *b, uint32 hash)
{
	b->hash += hash;
}

/* ---- framebuild.c ---- */

extern uint32 TextCode(FrameBuilder *b, BuilderColumn *bc, const char *text, int len);
extern uint64 NumberCode(FrameBuilder *b, BuilderColumn *bc, double x);
extern void Overflow(FrameBuilder *b, BuilderColumn *bc);
extern void StorePlainly(FrameBuilder *b, BuilderColumn *bc, bool provisional);

/* What a cell adds to its row's hash. */
static inline uint32
CellHash(const BuilderColumn *bc, uint64 v)
{
	if (bc->c.store == STORE_NUMBERS)
		return v == FRAME_NULL_BITS ? 0 : NumberHash(bc->seed, v);
	return bc->c.store == STORE_DICTIONARY && v > 0 ? bc->hashes[v] : 0;
}

/* ---- framesegment.c ---- */

extern Layout CurrentLayout(const FrameBuilder *b);
extern void BeginRow(FrameBuilder *b);
extern void PutCell(FrameBuilder *b, BuilderColumn *bc, uint64 v);
extern void EndRow(FrameBuilder *b, uint32 pos, uint32 neg);
extern void FreeSegments(FrameBuilder *b);
extern void FreeChunks(FrameBuilder *b);
extern void AddAllAgain(FrameBuilder *b);
pg_noreturn extern void CountOverflow(void);

/* Counts are 32 bits wide; more than that is an error. */
static inline void
AddCount(uint32 *count, int64 n)
{
	if (unlikely(n > PG_UINT32_MAX - *count))
		CountOverflow();
	*count += (uint32) n;
}

extern void *AllocRows(Size size);

/* ---- framespill.c ---- */

extern void SpillIfLarge(FrameBuilder *b);
extern void AddRun(FrameBuilder *b, Run *run);
extern void CloseRun(Run *run);

/* Bytes of rows that are read or written at once; a larger row is one by itself. */
#define FILE_BUFFER		(64 * 1024)

extern File CreateRowFile(void);
extern void ReadRows(File file, int64 first, int n, int size, void *rows);
extern void WriteRows(File file, int64 first, int n, int size, const void *rows);
extern void OpenRows(FileRows *r, const Run *run);
extern bool ReadNextRows(FileRows *r);	/* false after the last ones */

/* ---- frameabsorb.c ---- */

extern void AbsorbRun(FrameBuilder *b, const Run *run);

/* ---- framesubtract.c ---- */

extern void PruneDictionary(Frame *frame, FrameColumn *c);

/* ---- framemerge.c ---- */

/* How a cell of a segment or a run becomes a cell of the target. */
typedef struct CellPlan
{
	int			from;
	int			from_width;		/* 0: the column did not exist, or has no cells */
	int			to;
	int			to_width;
	bool		plain;			/* the target has plain numbers */
	const uint32 *codes;		/* code -> target's code; NULL: the same */
	const double *numbers;		/* code - 1 -> number, where the target is plain */
	struct numdict_hash *values;	/* number -> target's code, where it is not */
} CellPlan;

/*
 * A row is copied as far as both layouts go, and then the cells that do not stay
 * where and as they are rewritten.
 */
typedef struct RowPlan
{
	int			ncopied;		/* bytes; 0 if no cell stays */
	int			ncells;
	int			nnarrow;		/* the first so many: codes of one byte each */
	CellPlan   *cells;
	uint8		(*maps)[256];	/* of the narrow ones, as bytes */
} RowPlan;

/* What rows are made into: a layout, and codes in its terms. */
typedef struct Target
{
	Layout		layout;
	const int  *columns;		/* per column of the target: of the builder */
	uint32	  **maps;			/* builder's code -> target's, or NULL each */
	struct numdict_hash **values;	/* number -> target's code, or NULL each */
} Target;

/* Where merged rows go: to arrays, or to a file of rows as in segments. */
typedef struct RowSink
{
	int			stride;
	int64		nrows;
	uint8	   *cells;
	uint32	   *pos;
	uint32	   *neg;
	uint32	   *hashes;			/* or NULL */
	File		file;			/* or 0 */
	uint8	   *buffer;
	int			size;
	int			nbuffered;
} RowSink;

/* framespill.c: the frame's patterns are those of the sink */
extern void FrameTakeRows(Frame *f, const RowSink *sink);

extern int64 SegmentedRows(const FrameBuilder *b);
extern void SinkToMemory(RowSink *sink, uint8 *cells, int stride, int64 most, bool hashes);
extern void SinkToFile(RowSink *sink, int stride);
extern void MergeRows(const FrameBuilder *b, bool segments, Run **runs, int nruns,
					  const Target *target, RowSink *sink);

#endif							/* LEADSCORE_FRAMEBUILD_H */
