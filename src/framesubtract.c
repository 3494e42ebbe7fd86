/*-------------------------------------------------------------------------
 *
 * framesubtract.c
 *	  frame - frame: the rows of one without those of the other.
 *
 * The result is the frame that the remaining rows would have made, to the byte:
 * patterns lose their counts, dictionaries the values that nobody has any more,
 * and what is left goes through the builder like any frame.  Two things that a
 * frame has given up do not come back.  A column that overflowed stays so.  Of a
 * time without parts only its range is known: where the rows that go reach to
 * its ends, nobody can tell the new ones, and that is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "framebuild.h"

/* A row to be taken away, in the cells of the frame that it is taken from. */
typedef struct Wanted
{
	const uint8 *cells;
	uint32		pos;			/* still to be found */
	uint32		neg;
	uint32		had_pos;		/* found in the frame */
	uint32		had_neg;
	char		status;
} Wanted;

#define CellsSize(tb) (*(const int *) (tb)->private_data)

#define SH_PREFIX wanted
#define SH_ELEMENT_TYPE Wanted
#define SH_KEY_TYPE const uint8 *
#define SH_KEY cells
#define SH_HASH_KEY(tb, key) hash_bytes(key, CellsSize(tb))
#define SH_EQUAL(tb, a, b) (memcmp(a, b, CellsSize(tb)) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* ---- what an error names ---- */

static char *
NameOf(const FrameColumn *c)
{
	return TextFromUtf8(c->name, strlen(c->name));
}

static char *
NumberOf(const FrameColumn *c, double x)
{
	char	   *text = NULL;

	if (c->type == CELL_BOOL)
		return pstrdup(x != 0 ? "true" : "false");
	if (CellTypeClass(c->type) == CLASS_TIME && c->part == TRANSFORM_NONE)
		text = TimeText(x, c->type);
	return text != NULL ? text : NumberText(x);
}

/* A value of a dictionary, by its code. */
static char *
ValueOfCode(const FrameColumn *c, uint32 code)
{
	if (code == 0)
		return pstrdup("NULL");
	if (c->texts != NULL)
		return psprintf("\"%s\"", TextFromUtf8(c->texts[code - 1], c->lengths[code - 1]));
	return NumberOf(c, c->numbers[code - 1]);
}

static char *
ValueOf(const FrameColumn *c, const uint8 *cells)
{
	uint64		bits;

	if (c->store != STORE_NUMBERS)
		return ValueOfCode(c, FrameCode(c, cells));
	bits = FrameNumberBits(c, cells);
	return bits == FRAME_NULL_BITS ? pstrdup("NULL") : NumberOf(c, BitsDouble(bits));
}

pg_noreturn static void
ColumnDiffers(const FrameColumn *c, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("cannot subtract frames: column \"%s\" differs", NameOf(c)),
			 errdetail_internal("%s", detail),
			 errhint("Build the frame to be subtracted by the same options, from rows as they were.")));
}

pg_noreturn static void
RowIsNotThere(int64 row, int64 rows, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("cannot subtract frames: row %lld of the %lld to be subtracted is not there",
					(long long) row + 1, (long long) rows),
			 errdetail_internal("%s", detail),
			 errhint("A row can be taken away only as it was framed, with the values and the label that it had then.")));
}

/* ---- columns ---- */

/* The column's counterpart, NULL if all rows lack it and so are NULL there. */
static const FrameColumn *
Counterpart(const FrameColumn *c, const Frame *less)
{
	const FrameColumn *other = FrameFindColumn(less, c->name);

	if (other == NULL)
		return NULL;
	if (CellTypeClass(c->type) != CellTypeClass(other->type))
		ColumnDiffers(c, psprintf("It is of type %s in one and of type %s in the other.",
								  CellTypeName(c->type), CellTypeName(other->type)));
	if (c->role != other->role || c->part != other->part)
		ColumnDiffers(c, "It has another role in the frame to be subtracted.");
	if (c->store == STORE_DICTIONARY && other->store == STORE_OVERFLOWED)
		ColumnDiffers(c, "The frame to be subtracted has no values of it, for they are too many or too long.");
	return other;
}

