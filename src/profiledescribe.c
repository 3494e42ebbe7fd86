/*-------------------------------------------------------------------------
 *
 * profiledescribe.c
 *	  lead_describe(leadprofile): a row per column.
 *
 * All but min, max, mean and sd are those of the counted values: where a column
 * has more different numbers than are counted exactly, of the rounded ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "leadprofile.h"

#define DESCRIBE_COLUMNS	19
#define MOST_SHOWN			5
#define HUGE_NUMBER			1e100	/* its third power might overflow, 1 over it vanish */

/* alerts */
#define MOSTLY_MISSING		0.5
#define HIGH_CARDINALITY	50		/* levels */
#define IMBALANCE			0.9		/* share of the most frequent value */
#define SKEWED				2.0

typedef struct Moments
{
	double		mean;
	double		sd;				/* population */
	double		skewness;		/* population; NaN where sd is 0 */
	int64		zeros;
	int64		most;			/* rows of the most frequent value */
} Moments;

static Moments
MomentsOf(const ProfileColumn *c, int64 n)
{
	Moments		m = {0, 0, NAN, 0, 0};
	double		large = Max(fabs(c->numbers[0].x), fabs(c->numbers[c->n - 1].x)),
				unit = large > HUGE_NUMBER || (large < 1 / HUGE_NUMBER && large > 0) ? large : 1,
				square = 0,
				cube = 0;

	for (int i = 0; i < c->n; i++)
	{
		m.mean += c->numbers[i].x * ((double) c->numbers[i].rows / n);
		m.most = Max(m.most, c->numbers[i].rows);
		if (c->numbers[i].x == 0)
			m.zeros += c->numbers[i].rows;
	}
	for (int i = 0; i < c->n; i++)
	{
		double		share = (double) c->numbers[i].rows / n,
					d = c->numbers[i].x / unit - m.mean / unit;

		square += share * d * d;
		cube += share * d * d * d;
	}
	m.sd = sqrt(square) * unit;
	if (c->n > 1 && square > 0)
		m.skewness = cube / (square * sqrt(square));
	ProfileMoments(c, n, &m.mean, &m.sd);
	return m;
}

/* Between the two values next to it linearly, as R's type 7 and NumPy. */
static double
Quantile(const ProfileColumn *c, int64 n, double p)
{
	double		at = p * (n - 1),
				low = NAN,
				high = NAN;
	int64		rank = (int64) floor(at),
				seen = 0;

	for (int i = 0; i < c->n; i++)
	{
		seen += c->numbers[i].rows;
		if (isnan(low) && seen > rank)
			low = c->numbers[i].x;
		if (seen > Min(rank + 1, n - 1))
		{
			high = c->numbers[i].x;
			break;
		}
	}
	return low == high ? low : isinf(high - low) ? low * (1 - at + rank) + high * (at - rank) :
		low + (at - rank) * (high - low);
}

static char *
ValueText(const ProfileColumn *c, double x)
{
	char	   *text = NULL;

	if (CellTypeClass(c->type) == CLASS_TIME)
		text = TimeText(x, c->type);
	else if (CellTypeClass(c->type) == CLASS_BOOL)
		return x != 0 ? "true" : "false";
	return text != NULL ? text : NumberText(x);
}

/* The text of a counted number: of a time, its day. */
static char *
CountedText(const ProfileColumn *c, double x)
{
	char	   *text = NULL;

	if (CellTypeClass(c->type) == CLASS_TIME)
		text = TimeText(x * TIME_CELL_USECS, CELL_DATE);
	return text != NULL ? text : ValueText(c, x);
}

static int64
RowsOf(const ProfileColumn *c, int i)
{
	return c->store == PROFILE_LEVELS ? c->levels[i].rows : c->numbers[i].rows;
}

/* "Oslo (12), Paris (7), …"; equal ones in their order.  *most gets the first's. */
static char *
MostFrequent(const ProfileColumn *c, int64 *most)
{
	StringInfoData buf;
	int			shown[MOST_SHOWN];

	initStringInfo(&buf);
	*most = 0;
	for (int n = 0; n < Min(MOST_SHOWN, c->n); n++)
	{
		int			best = -1;

		for (int i = 0; i < c->n; i++)
		{
			bool		taken = false;

			for (int k = 0; k < n; k++)
				taken = taken || shown[k] == i;
			if (!taken && (best < 0 || RowsOf(c, i) > RowsOf(c, best)))
				best = i;
		}
		shown[n] = best;
		*most = Max(*most, RowsOf(c, best));
		appendStringInfo(&buf, "%s%s (%lld)", n == 0 ? "" : ", ",
						 c->store == PROFILE_LEVELS ?
						 TextFromUtf8(c->levels[best].text, c->levels[best].len) :
						 CountedText(c, c->numbers[best].x), (long long) RowsOf(c, best));
	}
	return buf.data;
}

