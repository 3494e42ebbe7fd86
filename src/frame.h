/*-------------------------------------------------------------------------
 *
 * frame.h
 *	  The frame: a training set as one value.
 *
 * A frame has columns and patterns.  A column is a sorted dictionary of the
 * values that occur, or plain numbers where there are too many different ones
 * to gain by a dictionary, or nothing but counts where it was left out.  A
 * pattern is a row of dictionary codes (or numbers) that occurs at least once,
 * with the number of positives and negatives that have it.  Patterns are in
 * the order of a hash of their bytes, so that the same rows make the same
 * frame whatever order they came in and however the work was divided.
 *
 *	columns		 city (dictionary)	 clicks (dictionary)	amount (numbers)
 *				 1 Oslo				 1 0					-
 *				 2 Paris			 2 3
 *	patterns	 |1|1|12.50 |  3 positives, 1 negative
 *				 |2|2|  NULL|  0 positives, 7 negatives
 *
 * Code 0 is NULL; code k is the k-th value of the dictionary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FRAME_H
#define LEADSCORE_FRAME_H

#include "leadscore.h"

/* A number column with more different values than this is stored plainly. */
#define FRAME_MAX_NUMBERS		65535
/* A text longer than this is no level of a category: the column overflows. */
#define FRAME_MAX_TEXT			1024
#define FRAME_MAX_DISTINCT		100000	/* default of "max_distinct" */
#define FRAME_MAX_DISTINCT_LIMIT 10000000
#define FRAME_MAX_BYTES			(500 * 1024 * 1024)

typedef enum ColumnRole
{
	ROLE_FEATURE = 0,
	ROLE_WEIGHT,
	ROLE_OFFSET,
	ROLE_GROUP,
	ROLE_TIME
} ColumnRole;

#define ROLE_LAST ROLE_TIME

typedef enum ColumnStore
{
	STORE_DICTIONARY = 1,		/* codes into sorted values */
	STORE_NUMBERS,				/* eight bytes each; NULL is FrameNullNumber() */
	STORE_OVERFLOWED,			/* more than max_distinct values: counts only */
	STORE_COUNTED				/* a time without "parts": counts and range only */
} ColumnStore;

#define STORE_LAST STORE_COUNTED

typedef struct FrameColumn
{
	char	   *name;			/* UTF-8: "city", "created_date.hour" */
	char	   *source;			/* the row's column: the name, less the part */
	CellType	type;			/* of the row's column */
	Transform	part;			/* of a time, or TRANSFORM_NONE */
	ColumnRole	role;
	ColumnStore store;
	int			position;		/* place in the row: the order of columns */
	int64		nulls;			/* labelled rows that are NULL here */
	double		low;			/* times: range of the row's column; else 0 */
	double		high;
	int			nvalues;		/* dictionary: sorted, no duplicates */
	double	   *numbers;		/* unless the class is text */
	char	  **texts;			/* CLASS_TEXT; not terminated */
	int		   *lengths;
	int			width;			/* bytes of a cell in a pattern: 0, 1, 2, 4, 8 */
	int			offset;			/* of the cell in a pattern */
} FrameColumn;

/* Patterns that do not lie in memory (framespill.c). */
typedef struct FrameFile
{
	int			file;			/* a File; its rows are as in a builder's segments */
	uint8	   *rows;			/* the last block */
	uint32	   *pos;
	uint32	   *neg;
} FrameFile;

typedef struct Frame
{
	int			ncolumns;
	FrameColumn *columns;		/* by position, then name */
	char	   *timezone;		/* of parts of a timestamptz, or NULL */
	int			max_distinct;
	int64		rows;			/* labelled rows */
	int64		positives;
	int64		unknown;		/* rows whose label is NULL: not in the patterns */
	int64		npatterns;
	int			stride;			/* bytes from one pattern to the next; in memory, of a pattern */
	uint8	   *cells;			/* npatterns × stride, unless in a file */
	uint32	   *pos;			/* npatterns */
	uint32	   *neg;
	uint32	   *hashes;			/* on the way between processes; else NULL */
	FrameFile  *file;			/* or NULL */
} Frame;

/*
 * Patterns first … first + n - 1 of a frame.  All who read patterns take them so,
 * block by block: a large frame does not lie in memory.
 */
typedef struct PatternBlock
{
	int64		first;
	int			n;
	const uint8 *cells;			/* n × stride */
	const uint32 *pos;
	const uint32 *neg;
} PatternBlock;

#define PATTERN_BLOCK_ROWS	1024

/* NULL among plain numbers: a NaN of our own; other NaNs never get in. */
#define FRAME_NULL_BITS		UINT64CONST(0x7ff8000000001ead)

static inline uint32
FrameCode(const FrameColumn *c, const uint8 *pattern)
{
	switch (c->width)
	{
		case 1:
			return pattern[c->offset];
		case 2:
			{
				uint16		v;

				memcpy(&v, pattern + c->offset, 2);
				return v;
			}
		case 4:
			{
				uint32		v;

				memcpy(&v, pattern + c->offset, 4);
				return v;
			}
	}
	return 0;
}