static void
CheckColumns(const Frame *frame, const Frame *less)
{
	if (frame->timezone != NULL && less->timezone != NULL &&
		strcmp(frame->timezone, less->timezone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot subtract frames of the time zones \"%s\" and \"%s\"",
						frame->timezone, less->timezone),
				 errhint("Build the frames with the same option \"timezone\".")));
	for (int i = 0; i < less->ncolumns; i++)
		if (FrameFindColumn(frame, less->columns[i].name) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("cannot subtract frames: column \"%s\" is not in the first",
							NameOf(&less->columns[i])),
					 errhint("Build the frame to be subtracted without it.")));
}

/*
 * Counts and range of the column once the rows have gone.  `rows` are those that
 * are left.
 */
static void
SubtractCounts(FrameColumn *c, const FrameColumn *other, const Frame *less, int64 rows)
{
	int64		nulls = other ? other->nulls : less->rows;
	int64		filled = less->rows - nulls;

	c->nulls -= nulls;
	if (c->nulls < 0 || c->nulls > rows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("cannot subtract frames: column \"%s\" has fewer such values", NameOf(c)),
				 errdetail("%lld rows to be subtracted are NULL there and %lld are not; this many there are not.",
						   (long long) nulls, (long long) filled)));
	if (c->store != STORE_COUNTED || filled == 0)
		return;
	if (c->nulls == rows)
		c->low = c->high = 0;	/* as of a column without a value */
	else if (c->low < c->high && (other->low <= c->low || other->high >= c->high))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot subtract frames: the new range of column \"%s\" is not known", NameOf(c)),
				 errdetail("Only the range of a time is kept, from %s to %s, and the rows to be subtracted reach to its end.",
						   NumberOf(c, c->low), NumberOf(c, c->high)),
				 errhint("Leave the column out of both frames with \"exclude\"; the frames of lead_keep_frames() have no ranges.")));
}

/* ---- the rows to be taken away ---- */

static int
CompareValues(const FrameColumn *a, int i, const FrameColumn *b, int j)
{
	if (a->texts != NULL)
	{
		int			cmp = memcmp(a->texts[i], b->texts[j], Min(a->lengths[i], b->lengths[j]));

		return cmp != 0 ? cmp : a->lengths[i] - b->lengths[j];
	}
	return (a->numbers[i] > b->numbers[j]) - (a->numbers[i] < b->numbers[j]);
}

#define NO_CODE PG_UINT32_MAX