static Datum
Alerts(const Profile *p, const ProfileColumn *c, double distinct, const Moments *m)
{
	Datum		alerts[8];
	int			n = 0;
	int64		nonnull = ProfileNonNull(p, c);

#define ALERT(name) (alerts[n++] = CStringGetTextDatum(name))
	if (p->rows > 0 && nonnull == 0)
		ALERT("empty");
	else if (c->nulls > MOSTLY_MISSING * p->rows)
		ALERT("mostly missing");
	if (distinct == 1)
		ALERT("constant");
	else if (nonnull > 0 && m->most > IMBALANCE * nonnull)
		ALERT("imbalanced");
	if (nonnull >= IDENTIFIER_MIN_ROWS && distinct >= IDENTIFIER_SHARE * nonnull &&
		CellTypeClass(c->type) != CLASS_BOOL)
		ALERT("unique");
	else if (CellTypeClass(c->type) == CLASS_TEXT && distinct > HIGH_CARDINALITY)
		ALERT("high cardinality");
	if (strcmp(ProfileKind(c), KIND_NUMBER) == 0 && fabs(m->skewness) > SKEWED)
		ALERT("skewed");
#undef ALERT
	return PointerGetDatum(construct_array(alerts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
DescribeColumn(ReturnSetInfo *rsinfo, const Profile *p, const ProfileColumn *c)
{
	Datum		values[DESCRIBE_COLUMNS];
	bool		nulls[DESCRIBE_COLUMNS] = {0};
	int64		n = ProfileNonNull(p, c);
	double		estimate = n > 0 || c->store != PROFILE_COUNTED ? ProfileDistinct(c) : 0,
				distinct = estimate > n ? n : estimate; /* never more than values */
	bool		number = c->store == PROFILE_NUMBERS && n > 0,
				arithmetic = number && CellTypeClass(c->type) != CLASS_TIME;
	bool		listed = (number || c->store == PROFILE_LEVELS) && n > 0 &&
		(c->store == PROFILE_LEVELS || c->bits == MANTISSA_BITS);
	Moments		m = {0, 0, NAN, 0, 0};
	char	   *frequent = NULL;

	if (number)
		m = MomentsOf(c, n);
	if (listed)
		frequent = MostFrequent(c, &m.most);
	values[0] = CStringGetTextDatum(TextFromUtf8(c->name, strlen(c->name)));
	values[1] = CStringGetTextDatum(ProfileTypeName(c));
	values[2] = CStringGetTextDatum(ProfileKind(c));
	values[3] = Int64GetDatum(p->rows);
	values[4] = Int64GetDatum(c->nulls);
	values[5] = Float8GetDatum(p->rows > 0 ? (double) c->nulls / p->rows : 0);
	nulls[6] = isnan(distinct);
	values[6] = nulls[6] ? (Datum) 0 : Int64GetDatum((int64) distinct);
	values[7] = BoolGetDatum(ProfileIsExact(c));
	nulls[8] = nulls[12] = !c->ranged;
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(ValueText(c, c->low));
	values[12] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(ValueText(c, c->high));
	for (int i = 0; i < 3; i++)
	{
		nulls[9 + i] = !arithmetic;
		values[9 + i] = Float8GetDatum(arithmetic ? Quantile(c, n, 0.25 * (i + 1)) : 0);
	}
	nulls[13] = nulls[14] = nulls[16] = !arithmetic;
	values[13] = Float8GetDatum(m.mean);
	values[14] = Float8GetDatum(m.sd);
	nulls[15] = !arithmetic || isnan(m.skewness);
	values[15] = Float8GetDatum(m.skewness);
	values[16] = Int64GetDatum(m.zeros);
	nulls[17] = frequent == NULL;
	values[17] = frequent == NULL ? (Datum) 0 : CStringGetTextDatum(frequent);
	values[18] = Alerts(p, c, distinct, &m);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(lead_describe_profile);
Datum
lead_describe_profile(PG_FUNCTION_ARGS)
{
	Profile    *p = ProfileDecode(PG_GETARG_VARLENA_P(0));

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < p->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		DescribeColumn((ReturnSetInfo *) fcinfo->resultinfo, p, &p->columns[i]);
	}
	PG_RETURN_NULL();
}
