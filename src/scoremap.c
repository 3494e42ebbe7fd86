/*-------------------------------------------------------------------------
 *
 * scoremap.c
 *	  Fitting a map from raw scores to calibrated ones; no Datum in here.
 *
 * Platt (1999), Probabilistic outputs for support vector machines: a logistic
 * regression of the label on one number, with the targets (n⁺ + 1) / (n⁺ + 2) for
 * a positive and 1 / (n⁻ + 2) for a negative, so that it cannot run away where the
 * scores separate the classes (Lin, Lin, Weng 2007, A note on Platt's probabilistic
 * outputs, Machine Learning 68).  The number is the log-odds of the score, not the
 * score: a score that is right already is then left as it is, which a sigmoid of
 * the score itself cannot do (Kull, Silva Filho, Flach 2017, AISTATS).
 *
 * Isotonic regression: the pool-adjacent-violators algorithm (Ayer et al. 1955).
 * Scores that are equal but for roundings are one point.  As with Platt's targets no step is surer than n⁺ and
 * n⁻ rows can make it: a score of 0 or 1 would say that the next lead is certain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "scoremap.h"

#define MAP_MAX_STEPS	(MAP_MAX_POINTS / 2)

const char *const map_method_names[] = {"none", "platt", "isotonic"};

static inline double
PositiveTarget(const Ties *ties)
{
	return (ties->pos + 1.0) / (ties->pos + 2.0);
}

static inline double
NegativeTarget(const Ties *ties)
{
	return 1.0 / (ties->neg + 2.0);
}

/* ------------------------------------------------------------------------
 * Platt: ties as a design of one dense column
 * ------------------------------------------------------------------------
 */

typedef struct PlattRows
{
	const Ties *ties;
	double		target[2];
	double		centre;			/* of the log-odds: for the condition of the fit */
	double		log_odds[DESIGN_BLOCK_ROWS];
	double		pos[DESIGN_BLOCK_ROWS];
	double		neg[DESIGN_BLOCK_ROWS];
	int			start[DESIGN_BLOCK_ROWS + 1];	/* no entries: all 0 */
} PlattRows;

static inline double
ClippedLogOdds(double score)
{
	double		x = log(score) - log1p(-score);

	return Max(Min(x, MAP_MAX_LOG_ODDS), -MAP_MAX_LOG_ODDS);
}

static void
FillPlatt(void *arg, int64 first, int n, DesignBlock *block)
{
	PlattRows  *rows = arg;

	memset(rows->log_odds, 0, sizeof(rows->log_odds));
	memset(rows->pos, 0, sizeof(rows->pos));
	memset(rows->neg, 0, sizeof(rows->neg));
	for (int i = 0; i < n; i++)
	{
		const Tie  *t = &rows->ties->tie[first + i];

		rows->log_odds[i] = ClippedLogOdds(t->score) - rows->centre;
		rows->pos[i] = t->pos * rows->target[1] + t->neg * rows->target[0];
		rows->neg[i] = t->pos + t->neg - rows->pos[i];
	}
	memset(block, 0, sizeof(*block));
	block->n = n;
	block->dense = rows->log_odds;
	block->start = rows->start;
	block->pos = rows->pos;
	block->neg = rows->neg;
}

/*
 * A slope that falls would turn the order of leads round, and one that all equal
 * scores leave open says nothing: such scores become one, the mean target.
 */
static void
FitPlatt(const Ties *ties, ScoreMap *map)
{
	static const int column[] = {1};
	PlattRows  *rows = palloc0(sizeof(PlattRows));
	DesignSource design = {0};
	LogitOptions options = {0};
	LogitFit   *fit;
	Sum			centre = {0, 0};
	double		expected;

	rows->ties = ties;
	rows->target[0] = NegativeTarget(ties);
	rows->target[1] = PositiveTarget(ties);
	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		SumAdd(&centre, (t->pos + t->neg) * ClippedLogOdds(t->score));
	}
	rows->centre = SumValue(&centre) / ties->n;
	expected = ties->pos * rows->target[1] + ties->neg * rows->target[0];

	design.nrows = ties->count;
	design.ncolumns = 2;
	design.ndense = 1;
	design.dense_column = column;
	design.weights[0] = ties->n - expected;
	design.weights[1] = expected;
	design.fill = FillPlatt;
	design.arg = rows;
	options.class_weight[0] = options.class_weight[1] = 1;
	fit = LogitSolve(&design, &options);

	if (fit->aliased[1] || !(fit->beta[1] > 0))
	{
		map->slope = 0;
		map->intercept = log(expected / (ties->n - expected));
		return;
	}
	map->slope = fit->beta[1];
	map->intercept = fit->beta[0] - fit->beta[1] * rows->centre;
}

/* ------------------------------------------------------------------------
 * Isotonic
 * ------------------------------------------------------------------------
 */

/* Neighbouring ties that have one score. */
typedef struct Step
{
	int64		pos;
	int64		n;
	int64		first;			/* ties */
	int64		last;
} Step;

static inline void
JoinSteps(Step *into, const Step *next)
{
	into->pos += next->pos;
	into->n += next->n;
	into->last = next->last;
}

/* Scores that are nearer than this differ by roundings, and are one. */
#define MAP_RESOLUTION	1e-12

