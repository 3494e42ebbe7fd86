/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Measures and curves of a score, from sorted pairs; no Datum in here.
 *
 * Scores of negatives and of positives are sorted and merged into ties, one
 * per distinct score, in ascending order.  Everything else is one walk over
 * the ties.  Because the order of the walk is that of the scores, the same
 * pairs give the same bits whatever order they came in.
 *
 * What can be counted is counted in integers, and compared as fractions by
 * cross-multiplication (PAIRS_MAX sees to it that nothing overflows): ties in
 * AUC, in the best thresholds and at the borders of tiles are exact.  Sums of
 * doubles are compensated (Neumaier 1974).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "utils/memutils.h"

#include "metrics.h"
#include "radix.h"

/* ------------------------------------------------------------------------
 * Ties
 * ------------------------------------------------------------------------
 */

/* Integers in the order of the doubles; -0 and 0 become the same. */
static inline uint64
KeyOfScore(double score)
{
	union
	{
		double		d;
		uint64		u;
	}			bits;

	bits.d = score + 0.0;
	return (bits.u >> 63) ? ~bits.u : bits.u | (UINT64CONST(1) << 63);
}

static inline double
ScoreOfKey(uint64 key)
{
	union
	{
		double		d;
		uint64		u;
	}			bits;

	bits.u = (key >> 63) ? key & ~(UINT64CONST(1) << 63) : ~key;
	return bits.d;
}

static uint64 *
SortedKeys(const double *score, int64 n, uint64 *scratch)
{
	uint64	   *keys;

	keys = MemoryContextAllocHuge(CurrentMemoryContext,
								  Max(n, 1) * sizeof(uint64));
	for (int64 i = 0; i < n; i++)
		keys[i] = KeyOfScore(score[i]);
	RadixSortU64(keys, scratch, n);
	return keys;
}

/* The arrays are left as they are; scores must not be NaN. */
Ties *
TiesMake(const double *neg, int64 nneg, const double *pos, int64 npos)
{
	Ties	   *ties = palloc0(sizeof(Ties));
	uint64	   *scratch;
	uint64	   *negkeys;
	uint64	   *poskeys;
	int64		i = 0;
	int64		j = 0;

	scratch = MemoryContextAllocHuge(CurrentMemoryContext,
									 Max(Max(nneg, npos), 1) * sizeof(uint64));
	negkeys = SortedKeys(neg, nneg, scratch);
	poskeys = SortedKeys(pos, npos, scratch);
	pfree(scratch);

	ties->n = nneg + npos;
	ties->pos = npos;
	ties->neg = nneg;
	/* as many as there could be: pages that are never touched cost nothing */
	ties->tie = MemoryContextAllocHuge(CurrentMemoryContext,
									   Max(ties->n, 1) * sizeof(Tie));
	while (i < nneg || j < npos)
	{
		Tie		   *tie = &ties->tie[ties->count];
		int64		i0 = i;
		int64		j0 = j;
		uint64		key;

		CHECK_WALK(ties->count);
		if (j == npos || (i < nneg && negkeys[i] < poskeys[j]))
			key = negkeys[i];
		else
			key = poskeys[j];
		while (i < nneg && negkeys[i] == key)
			i++;
		while (j < npos && poskeys[j] == key)
			j++;
		tie->score = ScoreOfKey(key);
		tie->neg = i - i0;
		tie->pos = j - j0;
		ties->count++;
	}
	pfree(negkeys);
	pfree(poskeys);
	ties->probability = ties->count > 0 && ties->tie[0].score >= 0 &&
		ties->tie[ties->count - 1].score <= 1;
	return ties;
}

void
TiesFree(Ties *ties)
{
	pfree(ties->tie);
	pfree(ties);
}

/* ------------------------------------------------------------------------
 * Measures
 * ------------------------------------------------------------------------
 */

/*
 * Area under the ROC curve: the share of pairs (positive, negative) in which
 * the positive has the higher score, ties counting half (Mann and Whitney
 * 1947).  Its variance is that of DeLong, DeLong and Clarke-Pearson (1988):
 * the placements of positives among negatives, and the other way round, are
 * averages over ties here, which is the fast form of Sun and Xu (2014) without
 * its ranks.  The interval is the normal one, clipped to [0, 1]; it needs two
 * of each class.
 */