/* Codes of one dictionary in terms of another; both are sorted. */
static uint32 *
MapCodes(const FrameColumn *from, const FrameColumn *to)
{
	uint32	   *map = palloc_extended(sizeof(uint32) * (from->nvalues + 1), MCXT_ALLOC_HUGE);
	int			k = 0;

	map[0] = 0;
	for (int i = 0; i < from->nvalues; i++)
	{
		if (i % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		while (k < to->nvalues && CompareValues(to, k, from, i) < 0)
			k++;
		map[i + 1] = k < to->nvalues && CompareValues(to, k, from, i) == 0 ? k + 1 : NO_CODE;
	}
	return map;
}

/* The code of a number, or NO_CODE. */
static uint32
FindCode(const FrameColumn *c, double x)
{
	int			low = 0,
				high = c->nvalues;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (c->numbers[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->nvalues && c->numbers[low] == x ? low + 1 : NO_CODE;
}

/* One column of all rows to be taken away, in the frame's cells. */
static void
TranslateColumn(const FrameColumn *to, const FrameColumn *from, const Frame *less,
				int stride, uint8 *cells)
{
	uint32	   *map = from != NULL && from->store == STORE_DICTIONARY &&
		to->store == STORE_DICTIONARY ? MapCodes(from, to) : NULL;

	for (int64 r = 0; r < less->npatterns; r++, cells += stride)
	{
		const uint8 *pattern = less->cells + r * less->stride;
		double		x = 0;
		bool		isnull = from == NULL || (map == NULL && !FrameNumber(from, pattern, &x));
		uint64		v;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (map != NULL)
			v = map[FrameCode(from, pattern)];
		else if (to->store == STORE_NUMBERS)
			v = isnull ? FRAME_NULL_BITS : DoubleBits(x);
		else
			v = isnull ? 0 : FindCode(to, x);
		if (to->store == STORE_DICTIONARY && v == NO_CODE)
			RowIsNotThere(r, less->npatterns, psprintf("No row of the frame has %s in column \"%s\".",
													   ValueOf(from, pattern), NameOf(to)));
		WriteCell(cells + to->offset, to->width, v);
	}
	if (map != NULL)
		pfree(map);
}

/* A table of the rows to be taken away; *cells are theirs, in their order. */
static wanted_hash *
CollectWanted(const Frame *frame, const Frame *less, uint8 **cells)
{
	wanted_hash *wanted = wanted_create(CurrentMemoryContext,
										(uint32) Max(less->npatterns, 2),
										unconstify(int *, &frame->stride));

	*cells = AllocRows((Size) frame->stride * less->npatterns);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		if (FrameColumnHasCells(c))
			TranslateColumn(c, FrameFindColumn(less, c->name), less, frame->stride, *cells);
	}
	for (int64 r = 0; r < less->npatterns; r++)
	{
		bool		found;
		Wanted	   *w = wanted_insert(wanted, *cells + r * frame->stride, &found);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (!found)
			w->pos = w->neg = w->had_pos = w->had_neg = 0;
		AddCount(&w->pos, less->pos[r]);
		AddCount(&w->neg, less->neg[r]);
	}
	return wanted;
}

/* ---- patterns ---- */

/* Take the rows away; patterns without a row left go. */
static void
SubtractPatterns(Frame *frame, wanted_hash *wanted)
{
	int64		left = 0;

	for (int64 r = 0; r < frame->npatterns; r++)
	{
		uint8	   *cells = frame->cells + r * frame->stride;
		Wanted	   *w = wanted_lookup(wanted, cells);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (w != NULL)
		{
			uint32		pos = Min(w->pos, frame->pos[r]),
						neg = Min(w->neg, frame->neg[r]);

			AddCount(&w->had_pos, frame->pos[r]);
			AddCount(&w->had_neg, frame->neg[r]);
			w->pos -= pos;
			w->neg -= neg;
			frame->pos[r] -= pos;
			frame->neg[r] -= neg;
			if (frame->pos[r] == 0 && frame->neg[r] == 0)
				continue;
		}
		if (left < r)
		{
			memcpy(frame->cells + left * frame->stride, cells, frame->stride);
			frame->pos[left] = frame->pos[r];
			frame->neg[left] = frame->neg[r];
		}
		left++;
	}
	frame->npatterns = left;
}

static int
ColumnsThatDiffer(const Frame *frame, const uint8 *a, const uint8 *b)
{
	int			n = 0;

	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		n += memcmp(a + c->offset, b + c->offset, c->width) != 0;
	}
	return n;
}

/* In which columns the nearest row of the frame differs, the first three. */
static char *
NearestRow(const Frame *frame, const uint8 *cells)
{
	const uint8 *nearest = NULL;
	int			least = frame->ncolumns + 1;
	int			shown = 0;
	StringInfoData detail;

	for (int64 r = 0; r < frame->npatterns; r++)
	{
		const uint8 *row = frame->cells + r * frame->stride;
		int			n = ColumnsThatDiffer(frame, row, cells);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (n < least)
		{
			least = n;
			nearest = row;
		}
	}
	if (nearest == NULL)
		return pstrdup("No other row is left in the frame.");
	initStringInfo(&detail);
	appendStringInfoString(&detail, "The nearest row of the frame differs in ");
	for (int i = 0; i < frame->ncolumns && shown < 3; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		if (memcmp(nearest + c->offset, cells + c->offset, c->width) == 0)
			continue;
		appendStringInfo(&detail, "%scolumn \"%s\", %s there and %s here",
						 shown++ == 0 ? "" : "; ", NameOf(c), ValueOf(c, nearest), ValueOf(c, cells));
	}
	if (least > shown)
		appendStringInfo(&detail, "; and in %d more", least - shown);
	appendStringInfoChar(&detail, '.');
	return detail.data;
}

/* An error unless all rows were found. */
static void
CheckAllFound(const Frame *frame, const Frame *less, wanted_hash *wanted, const uint8 *cells)
{
	for (int64 r = 0; r < less->npatterns; r++)
	{
		const uint8 *row = cells + r * frame->stride;
		const Wanted *w = wanted_lookup(wanted, row);

		if (w->pos == 0 && w->neg == 0)
			continue;
		if (w->had_pos == 0 && w->had_neg == 0)
			RowIsNotThere(r, less->npatterns, NearestRow(frame, row));
		RowIsNotThere(r, less->npatterns,
					  psprintf("The frame has %u equal rows whose label is true and %u whose label is false; %u and %u are to be subtracted.",
							   w->had_pos, w->had_neg, less->pos[r], less->neg[r]));
	}
}

/* ---- dictionaries ---- */

/* Values that no pattern has any more go; the codes of the others move up. */
void
PruneDictionary(Frame *frame, FrameColumn *c)
{
	uint32	   *codes = palloc_extended(sizeof(uint32) * (c->nvalues + 1),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint8	   *cell = frame->cells + c->offset;
	int			left = 0;

	for (int64 r = 0; r < frame->npatterns; r++)
	{
		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		codes[ReadCell(cell + r * frame->stride, c->width)] = 1;
	}
	codes[0] = 0;
	for (int k = 1; k <= c->nvalues; k++)
	{
		if (codes[k] == 0)
			continue;
		if (c->texts != NULL)
		{
			c->texts[left] = c->texts[k - 1];
			c->lengths[left] = c->lengths[k - 1];
		}
		else
			c->numbers[left] = c->numbers[k - 1];
		codes[k] = ++left;
	}
	for (int64 r = 0; r < frame->npatterns && left < c->nvalues; r++)
	{
		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		WriteCell(cell + r * frame->stride, c->width,
				  codes[ReadCell(cell + r * frame->stride, c->width)]);
	}
	c->nvalues = left;			/* the cells stay as wide as they were */
	pfree(codes);
}

/* ---- frame - frame ---- */

/* The frame's own memory is changed. */
static void
Subtract(Frame *frame, const Frame *less)
{
	wanted_hash *wanted;
	uint8	   *cells;
	int64		rows = frame->rows - less->rows;

	CheckColumns(frame, less);
	if (frame->unknown < less->unknown)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("cannot subtract frames: of %lld rows without a label only %lld are there",
						(long long) less->unknown, (long long) frame->unknown),
				 errhint("A row can be taken away only as it was framed, with the values and the label that it had then.")));
	for (int i = 0; i < frame->ncolumns; i++)
		(void) Counterpart(&frame->columns[i], less);
	wanted = CollectWanted(frame, less, &cells);
	SubtractPatterns(frame, wanted);
	CheckAllFound(frame, less, wanted, cells);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		FrameColumn *c = &frame->columns[i];

		SubtractCounts(c, Counterpart(c, less), less, rows);
		if (c->store == STORE_DICTIONARY)
			PruneDictionary(frame, c);
	}
	frame->rows = rows;
	frame->positives -= less->positives;
	frame->unknown -= less->unknown;
}

PG_FUNCTION_INFO_V1(lead_frame_subtract);
Datum
lead_frame_subtract(PG_FUNCTION_ARGS)
{
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	FrameBuilder *b = FrameBuilderCreate(CurrentMemoryContext, frame->max_distinct, 0);

	Subtract(frame, FrameDecode(PG_GETARG_VARLENA_P(1)));
	FrameBuilderAbsorb(b, frame);
	PG_RETURN_BYTEA_P(FrameBuilderEncode(b));
}