/* The score of tie i, and those that differ by roundings only. */
static Step
PointAt(const Ties *ties, int64 i)
{
	Step		point = {0, 0, i, i};

	for (; i < ties->count &&
		 ties->tie[i].score - ties->tie[point.first].score < MAP_RESOLUTION; i++)
	{
		CHECK_WALK(i);
		point.pos += ties->tie[i].pos;
		point.n += ties->tie[i].pos + ties->tie[i].neg;
		point.last = i;
	}
	return point;
}

/* Ascending rates; counts are compared as fractions, which is exact. */
static Step *
PoolViolators(const Ties *ties, int64 *nsteps)
{
	Step	   *steps = AllocPoints(ties->count, sizeof(Step));
	int64		n = 0;

	for (int64 i = 0; i < ties->count; i = steps[n - 1].last + 1)
	{
		steps[n++] = PointAt(ties, i);
		while (n > 1 && steps[n - 2].pos * steps[n - 1].n >= steps[n - 1].pos * steps[n - 2].n)
		{
			JoinSteps(&steps[n - 2], &steps[n - 1]);
			n--;
		}
	}
	*nsteps = n;
	return steps;
}

/* Join every step with the next: rates ascend as before, half as finely. */
static int64
HalveSteps(Step *steps, int64 n)
{
	int64		half = 0;

	for (int64 i = 0; i < n; i += 2)
	{
		CHECK_WALK(i);
		steps[half] = steps[i];
		if (i + 1 < n)
			JoinSteps(&steps[half], &steps[i + 1]);
		half++;
	}
	return half;
}

static void
FitIsotonic(const Ties *ties, ScoreMap *map)
{
	int64		nsteps;
	Step	   *steps = PoolViolators(ties, &nsteps);

	while (nsteps > MAP_MAX_STEPS)
		nsteps = HalveSteps(steps, nsteps);
	map->raw = palloc(sizeof(double) * 2 * nsteps);
	map->score = palloc(sizeof(double) * 2 * nsteps);
	for (int64 i = 0; i < nsteps; i++)
	{
		double		rate = (double) steps[i].pos / (double) steps[i].n;

		rate = Min(Max(rate, NegativeTarget(ties)), PositiveTarget(ties));
		map->raw[map->npoints] = ties->tie[steps[i].first].score;
		map->score[map->npoints++] = rate;
		if (steps[i].last == steps[i].first)
			continue;
		map->raw[map->npoints] = ties->tie[steps[i].last].score;
		map->score[map->npoints++] = rate;
	}
	pfree(steps);
}

/* ------------------------------------------------------------------------
 * Maps
 * ------------------------------------------------------------------------
 */

ScoreMap *
ScoreMapFit(const Ties *ties, MapMethod method)
{
	ScoreMap   *map = palloc0(sizeof(ScoreMap));

	Assert(ties->probability && ties->pos > 0 && ties->neg > 0);
	map->method = method;
	map->rows = ties->n;
	map->positives = ties->pos;
	if (method == MAP_PLATT)
		FitPlatt(ties, map);
	else
		FitIsotonic(ties, map);
	return map;
}

bool
ScoreMapIsFlat(const ScoreMap *map)
{
	return map->method == MAP_PLATT ? map->slope == 0 :
		map->score[0] == map->score[map->npoints - 1];
}

/*
 * Straight from the last point that is not above `raw` to the next.  Where the
 * search goes a processor cannot guess, so it has no branches.
 */
double
ScoreMapIsotonic(const ScoreMap *map, double raw)
{
	const double *low = map->raw;
	const double *score;
	double		share;

	for (int n = map->npoints; n > 1; n -= n / 2)
		low = low[n / 2] <= raw ? low + n / 2 : low;
	score = map->score + (low - map->raw);
	if (raw <= low[0] || low == map->raw + map->npoints - 1)
		return score[0];
	share = (raw - low[0]) / (low[1] - low[0]);
	/* rounding must not carry it over the next point */
	return Min(score[0] + (score[1] - score[0]) * share, score[1]);
}

static inline bool
IsShare(double x)
{
	return x >= 0 && x <= 1;
}

const char *
ScoreMapProblem(const ScoreMap *map)
{
	if (map->rows < 0 || map->rows > PAIRS_MAX || map->positives < 0 || map->positives > map->rows)
		return "The counts of the calibration do not match.";
	if (map->folds < 0 || map->folds == 1 || map->folds > MAP_MAX_FOLDS)
		return "The calibration has an impossible number of folds.";
	if (map->method == MAP_PLATT)
		return !isfinite(map->intercept) || !isfinite(map->slope) ?
			"A number of the calibration is not finite." :
			map->slope < 0 ? "The slope of the calibration is negative." : NULL;
	if (map->npoints < 1 || map->npoints > MAP_MAX_POINTS)
		return psprintf("The calibration must have from 1 to %d points.", MAP_MAX_POINTS);
	for (int i = 0; i < map->npoints; i++)
	{
		if (!IsShare(map->raw[i]) || !IsShare(map->score[i]))
			return "A point of the calibration lies outside 0 and 1.";
		if (i > 0 && !(map->raw[i - 1] < map->raw[i]))
			return "The raw scores of the calibration do not ascend.";
		if (i > 0 && map->score[i - 1] > map->score[i])
			return "The scores of the calibration fall.";
	}
	return NULL;
}
