/*-------------------------------------------------------------------------
 *
 * metrics.h
 *	  How good a score is: pairs of (score, label) in, measures and curves out.
 *
 *	tie		one distinct score with the positives and negatives that have it
 *	ties	all of them in ascending order: everything is computed from these
 *
 * metrics.c, calibration.c, threshold.c and radix.c are mathematics and know no Datum; evaluate.c owns the
 * state of the aggregates, curves.c the ones that return arrays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_METRICS_H
#define LEADSCORE_METRICS_H

#include <math.h>

#include "leadscore.h"
#include "miscadmin.h"
#include "utils/float.h"

/*
 * Pairs in one state.  Below 2^31 every product of two counts, twice, fits a
 * signed 64-bit integer: ranks, thresholds and tiles are compared exactly.
 */
#define PAIRS_MAX		((int64) 0x7FFFFFFF)

#define PARTS_MAX		1000000 /* tiles or bins */
#define PARTS_DEFAULT	10
#define POINTS_MAX		10000000	/* of a curve: its array must stay below 1 GB */

/* ------------------------------------------------------------------------
 * metrics.c: a double that is undefined is NaN
 * ------------------------------------------------------------------------
 */
typedef struct Tie
{
	double		score;
	int64		pos;
	int64		neg;
} Tie;

typedef struct Ties
{
	int64		n;				/* pairs */
	int64		pos;
	int64		neg;
	int64		count;			/* distinct scores */
	Tie		   *tie;			/* ascending */
	bool		probability;	/* every score lies in [0, 1] */
} Ties;

typedef struct Quality
{
	double		auc;
	double		auc_low;
	double		auc_high;
	double		average_precision;
	double		log_loss;
	double		brier;
	double		ks;
	double		gini;
	double		accuracy;
	double		precision;
	double		recall;
	double		specificity;
	double		f1;
	int64		tp;
	int64		fp;
	int64		tn;
	int64		fn;
	double		best_f1_threshold;
	double		best_f1;
	double		best_youden_threshold;
	double		best_youden;
	double		log_loss_low;
	double		log_loss_high;
	double		brier_low;
	double		brier_high;
	double		lift_10;
	double		lift_10_low;
	double		lift_10_high;
	double		mean_score;
} Quality;

/* How far log-odds of scores are from those of the labels, with 95 % intervals. */
typedef struct Calibration
{
	double		slope;
	double		slope_low;
	double		slope_high;
	double		intercept;
	double		intercept_low;
	double		intercept_high;
} Calibration;

typedef struct RocPoint
{
	double		threshold;
	double		fpr;
	double		tpr;
	int64		tp;
	int64		fp;
} RocPoint;

typedef struct PrPoint
{
	double		threshold;
	double		precision;
	double		recall;
	int64		tp;
	int64		fp;
} PrPoint;

typedef struct LiftTile
{
	int			tile;			/* from 1, the highest scores first */
	double		n;
	double		positives;
	double		rate;
	double		lift;
	double		gain;			/* share of all positives so far */
	double		cumulative_lift;
	double		min_score;
	double		max_score;
} LiftTile;

typedef struct CalibrationBin
{
	int			bin;			/* from 1, the lowest scores first */
	int64		n;
	int64		positives;
	double		min_score;
	double		max_score;
	double		mean_score;
	double		rate;
	double		low;
	double		high;
} CalibrationBin;

extern Ties *TiesMake(const double *neg, int64 nneg,
					  const double *pos, int64 npos);
extern void TiesFree(Ties *ties);
extern void QualityOf(const Ties *ties, double threshold, Quality *q);
extern RocPoint *RocCurve(const Ties *ties, int64 *npoints);
extern PrPoint *PrCurve(const Ties *ties, int64 *npoints);
extern LiftTile *LiftTiles(const Ties *ties, int tiles);

/* calibration.c */
extern void WilsonInterval(double part, double whole, double *low, double *high);
extern CalibrationBin *CalibrationBins(const Ties *ties, int bins, int *nbins);
extern double CalibrationError(const Ties *ties, int bins);
extern void CalibrationOf(const Ties *ties, Calibration *c);

#define Z_95			1.959963984540054	/* normal quantile of 0.975 */
#define WALK_BLOCK		0xFFFF	/* ties between two looks for an interrupt */

#define CHECK_WALK(i) \
	do { if (((i) & WALK_BLOCK) == 0) CHECK_FOR_INTERRUPTS(); } while (0)

/* A running sum with the error of its roundings. */
typedef struct Sum
{
	double		sum;
	double		error;
} Sum;

static inline void
SumAdd(Sum *s, double x)
{
	double		t = s->sum + x;

	if (fabs(s->sum) >= fabs(x))
		s->error += (s->sum - t) + x;
	else
		s->error += (x - t) + s->sum;
	s->sum = t;
}

static inline double
SumValue(const Sum *s)
{
	return s->sum + s->error;
}

/* Quotient of two counts; NaN, for undefined, where the second is 0. */
static inline double
Share(int64 part, int64 whole)
{
	return whole == 0 ? get_float8_nan() : (double) part / (double) whole;
}

static inline void *
AllocPoints(int64 n, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * size);
}

/* ------------------------------------------------------------------------
 * evaluate.c: shared by the final functions
 * ------------------------------------------------------------------------
 */
typedef struct ScoreArray
{
	double	   *score;			/* NULL while empty */
	int64		n;
	int64		capacity;
} ScoreArray;

/* What an aggregate is asked for, if that is more than a number; 0 means nothing. */
#define PAIR_NUMBERS	4

typedef struct PairChoice
{
	int64		kind;			/* the aggregate's own */
	double		number[PAIR_NUMBERS];
} PairChoice;

/* The state of all these aggregates; everything lies in `cxt`. */
typedef struct PairState
{
	MemoryContext cxt;
	ScoreArray	side[2];		/* scores of negatives, of positives */
	int64		skipped;		/* score or label was NULL */
	bool		has_param;
	double		param;			/* threshold, tiles or bins */
	PairChoice	choice;
	Datum		given;			/* what the choice was read from, a copy; 0: it was not here */
} PairState;

/*
 * An argument that must be the same for all rows, as messages call it: a number,
 * or what `read` makes a choice of, from any varlena.
 */
typedef struct PairParam
{
	const char *name;
	bool		integer;
	void		(*read) (Datum given, PairChoice *choice);
} PairParam;

extern Datum PairsTransition(FunctionCallInfo fcinfo, bool integer_label,
							 const PairParam *param);
extern PairState *PairsFinal(FunctionCallInfo fcinfo);	/* NULL without pairs */
extern Ties *PairsTies(const PairState *state);
extern TupleDesc PairsRowDesc(FunctionCallInfo fcinfo, int natts);
extern Datum EvaluationRow(FunctionCallInfo fcinfo, Ties *ties, int64 skipped,
						   double threshold);
extern void PutFloat(Datum *values, bool *nulls, int i, double x);

#endif							/* LEADSCORE_METRICS_H */