static void
QualityAuc(const Ties *ties, Quality *q)
{
	double		npos = (double) ties->pos;
	double		nneg = (double) ties->neg;
	int64		twice = 0;		/* 2 × pairs in the right order */
	int64		below;
	int64		above;
	Sum			of_pos = {0, 0};
	Sum			of_neg = {0, 0};
	double		half_width;

	if (ties->pos == 0 || ties->neg == 0)
		return;

	below = 0;
	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		twice += t->pos * (2 * below + t->neg);
		below += t->neg;
	}
	q->auc = (double) twice / (double) (2 * ties->pos * ties->neg);
	q->gini = (double) (twice - ties->pos * ties->neg) / (npos * nneg);

	if (ties->pos < 2 || ties->neg < 2)
		return;
	below = 0;
	above = ties->pos;
	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];
		double		d;

		CHECK_WALK(i);
		above -= t->pos;
		d = (below + 0.5 * t->neg) / nneg - q->auc;
		SumAdd(&of_pos, t->pos * d * d);
		d = (above + 0.5 * t->pos) / npos - q->auc;
		SumAdd(&of_neg, t->neg * d * d);
		below += t->neg;
	}
	half_width = Z_95 * sqrt(SumValue(&of_pos) / (npos - 1) / npos +
							 SumValue(&of_neg) / (nneg - 1) / nneg);
	q->auc_low = Max(q->auc - half_width, 0.0);
	q->auc_high = Min(q->auc + half_width, 1.0);
}

/*
 * Average precision: Σ (R_k - R_k-1) P_k over the distinct scores from the
 * highest down, without interpolation.
 */
static void
QualityAveragePrecision(const Ties *ties, Quality *q)
{
	Sum			sum = {0, 0};
	int64		tp = 0;
	int64		fp = 0;

	if (ties->pos == 0)
		return;
	for (int64 i = ties->count - 1; i >= 0; i--)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		tp += t->pos;
		fp += t->neg;
		if (t->pos > 0)
			SumAdd(&sum, (double) t->pos * (double) tp / (double) (tp + fp));
	}
	q->average_precision = SumValue(&sum) / (double) ties->pos;
}

/* The 95 % interval of a mean that is not negative; NaN of a single one. */
static void
IntervalOfMean(double mean, double squares, int64 n, double *low, double *high)
{
	double		half_width = Z_95 * sqrt(squares / (double) (n - 1) / (double) n);

	if (n < 2)
		return;
	*low = Max(mean - half_width, 0.0);
	*high = mean + half_width;
}

/*
 * Log loss, with scores clipped to [ε, 1 - ε] where ε = 2.2e-16, and the Brier
 * score: means over the pairs, which need probabilities, as does the mean score.
 * Their intervals are the normal ones of a mean, at least 0; two pairs or more.
 */
static void
QualityLoss(const Ties *ties, Quality *q)
{
	Sum			log_loss = {0, 0};
	Sum			brier = {0, 0};
	Sum			score = {0, 0};
	Sum			of_log_loss = {0, 0};
	Sum			of_brier = {0, 0};

	if (!ties->probability)
		return;
	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];
		double		p = t->score;
		double		clipped = Min(Max(p, DBL_EPSILON), 1 - DBL_EPSILON);

		CHECK_WALK(i);
		SumAdd(&score, (t->pos + t->neg) * p);
		if (t->pos > 0)
		{
			SumAdd(&log_loss, -t->pos * log(clipped));
			SumAdd(&brier, t->pos * (1 - p) * (1 - p));
		}
		if (t->neg > 0)
		{
			SumAdd(&log_loss, -t->neg * log1p(-clipped));
			SumAdd(&brier, t->neg * p * p);
		}
	}
	q->log_loss = SumValue(&log_loss) / (double) ties->n;
	q->brier = SumValue(&brier) / (double) ties->n;
	q->mean_score = SumValue(&score) / (double) ties->n;

	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];
		double		p = t->score;
		double		clipped = Min(Max(p, DBL_EPSILON), 1 - DBL_EPSILON);
		double		d;

		CHECK_WALK(i);
		if (t->pos > 0)
		{
			d = -log(clipped) - q->log_loss;
			SumAdd(&of_log_loss, t->pos * d * d);
			d = (1 - p) * (1 - p) - q->brier;
			SumAdd(&of_brier, t->pos * d * d);
		}
		if (t->neg > 0)
		{
			d = -log1p(-clipped) - q->log_loss;
			SumAdd(&of_log_loss, t->neg * d * d);
			d = p * p - q->brier;
			SumAdd(&of_brier, t->neg * d * d);
		}
	}
	IntervalOfMean(q->log_loss, SumValue(&of_log_loss), ties->n, &q->log_loss_low, &q->log_loss_high);
	IntervalOfMean(q->brier, SumValue(&of_brier), ties->n, &q->brier_low, &q->brier_high);
}

