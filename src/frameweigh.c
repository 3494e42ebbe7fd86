/*-------------------------------------------------------------------------
 *
 * frameweigh.c
 *	  A frame whose rows count as they did, times a weight.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "framebuild.h"

/* No table has a column of this name by accident. */
#define WEIGHT_COLUMN	"(weight)"

static double
Product(const FrameColumn *c, double x, double weight)
{
	double		product = x * weight;

	if (!isfinite(product) || (product == 0 && x != 0))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a weight in column \"%s\" is out of range",
						TextFromUtf8(c->name, strlen(c->name))),
				 errdetail("%g times %g is beyond double precision.", x, weight)));
	return product;
}

/* A dictionary stays sorted, but two numbers may become one: the builder sees to it. */
static void
Multiply(Frame *frame, FrameColumn *c, double weight)
{
	c->type = Max(c->type, CELL_FLOAT8);	/* whole numbers no more */
	for (int k = 0; k < c->nvalues; k++)
		c->numbers[k] = Product(c, c->numbers[k], weight);
	if (c->store != STORE_NUMBERS)
		return;
	for (int64 r = 0; r < frame->npatterns; r++)
	{
		uint8	   *pattern = frame->cells + r * frame->stride;
		double		x;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (FrameNumber(c, pattern, &x))
			WriteCell(pattern + c->offset, c->width, DoubleBits(Product(c, x, weight)));
	}
}

/* A column that is the same number in all rows, behind the others. */
static void
AddWeight(Frame *frame, double weight)
{
	const FrameColumn *taken = FrameFindColumn(frame, WEIGHT_COLUMN);
	FrameColumn *columns = palloc0(sizeof(FrameColumn) * (frame->ncolumns + 1));
	FrameColumn *c = &columns[frame->ncolumns];
	uint8	   *cells = AllocRows((Size) (frame->stride + 1) * frame->npatterns);

	if (taken != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("the frame has a column \"%s\" that is no weight", WEIGHT_COLUMN),
				 errhint("Give the column another name.")));
	for (int64 r = 0; r < frame->npatterns; r++)
	{
		uint8	   *row = cells + r * (frame->stride + 1);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(row, frame->cells + r * frame->stride, frame->stride);
		row[frame->stride] = 1;
	}
	if (frame->ncolumns > 0)
	{
		memcpy(columns, frame->columns, sizeof(FrameColumn) * frame->ncolumns);
		c->position = Min(columns[frame->ncolumns - 1].position, PG_INT32_MAX - 1) + 1;
	}
	c->name = c->source = WEIGHT_COLUMN;
	c->type = CELL_FLOAT8;
	c->role = ROLE_WEIGHT;
	c->store = STORE_DICTIONARY;
	if (frame->rows > 0)
	{
		c->nvalues = 1;
		c->numbers = palloc(sizeof(double));
		c->numbers[0] = weight;
	}
	c->width = 1;
	c->offset = frame->stride;
	frame->columns = columns;
	frame->ncolumns++;
	frame->cells = cells;
	frame->stride++;
}

PG_FUNCTION_INFO_V1(lead_weigh_frame);
Datum
lead_weigh_frame(PG_FUNCTION_ARGS)
{
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	double		weight = PG_GETARG_FLOAT8(1);
	const FrameColumn *found = FrameFindRole(frame, ROLE_WEIGHT);
	FrameBuilder *b = FrameBuilderCreate(CurrentMemoryContext, frame->max_distinct, 0);

	if (!isfinite(weight) || weight <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weight of a frame must be a number above 0, not %s",
						NumberText(weight))));
	if (found != NULL)
		Multiply(frame, &frame->columns[found - frame->columns], weight);
	else
		AddWeight(frame, weight);
	FrameBuilderAbsorb(b, frame);
	PG_RETURN_BYTEA_P(FrameBuilderEncode(b));
}