static inline uint64
FrameNumberBits(const FrameColumn *c, const uint8 *pattern)
{
	uint64		v;

	memcpy(&v, pattern + c->offset, 8);
	return v;
}

static inline double
BitsDouble(uint64 bits)
{
	double		d;

	memcpy(&d, &bits, 8);
	return d;
}

static inline uint64
DoubleBits(double d)
{
	uint64		bits;

	memcpy(&bits, &d, 8);
	return bits;
}

/* The column's number in a pattern; false if it is NULL. */
static inline bool
FrameNumber(const FrameColumn *c, const uint8 *pattern, double *number)
{
	if (c->store == STORE_NUMBERS)
	{
		uint64		bits = FrameNumberBits(c, pattern);

		*number = BitsDouble(bits);
		return bits != FRAME_NULL_BITS;
	}
	else
	{
		uint32		code = FrameCode(c, pattern);

		*number = code > 0 ? c->numbers[code - 1] : 0;
		return code > 0;
	}
}

static inline bool
FrameColumnHasCells(const FrameColumn *c)
{
	return c->store == STORE_DICTIONARY || c->store == STORE_NUMBERS;
}

/*
 * framespill.c: fetch a block, n at most PATTERN_BLOCK_ROWS; it is good until
 * the next one of the same frame is fetched.
 */
extern void FrameRead(const Frame *frame, int64 first, int n, PatternBlock *block);
/* the block after `block` (all zero to begin with), or false; can be cancelled */
extern bool FrameScan(const Frame *frame, PatternBlock *block);
extern void FrameClose(Frame *frame);

/* frametype.c: "number", "categorical", "time", or the role */
extern const char *FrameColumnKind(const FrameColumn *c);

extern const FrameColumn *FrameFindColumn(const Frame *frame, const char *name);
extern const FrameColumn *FrameFindRole(const Frame *frame, ColumnRole role);

/* roles.c: the options of a call against the columns of its rows */
struct Options;
extern char *PartName(const char *column, Transform part);
extern int	FindAttribute(const RowShape *shape, const char *name);
extern ColumnRole RoleOf(const struct Options *opt, const RowColumn *col);
extern void CheckRowOptions(const RowShape *shape, const struct Options *opt);
extern void CheckNamesDiffer(const RowShape *shape);	/* or an error */

/* framebuild.c: rows and frames in */
typedef struct FrameBuilder FrameBuilder;

/*
 * `limit`: bytes in memory; rows beyond go to temporary files, which
 * FrameBuilderClose() closes.  0 for none.
 */
extern FrameBuilder *FrameBuilderCreate(MemoryContext parent, int max_distinct,
										Size limit);
extern void FrameBuilderClose(FrameBuilder *b);
extern void FrameBuilderReserve(FrameBuilder *b, int ncolumns);
extern void FrameBuilderCopyColumns(FrameBuilder *b, const FrameBuilder *like);
extern int	FrameBuilderAddColumn(FrameBuilder *b, const char *name,
								  const char *source, CellType type,
								  Transform part, ColumnRole role, int position);
extern void FrameBuilderSetTimezone(FrameBuilder *b, const char *timezone);
/* one row: begin, the cell of every column in any order, end */
extern void FrameBuilderBeginRow(FrameBuilder *b);
extern void FrameBuilderCodeCell(FrameBuilder *b, int column, const Cell *cell);
extern void FrameBuilderCodeText(FrameBuilder *b, int column, const char *text, int len);
extern void FrameBuilderEndRow(FrameBuilder *b, bool positive);
extern void FrameBuilderAddUnknown(FrameBuilder *b, int64 n);
extern void FrameBuilderAbsorb(FrameBuilder *b, const Frame *frame);

/*
 * framefinish.c: the frame of all that was added, in the current context; b
 * stays as it is.  A frame of more than `limit` bytes lies in a file, to be
 * closed by FrameClose(); 0 for no limit.
 */
extern Frame *FrameBuilderFinish(const FrameBuilder *b, Size limit);
/* the same as a value, and for another process of the query */
extern bytea *FrameBuilderEncode(const FrameBuilder *b);
extern void FrameBuilderPutState(StringInfo buf, const FrameBuilder *b);

/* framepart.c: the frame of some of the rows, in memory */
extern Frame *FramePart(const Frame *frame, const uint32 *pos, const uint32 *neg);

/*
 * framebytes.c: the one encoder, the one decoder.  Begin returns where the cells
 * of the patterns belong, or NULL if there may be no room for `most`; End takes
 * them from frame->cells, and the counts from theirs.
 */
extern uint8 *FrameEncodeBegin(StringInfo buf, const Frame *frame, int64 most);
extern bytea *FrameEncodeEnd(StringInfo buf, const Frame *frame);
extern bytea *FrameEncode(const Frame *frame);
extern uint8 *FrameStateBegin(StringInfo buf, const Frame *frame, int64 most);
extern void FrameStateEnd(StringInfo buf, const Frame *frame);
extern Frame *FrameDecode(const struct varlena *bytes); /* or an error */
struct Reader;
extern Frame *FrameGetState(struct Reader *r);

#endif							/* LEADSCORE_FRAME_H */