/* What a score ≥ threshold, taken for a positive, gets right and wrong. */
static void
QualityAtThreshold(const Ties *ties, double threshold, Quality *q)
{
	int64		tp = 0;
	int64		fp = 0;

	for (int64 i = ties->count - 1; i >= 0; i--)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		if (t->score < threshold)
			break;
		tp += t->pos;
		fp += t->neg;
	}
	q->tp = tp;
	q->fp = fp;
	q->tn = ties->neg - fp;
	q->fn = ties->pos - tp;
	q->accuracy = Share(q->tp + q->tn, ties->n);
	q->precision = Share(tp, tp + fp);
	q->recall = Share(tp, ties->pos);
	q->specificity = Share(q->tn, ties->neg);
	q->f1 = Share(2 * tp, tp + fp + ties->pos);
}

/*
 * The observed scores that make the best thresholds, and the Kolmogorov-
 * Smirnov distance between the classes.  The walk goes up and only a strictly
 * better threshold replaces an earlier one, so ties go to the lower one.
 */
static void
QualityBest(const Ties *ties, Quality *q)
{
	int64		tp = ties->pos; /* at the score the walk has reached */
	int64		fp = ties->neg;
	int64		f1_part = 0;	/* best F1 = 2 × part / whole */
	int64		f1_whole = 1;
	int64		youden = -1;	/* best J × positives × negatives */
	int64		ks = 0;			/* likewise */

	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];
		int64		whole = tp + fp + ties->pos;
		int64		gap = tp * ties->neg - fp * ties->pos;

		CHECK_WALK(i);
		if (ties->pos > 0 &&
			(i == 0 || tp * f1_whole > f1_part * whole))
		{
			f1_part = tp;
			f1_whole = whole;
			q->best_f1_threshold = t->score;
		}
		if (ties->pos > 0 && ties->neg > 0 && gap > youden)
		{
			youden = gap;
			q->best_youden_threshold = t->score;
		}
		ks = Max(ks, gap < 0 ? -gap : gap);
		tp -= t->pos;
		fp -= t->neg;
	}
	if (ties->pos > 0)
		q->best_f1 = Share(2 * f1_part, f1_whole);
	if (ties->pos > 0 && ties->neg > 0)
	{
		q->best_youden = Share(youden, ties->pos * ties->neg);
		q->ks = Share(ks, ties->pos * ties->neg);
	}
}

/*
 * Lift of the best tenth: its rate of positives over that of all.  The interval
 * is that of the tenth's rate (Wilson), over the rate of all as it is.
 */
static void
QualityLift(const Ties *ties, Quality *q)
{
	double		base = Share(ties->pos, ties->n);
	LiftTile   *tiles;

	if (ties->pos == 0)
		return;
	tiles = LiftTiles(ties, 10);
	WilsonInterval(Min(tiles[0].positives, tiles[0].n), tiles[0].n, &q->lift_10_low, &q->lift_10_high);
	q->lift_10 = tiles[0].lift;
	q->lift_10_low /= base;
	q->lift_10_high /= base;
	pfree(tiles);
}

/* Every measure of at least one pair. */
void
QualityOf(const Ties *ties, double threshold, Quality *q)
{
	double		nan = get_float8_nan();

	q->auc = q->auc_low = q->auc_high = nan;
	q->average_precision = q->log_loss = q->brier = q->ks = q->gini = nan;
	q->best_f1_threshold = q->best_f1 = nan;
	q->best_youden_threshold = q->best_youden = nan;
	q->log_loss_low = q->log_loss_high = q->brier_low = q->brier_high = nan;
	q->lift_10 = q->lift_10_low = q->lift_10_high = q->mean_score = nan;

	QualityAuc(ties, q);
	QualityAveragePrecision(ties, q);
	QualityLoss(ties, q);
	QualityAtThreshold(ties, threshold, q);
	QualityBest(ties, q);
	QualityLift(ties, q);
}

/* ------------------------------------------------------------------------
 * Curves
 * ------------------------------------------------------------------------
 */

/*
 * ROC curve from (0, 0) at threshold infinity up to (1, 1) at the lowest
 * score.  As in scikit-learn a point is dropped where the steps before and
 * after it are equal in both counts; the first and last score always stay, and
 * (0, 0) takes no part in it.
 */
