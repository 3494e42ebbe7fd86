/*-------------------------------------------------------------------------
 *
 * threshold.c
 *	  The threshold that serves a purpose best, over all distinct scores; no
 *	  Datum in here.
 *
 * One walk over the ties from the lowest score up: at each everything that has
 * it or a higher score is taken, so equal scores are never divided.  Counts are
 * compared as counts, which is exact; of thresholds that are equally good the
 * lowest stays, unless the one above it takes fewer for the same positives.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "threshold.h"

/* The walk: what is taken at the threshold that it has reached. */
typedef struct Walk
{
	const Ties *ties;
	const PairChoice *criterion;
	int64		tp;
	int64		fp;
} Walk;

static double
CostOf(const Walk *w)
{
	const double *cost = w->criterion->number;

	return w->tp * cost[COST_TP] + w->fp * cost[COST_FP] +
		(w->ties->neg - w->fp) * cost[COST_TN] + (w->ties->pos - w->tp) * cost[COST_FN];
}

static bool
WithinCapacity(const Walk *w, int64 taken)
{
	double		most = w->criterion->number[0];

	/* a quotient is rounded as the number in the options was */
	return (w->criterion->kind == CRITERION_SHARE ? Share(taken, w->ties->n) : taken) <= most;
}

/* Is it better to take what the walk has reached than what was chosen so far? */
static bool
IsBetter(const Walk *w, const ThresholdChoice *best, bool any)
{
	int64		pos = w->ties->pos,
				neg = w->ties->neg;

	switch ((Criterion) w->criterion->kind)
	{
		case CRITERION_F1:
			return !any || w->tp * (best->tp + best->fp + pos) > best->tp * (w->tp + w->fp + pos);
		case CRITERION_YOUDEN:
			return !any || w->tp * neg - w->fp * pos > best->tp * neg - best->fp * pos;
		case CRITERION_COST:
			return !any || CostOf(w) < best->value;
		case CRITERION_MIN_PRECISION:
			return Share(w->tp, w->tp + w->fp) >= w->criterion->number[0] &&
				(!any || w->tp == best->tp);
		case CRITERION_MIN_RECALL:
			return Share(w->tp, pos) >= w->criterion->number[0];
		case CRITERION_SHARE:
		case CRITERION_CAPACITY:
			return !any && WithinCapacity(w, w->tp + w->fp);
		case CRITERION_NONE:
			break;
	}
	return false;
}

static double
ValueOf(const Walk *w)
{
	int64		pos = w->ties->pos,
				neg = w->ties->neg;

	switch ((Criterion) w->criterion->kind)
	{
		case CRITERION_F1:
			return Share(2 * w->tp, w->tp + w->fp + pos);
		case CRITERION_YOUDEN:
			return Share(w->tp * neg - w->fp * pos, pos * neg);
		case CRITERION_COST:
			return CostOf(w);
		case CRITERION_MIN_RECALL:
			return Share(w->tp, w->tp + w->fp);
		default:
			return Share(w->tp, pos);
	}
}

static void
Choose(const Walk *w, double threshold, ThresholdChoice *choice)
{
	choice->threshold = threshold;
	choice->value = ValueOf(w);
	choice->tp = w->tp;
	choice->fp = w->fp;
}

/* The precision that can be reached, and where. */
static char *
BestPrecision(const Ties *ties)
{
	int64		tp = ties->pos,
				fp = ties->neg,
				best_tp = 0,
				best_n = 1;
	double		at = 0;

	for (int64 i = 0; i < ties->count; i++)
	{
		CHECK_WALK(i);
		if (i == 0 || tp * best_n > best_tp * (tp + fp))
		{
			best_tp = tp;
			best_n = tp + fp;
			at = ties->tie[i].score;
		}
		tp -= ties->tie[i].pos;
		fp -= ties->tie[i].neg;
	}
	return psprintf("the highest precision that can be reached is %.4f, at %s",
					(double) best_tp / best_n, NumberText(at));
}

/* Why there is nothing to choose from, or NULL. */
static const char *
NothingToChoose(const Ties *ties, Criterion criterion)
{
	if (ties->pos == 0 && criterion != CRITERION_COST)
		return "no label is true";
	if (ties->neg == 0 && criterion == CRITERION_YOUDEN)
		return "no label is false";
	return NULL;
}

/* Of at least one pair. */
void
ChooseThreshold(const Ties *ties, const PairChoice *criterion, ThresholdChoice *choice)
{
	Walk		w = {ties, criterion, ties->pos, ties->neg};
	const Tie  *top = &ties->tie[ties->count - 1];
	bool		any = false;

	memset(choice, 0, sizeof(*choice));
	choice->note = NothingToChoose(ties, (Criterion) criterion->kind);
	if (choice->note != NULL)
		return;
	for (int64 i = 0; i < ties->count; i++)
	{
		CHECK_WALK(i);
		if (IsBetter(&w, choice, any))
		{
			Choose(&w, ties->tie[i].score, choice);
			any = true;
		}
		w.tp -= ties->tie[i].pos;
		w.fp -= ties->tie[i].neg;
	}
	/* nobody is taken now, which may be the cheapest */
	if (criterion->kind == CRITERION_COST && IsBetter(&w, choice, any))
		Choose(&w, get_float8_infinity(), choice);
	if (any)
		return;
	if (criterion->kind == CRITERION_MIN_PRECISION)
		choice->note = BestPrecision(ties);
	else
		choice->note = psprintf("%lld pairs of %lld have the highest score, more than can be taken",
								(long long) (top->pos + top->neg), (long long) ties->n);
}
