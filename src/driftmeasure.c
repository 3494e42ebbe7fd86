/*-------------------------------------------------------------------------
 *
 * driftmeasure.c
 *	  Which method fits the values of a column, and what it says.
 *
 * Which test fits a column, its bins and its threshold are Evidently's defaults.
 * Beside them stands what chance alone gives at these numbers of rows.  The
 * mathematics is in distance.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "distance.h"
#include "drift.h"

#define SMALL_REFERENCE	1000	/* rows, up to which tests are used */
#define FEW_VALUES		5		/* numbers with so many count as categories */
#define BINNED_FROM		20		/* more different numbers are put into bins */

static inline bool
IsTest(Method m)
{
	return m >= METHOD_KS;
}

/* Different values of the reference alone. */
static int
ValuesOf(const int64 *rows, int n)
{
	int			values = 0;

	for (int i = 0; i < n; i++)
		values += (rows[i] > 0);
	return values;
}

static Method
DefaultMethod(const Cells *c, bool number)
{
	if (number && c->n > FEW_VALUES)
		return c->rows_a <= SMALL_REFERENCE ? METHOD_KS : METHOD_WASSERSTEIN;
	if (c->rows_a > SMALL_REFERENCE)
		return METHOD_JENSENSHANNON;
	return c->n > 2 ? METHOD_CHISQUARE : METHOD_Z;
}

static void
CheckMethod(Method m, const Cells *c, const char *name)
{
	if (((m == METHOD_WASSERSTEIN || m == METHOD_KS) && c->x == NULL) ||
		(m == METHOD_Z && c->n > 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"%s\" does not fit column \"%s\"", drift_method_names[m],
						TextFromUtf8(name, strlen(name))),
				 errdetail(m == METHOD_Z ? "It compares the shares of two values; there are %d." :
						   "It needs numbers.", c->n),
				 errhint("Choose a method by column: {\"columns\": {%s: {\"method\": \"auto\"}}}.",
						 JsonName(name))));
}

/*
 * What chance makes of a distance.  The p-value is that of the distance of the cells
 * with the sparse ones pooled, which follow χ² scaled by the rows of both sides:
 * (1/n + 1/m) χ² for PSI and an eighth of it for the square of JS.
 */
static void
ChanceOfDistance(Measured *d, const Cells *c, double alpha)
{
	double		unit = 1.0 / c->rows_a + 1.0 / c->rows_b;
	Cells		pooled = *c;
	double		distance;

	if (d->method == METHOD_PSI)
		d->chance = StabilityByChance(c->a, c->b, c->n, alpha);
	else if (d->method == METHOD_JENSENSHANNON)
		d->chance = ShannonByChance(c->a, c->b, c->n, alpha);
	CellsAllocate(&pooled, c->n, false);
	memcpy(pooled.a, c->a, sizeof(int64) * c->n);
	memcpy(pooled.b, c->b, sizeof(int64) * c->n);
	pooled.n = PoolSparse(pooled.a, pooled.b, c->n);
	if (pooled.n < 2)
		return;
	if (d->method == METHOD_PSI)
		distance = PopulationStability(pooled.a, pooled.b, pooled.n);
	else
		distance = 8 * pow(JensenShannon(pooled.a, pooled.b, pooled.n), 2);
	d->chance_p = ChiSquareTail(distance / unit, pooled.n - 1);
	if (!IsTest(d->method))
		d->p = d->chance_p;
}

Measured
DriftMeasure(const Cells *values, const ProfileColumn *column,
			 const ColumnChoice *choice, double alpha)
{
	bool		number = values->x != NULL &&
		strcmp(ProfileKind(column), KIND_CATEGORICAL) != 0;
	Cells		c = *values;
	Measured	d = {METHOD_AUTO, NAN, NAN, NAN, false, NAN, NAN};

	d.method = choice->method != METHOD_AUTO ? choice->method : DefaultMethod(&c, number);
	CheckMethod(d.method, &c, column->name);
	if ((d.method == METHOD_PSI || d.method == METHOD_JENSENSHANNON) && number &&
		ValuesOf(c.a, c.n) > BINNED_FROM)
		c = CellsBinned(&c);
	d.threshold = !isnan(choice->threshold) ? choice->threshold :
		IsTest(d.method) ? 0.05 : 0.1;
	switch (d.method)
	{
		case METHOD_PSI:
			d.statistic = PopulationStability(c.a, c.b, c.n);
			ChanceOfDistance(&d, &c, alpha);
			break;
		case METHOD_JENSENSHANNON:
			d.statistic = JensenShannon(c.a, c.b, c.n);
			ChanceOfDistance(&d, &c, alpha);
			break;
		case METHOD_WASSERSTEIN:
			d.statistic = WassersteinNormed(c.x, c.a, c.b, c.n);
			(void) KolmogorovSmirnov(c.a, c.b, c.n, &d.p);
			break;
		case METHOD_KS:
			d.statistic = KolmogorovSmirnov(c.a, c.b, c.n, &d.p);
			break;
		case METHOD_CHISQUARE:
			/* takes the reference for the truth: chance moves both sides */
			d.statistic = ChiSquareFit(c.a, c.b, c.n, &d.p);
			ChanceOfDistance(&d, &c, alpha);
			break;
		case METHOD_Z:
			/* the share that is not the first value */
			d.statistic = TwoShares(c.rows_a - c.a[0], c.rows_a,
									 c.rows_b - c.b[0], c.rows_b, &d.p);
			break;
		case METHOD_AUTO:
			break;
	}
	if (d.method != METHOD_CHISQUARE && isnan(d.chance_p))
		d.chance_p = d.p;
	d.drifted = !IsTest(d.method) ? d.statistic >= d.threshold :
		d.method == METHOD_KS ? d.p <= d.threshold : d.p < d.threshold;
	return d;
}