RocPoint *
RocCurve(const Ties *ties, int64 *npoints)
{
	RocPoint   *points = AllocPoints(ties->count + 1, sizeof(RocPoint));
	int64		n = 0;
	int64		tp = 0;
	int64		fp = 0;

	points[n].threshold = get_float8_infinity();
	points[n].fpr = Share(0, ties->neg);
	points[n].tpr = Share(0, ties->pos);
	points[n].tp = points[n].fp = 0;
	n++;
	for (int64 i = ties->count - 1; i >= 0; i--)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		tp += t->pos;
		fp += t->neg;
		if (i > 0 && i < ties->count - 1 &&
			t[-1].pos == t->pos && t[-1].neg == t->neg)
			continue;
		points[n].threshold = t->score;
		points[n].fpr = Share(fp, ties->neg);
		points[n].tpr = Share(tp, ties->pos);
		points[n].tp = tp;
		points[n].fp = fp;
		n++;
	}
	*npoints = n;
	return points;
}

/*
 * Precision and recall at every distinct score, thresholds ascending as in
 * scikit-learn, then the end point (precision 1, recall 0): nothing is called
 * positive at threshold infinity, and the 1 is a convention.
 */
PrPoint *
PrCurve(const Ties *ties, int64 *npoints)
{
	PrPoint    *points = AllocPoints(ties->count + 1, sizeof(PrPoint));
	PrPoint    *end = &points[ties->count];
	int64		tp = ties->pos;
	int64		fp = ties->neg;

	for (int64 i = 0; i < ties->count; i++)
	{
		CHECK_WALK(i);
		points[i].threshold = ties->tie[i].score;
		points[i].precision = Share(tp, tp + fp);
		points[i].recall = Share(tp, ties->pos);
		points[i].tp = tp;
		points[i].fp = fp;
		tp -= ties->tie[i].pos;
		fp -= ties->tie[i].neg;
	}
	end->threshold = get_float8_infinity();
	end->precision = 1;
	end->recall = Share(0, ties->pos);
	end->tp = end->fp = 0;
	*npoints = ties->count + 1;
	return points;
}

/*
 * Tiles of n / tiles pairs each from the highest score down.  A tie across a
 * border is cut: each side gets its share of the tie's positives, so that the
 * tiles do not depend on the order of equal scores.  Positions are counted in
 * units of 1 / tiles of a pair, which makes every border an integer: tile t
 * (from 0) covers [t × n, (t + 1) × n), a tie m × tiles units.
 */
LiftTile *
LiftTiles(const Ties *ties, int tiles)
{
	LiftTile   *result = AllocPoints(tiles, sizeof(LiftTile));
	double		base = Share(ties->pos, ties->n);
	int64		i = ties->count - 1;	/* the tie the walk is in */
	int64		start = 0;		/* its first unit */
	int64		before = 0;		/* positives above it */

	for (int t = 0; t < tiles; t++)
	{
		LiftTile   *tile = &result[t];
		int64		from = (int64) t * ties->n;
		int64		to = from + ties->n;
		int64		whole = 0;	/* positives of ties inside the tile */
		double		cut = 0;	/* of ties that cross a border */
		double		so_far;

		CHECK_WALK(t);
		tile->max_score = ties->tie[i].score;
		for (;;)
		{
			const Tie  *tie = &ties->tie[i];
			int64		size = (tie->pos + tie->neg) * tiles;
			int64		end = start + size;
			int64		overlap = Min(end, to) - Max(start, from);

			CHECK_WALK(i);
			if (overlap == size)
				whole += tie->pos;
			else
				cut += (double) (tie->pos * overlap) / (double) size;
			tile->min_score = tie->score;
			so_far = end <= to ? (double) (before + tie->pos) :
				before + (double) tie->pos * (double) (to - start) / (double) size;
			if (end > to)
				break;			/* the next tile begins inside */
			start = end;
			before += tie->pos;
			i--;
			if (end == to)
				break;
		}
		tile->tile = t + 1;
		tile->n = (double) ties->n / tiles;
		tile->positives = whole + cut;
		tile->rate = tile->positives / tile->n;
		tile->lift = ties->pos == 0 ? get_float8_nan() : tile->rate / base;
		tile->gain = ties->pos == 0 ? get_float8_nan() : so_far / ties->pos;
		tile->cumulative_lift = tile->gain / ((double) (t + 1) / tiles);
	}
	return result;
}
