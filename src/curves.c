/*-------------------------------------------------------------------------
 *
 * curves.c
 *	  The curves of a score: aggregates that return an array of rows.
 *
 * PostgreSQL has no set-returning aggregates, so the points come as an array
 * of a named composite type, to be read with
 *
 *		SELECT * FROM unnest((SELECT lead_lift(score, won, 10) FROM s))
 *
 * They share state, parallel support and the treatment of NULL with
 * lead_evaluate(); the definitions are in metrics.c.  Without pairs an array
 * is NULL, which unnest() reads as no rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "metrics.h"

#define CURVE_MAX_COLUMNS	9

/* Fill a row of the result from point i. */
typedef void (*PutPoint) (const void *points, int64 i, Datum *values, bool *nulls);

/* An array of npoints rows with ncolumns columns each. */
static Datum
CurveArray(FunctionCallInfo fcinfo, const void *points, int64 npoints,
		   int ncolumns, PutPoint put)
{
	TupleDesc	desc;
	Datum	   *rows;
	ArrayType  *array;

	if (npoints > POINTS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("curve has %lld points, more than %d",
						(long long) npoints, POINTS_MAX),
				 errhint("Round the scores, so that fewer of them are distinct.")));
	desc = PairsRowDesc(fcinfo, ncolumns);
	rows = palloc(Max(npoints, 1) * sizeof(Datum));
	for (int64 i = 0; i < npoints; i++)
	{
		Datum		values[CURVE_MAX_COLUMNS] = {0};
		bool		nulls[CURVE_MAX_COLUMNS] = {0};

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		put(points, i, values, nulls);
		rows[i] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	array = construct_array(rows, (int) npoints, desc->tdtypeid, -1, false,
							TYPALIGN_DOUBLE);
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(array);
}

static int
CurveParts(const PairState *state)
{
	return state->has_param ? (int) state->param : PARTS_DEFAULT;
}

static void
PutRocPoint(const void *points, int64 i, Datum *values, bool *nulls)
{
	const RocPoint *p = (const RocPoint *) points + i;

	PutFloat(values, nulls, 0, p->threshold);
	PutFloat(values, nulls, 1, p->fpr);
	PutFloat(values, nulls, 2, p->tpr);
	values[3] = Int64GetDatum(p->tp);
	values[4] = Int64GetDatum(p->fp);
}

/*
 * lead_roc_curve(score, label) → lead_roc_point[]
 *
 * Points from threshold infinity down, as scikit-learn's roc_curve() with
 * drop_intermediate.  fpr is NULL without negatives, tpr without positives.
 */
PG_FUNCTION_INFO_V1(lead_roc_curve_finalfn);
Datum
lead_roc_curve_finalfn(PG_FUNCTION_ARGS)
{
	Ties	   *ties = PairsTies(PairsFinal(fcinfo));
	RocPoint   *points;
	int64		npoints;

	if (ties == NULL)
		PG_RETURN_NULL();
	points = RocCurve(ties, &npoints);
	TiesFree(ties);
	return CurveArray(fcinfo, points, npoints, 5, PutRocPoint);
}

static void
PutPrPoint(const void *points, int64 i, Datum *values, bool *nulls)
{
	const PrPoint *p = (const PrPoint *) points + i;

	PutFloat(values, nulls, 0, p->threshold);
	PutFloat(values, nulls, 1, p->precision);
	PutFloat(values, nulls, 2, p->recall);
	values[3] = Int64GetDatum(p->tp);
	values[4] = Int64GetDatum(p->fp);
}

/*
 * lead_pr_curve(score, label) → lead_pr_point[]
 *
 * Points from the lowest score up, then (infinity, 1, 0), as scikit-learn's
 * precision_recall_curve(), which gives no threshold for the last one.  recall
 * is NULL without positives.
 */
