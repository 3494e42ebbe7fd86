/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  Applying an encoder: one cell of one feature to its design entries.
 *
 * The same code serves training's reading of rows (parts of times) and scoring,
 * so that a lead is encoded when it is scored exactly as it was when the model
 * was trained.  Parts of a timestamptz are those of the wall clock in the
 * encoder's own time zone, never the session's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "leadscore.h"

static pg_tz *
TimezoneOf(const char *name)
{
	pg_tz	   *tz = name != NULL ? pg_tzset(name) : NULL;

	if (tz == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\"", name != NULL ? name : ""),
				 errdetail("The parts of a timestamp with time zone depend on it.")));
	return tz;
}

/* A part of a time: the number that EXTRACT() would give for the wall clock. */
static double
TimePart(const Feature *f, const char *timezone, const Cell *cell)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz,
				failed;

	/* a date may lie beyond all timestamps */
	if (!(cell->number >= (double) MIN_TIMESTAMP &&
		  cell->number < (double) END_TIMESTAMP))
		failed = -1;
	else if (cell->type == CELL_TIMESTAMPTZ)
		failed = timestamp2tm((Timestamp) cell->number, &tz, &tm, &fsec, NULL,
							  TimezoneOf(timezone));
	else
		failed = timestamp2tm((Timestamp) cell->number, NULL, &tm, &fsec, NULL, NULL);
	if (failed != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" contains a time out of range",
						TextFromUtf8(f->name, strlen(f->name))),
				 errcolumnname(f->name)));
	switch (f->transform)
	{
		case TRANSFORM_HOUR:
			return tm.tm_hour;
		case TRANSFORM_DOW:
			return j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday));
		case TRANSFORM_DAY:
			return tm.tm_mday;
		case TRANSFORM_MONTH:
			return tm.tm_mon;
		case TRANSFORM_QUARTER:
			return (tm.tm_mon - 1) / 3 + 1;
		case TRANSFORM_YEAR:
			return tm.tm_year > 0 ? tm.tm_year : tm.tm_year - 1;	/* no year 0 */
		default:
			elog(ERROR, "unexpected part of a time: %d", f->transform);
	}
	return 0;
}

/*
 * The number of a cell after the feature's transform; of text nothing.  Values
 * that log1p can't take are an error naming the feature.
 */
double
TransformCell(const Feature *f, const char *timezone, const Cell *cell)
{
	switch (f->transform)
	{
		case TRANSFORM_NONE:
			return cell->number;
		case TRANSFORM_LOG1P:
			if (cell->number <= -1)
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("column \"%s\" contains %s, of which log1p does not exist",
								TextFromUtf8(f->name, strlen(f->name)),
								NumberText(cell->number)),
						 errcolumnname(f->name),
						 errdetail("log1p(x) = ln(1 + x) needs x > -1."),
						 errhint("Use \"bins\" instead of \"transform\": \"log1p\".")));
			return log1p(cell->number);
		default:
			return TimePart(f, timezone, cell);
	}
}

/* An entry, or what the DESIGN_* codes mean instead of one. */
static inline void
AddEntry(const Feature *f, const Cell *cell, int column, double value,
		 FeatureEntries *out)
{
	if (column >= 0)
	{
		out->column[out->n] = column;
		out->value[out->n] = value;
		out->n++;
	}
	else if (column == DESIGN_AVERAGE)
		out->average = out->unseen = true;
	else if (column == DESIGN_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" has a value that the model was not trained on",
						TextFromUtf8(f->name, strlen(f->name))),
				 errcolumnname(f->name),
				 cell->isnull ? errdetail("It is NULL.") :
				 cell->text != NULL ?
				 errdetail("It is \"%s\".", TextFromUtf8(cell->text, cell->len)) :
				 errdetail("It is %s.", NumberText(cell->number)),
				 errhint("The model says \"unseen\": \"error\"; train with \"other\" to let such rows pass.")));
}

/* The bin of x: how many edges are not above it. */
int
FindBin(const Feature *f, double x)
{
	int			low = 0,
				high = f->nedges;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (f->edges[mid] <= x)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
FeatureEncode(const Encoder *enc, const Feature *f, const Cell *cell,
			  FeatureEntries *out)
{
	memset(out, 0, sizeof(*out));
	if (cell->isnull)
	{
		if (f->kind == FEATURE_OFFSET)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the offset \"%s\" is NULL",
							TextFromUtf8(f->name, strlen(f->name))),
					 errcolumnname(f->name),
					 errhint("An offset must be known for every row.")));
		/* a NULL number is the mean, whatever else may be added for it */
		if (f->kind == FEATURE_NUMBER && f->null_column != DESIGN_AVERAGE)
			AddEntry(f, cell, f->value_column, f->fill, out);
		AddEntry(f, cell, f->null_column, 1, out);
		return;
	}

	switch (f->kind)
	{
		case FEATURE_NUMBER:
			AddEntry(f, cell, f->value_column,
					 TransformCell(f, enc->timezone, cell), out);
			break;
		case FEATURE_OFFSET:
			out->offset = cell->number;
			break;
		case FEATURE_BINS:
			AddEntry(f, cell, f->bin_columns[FindBin(f, cell->number)], 1, out);
			break;
		case FEATURE_LEVELS:
			{
				double		x = cell->text != NULL ? 0 :
					TransformCell(f, enc->timezone, cell);
				int			k = FeatureFindLevel(f, cell->text, cell->len, x);

				if (k >= 0)
					AddEntry(f, cell, f->levels[k].column, 1, out);
				else
				{
					AddEntry(f, cell, f->other_column, 1, out);
					out->unseen = (f->other_column < 0);
				}
				break;
			}
	}
}