PG_FUNCTION_INFO_V1(lead_pr_curve_finalfn);
Datum
lead_pr_curve_finalfn(PG_FUNCTION_ARGS)
{
	Ties	   *ties = PairsTies(PairsFinal(fcinfo));
	PrPoint    *points;
	int64		npoints;

	if (ties == NULL)
		PG_RETURN_NULL();
	points = PrCurve(ties, &npoints);
	TiesFree(ties);
	return CurveArray(fcinfo, points, npoints, 5, PutPrPoint);
}

static void
PutLiftTile(const void *points, int64 i, Datum *values, bool *nulls)
{
	const LiftTile *t = (const LiftTile *) points + i;

	values[0] = Int32GetDatum(t->tile);
	PutFloat(values, nulls, 1, t->n);
	PutFloat(values, nulls, 2, t->positives);
	PutFloat(values, nulls, 3, t->rate);
	PutFloat(values, nulls, 4, t->lift);
	PutFloat(values, nulls, 5, t->gain);
	PutFloat(values, nulls, 6, t->cumulative_lift);
	PutFloat(values, nulls, 7, t->min_score);
	PutFloat(values, nulls, 8, t->max_score);
}

/*
 * lead_lift(score, label [, tiles]) → lead_lift_tile[]
 *
 * Tiles of n / tiles pairs each, the highest scores first; ties are cut, so
 * counts are fractions.  Without positives lift, gain and cumulative_lift are
 * NULL.
 */
PG_FUNCTION_INFO_V1(lead_lift_finalfn);
Datum
lead_lift_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);
	Ties	   *ties = PairsTies(state);
	LiftTile   *tiles;
	int			ntiles;

	if (ties == NULL)
		PG_RETURN_NULL();
	ntiles = CurveParts(state);
	tiles = LiftTiles(ties, ntiles);
	TiesFree(ties);
	return CurveArray(fcinfo, tiles, ntiles, 9, PutLiftTile);
}

static void
PutCalibrationBin(const void *points, int64 i, Datum *values, bool *nulls)
{
	const CalibrationBin *b = (const CalibrationBin *) points + i;

	values[0] = Int32GetDatum(b->bin);
	values[1] = Int64GetDatum(b->n);
	values[2] = Int64GetDatum(b->positives);
	PutFloat(values, nulls, 3, b->min_score);
	PutFloat(values, nulls, 4, b->max_score);
	PutFloat(values, nulls, 5, b->mean_score);
	PutFloat(values, nulls, 6, b->rate);
	PutFloat(values, nulls, 7, b->low);
	PutFloat(values, nulls, 8, b->high);
}

/*
 * lead_calibration(score, label [, bins]) → lead_calibration_bin[]
 *
 * Quantile bins, the lowest scores first, ties together; low and high are the
 * Wilson interval of the rate at 95 %.  NULL where a score lies outside [0, 1].
 */
PG_FUNCTION_INFO_V1(lead_calibration_finalfn);
Datum
lead_calibration_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);
	Ties	   *ties = PairsTies(state);
	CalibrationBin *bins;
	int			nbins;

	if (ties == NULL)
		PG_RETURN_NULL();
	bins = CalibrationBins(ties, CurveParts(state), &nbins);
	TiesFree(ties);
	if (bins == NULL)
		PG_RETURN_NULL();
	return CurveArray(fcinfo, bins, nbins, 9, PutCalibrationBin);
}

/*
 * lead_ece(score, label [, bins]) → float8
 *
 * Expected calibration error over the bins of lead_calibration().  NULL where
 * a score lies outside [0, 1].
 */
PG_FUNCTION_INFO_V1(lead_ece_finalfn);
Datum
lead_ece_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);
	Ties	   *ties = PairsTies(state);
	bool		isnull;
	Datum		result;

	if (ties == NULL)
		PG_RETURN_NULL();
	PutFloat(&result, &isnull, 0, CalibrationError(ties, CurveParts(state)));
	TiesFree(ties);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
