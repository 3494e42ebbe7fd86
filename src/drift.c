/*-------------------------------------------------------------------------
 *
 * drift.c
 *	  lead_drift(reference, current): what changed, column by column.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "distance.h"
#include "drift.h"
#include "metrics.h"

#define DRIFT_COLUMNS		22
#define ESTIMATED_SHARE		0.9		/* of different values, for an identifier */

typedef struct Drift
{
	const ProfileColumn *a;		/* NULL where the profile lacks the column */
	const ProfileColumn *b;
	const char *kind;
	Measured	m;
	double		adjusted;
	int64		new_levels;		/* -1 unknown */
	int64		vanished;
	double		out_of_range;
	Impact		impact;
} Drift;

/* Both profiles, and how they are compared. */
typedef struct Comparison
{
	const Profile *ref;
	const Profile *cur;
	const DriftOptions *opt;
	DriftModel *model;			/* or NULL */
	double		points;			/* per log-odds */
} Comparison;

static bool
TypeChanged(const Drift *d)
{
	return d->a != NULL && d->b != NULL &&
		CellTypeClass(d->a->type) != CellTypeClass(d->b->type);
}

/* What is there that was not, and the other way round. */
static void
CompareValues(Drift *d, const Cells *c)
{
	if (c->approximate || c->rows_a == 0)
		return;
	if (strcmp(d->kind, KIND_CATEGORICAL) == 0)
	{
		d->new_levels = d->vanished = 0;
		for (int i = 0; i < c->n; i++)
		{
			d->new_levels += (c->a[i] == 0 && c->b[i] > 0);
			d->vanished += (c->a[i] > 0 && c->b[i] == 0);
		}
	}
	else if (c->x != NULL && c->rows_b > 0)
	{
		int64		outside = 0;
		int			first = 0,
					last = c->n - 1;

		while (c->a[first] == 0)
			outside += c->b[first++];
		while (c->a[last] == 0)
			outside += c->b[last--];
		d->out_of_range = (double) outside / c->rows_b;
	}
}

/*
 * Nearly every row has a value of its own: a key, whose values always move on.
 * Estimates of their number have a margin.
 */
static bool
IsIdentifier(const Profile *p, const ProfileColumn *c)
{
	int64		rows = ProfileNonNull(p, c);

	return rows >= IDENTIFIER_MIN_ROWS && CellTypeIsKey(c->type) &&
		ProfileDistinct(c) >= rows * (ProfileIsExact(c) ? IDENTIFIER_SHARE : ESTIMATED_SHARE);
}

/* Times and keys always move on: they are compared on request only. */
static const char *
MovesOn(const Comparison *both, const Drift *d)
{
	if (strcmp(d->kind, KIND_TIME) == 0)
		return "a time";
	if (IsIdentifier(both->ref, d->a) && IsIdentifier(both->cur, d->b))
		return "an identifier";
	return NULL;
}

static Drift
CompareColumn(const Comparison *both, const ProfileColumn *a, const ProfileColumn *b)
{
	const ProfileColumn *some = b != NULL ? b : a;
	ColumnChoice choice = DriftChoice(both->opt, some->name);
	Drift		d = {.a = a, .b = b, .kind = ProfileKind(some)};
	Cells		cells;

	d.m = (Measured) {METHOD_AUTO, NAN, NAN, NAN, false, NAN, NAN};
	d.out_of_range = NAN;
	d.new_levels = d.vanished = -1;
	d.impact = DriftImpact(both->model, both->ref, both->cur, some->name);
	if (a == NULL || b == NULL || TypeChanged(&d))
		return d;
	if (CellsMake(&cells, a, b) &&
		(choice.method != METHOD_AUTO || MovesOn(both, &d) == NULL))
		d.m = DriftMeasure(&cells, a, &choice, both->opt->alpha);
	CompareValues(&d, &cells);
	return d;
}

/* ---- rows ---- */

/* Is this a part of a time ("created.hour") that the other profile has whole? */
static bool
IsPartOf(const Profile *other, const ProfileColumn *c)
{
	const char *dot = strrchr(c->name, '.');
	const ProfileColumn *whole = dot == NULL ? NULL :
		ProfileFindColumn(other, pnstrdup(c->name, dot - c->name));

	return whole != NULL && CellTypeClass(whole->type) == CLASS_TIME;
}

/* Why nothing was measured, or NULL. */
static const char *
NoteOf(const Comparison *both, const Drift *d)
{
	if (d->a == NULL)
		return IsPartOf(both->ref, d->b) ? "a time" : "not in the reference";
	if (d->b == NULL)
		return IsPartOf(both->cur, d->a) ? "a time" : "not there any more";
	if (TypeChanged(d))
		return psprintf("was %s, is %s now", ProfileTypeName(d->a), ProfileTypeName(d->b));
	if (!isnan(d->m.statistic))
		return NULL;
	if (ProfileNonNull(both->ref, d->a) == 0)
		return "no values in the reference";
	if (ProfileNonNull(both->cur, d->b) == 0)
		return "no values now";
	if (MovesOn(both, d) != NULL)
		return MovesOn(both, d);
	if (d->a->store == PROFILE_COUNTED || d->b->store == PROFILE_COUNTED)
		return "only counted";
	return "too many levels to compare";
}

static double
MissingShare(const Profile *p, const ProfileColumn *c)
{
	return c == NULL || p->rows == 0 ? NAN : (double) c->nulls / p->rows;
}

static void
PutDrift(ReturnSetInfo *rsinfo, const Comparison *both, const Drift *d)
{
	const char *name = d->a != NULL ? d->a->name : d->b->name;
	const Measured *m = &d->m;
	bool		measured = !isnan(m->statistic);
	const char *note = NoteOf(both, d);
	Datum		values[DRIFT_COLUMNS];
	bool		nulls[DRIFT_COLUMNS] = {0};
	int			n = 0;

	values[n++] = CStringGetTextDatum(TextFromUtf8(name, strlen(name)));
	values[n++] = CStringGetTextDatum(d->kind);
	nulls[n] = !measured;
	values[n++] = CStringGetTextDatum(drift_method_names[m->method]);
	PutFloat(values, nulls, n++, m->statistic);
	PutFloat(values, nulls, n++, m->p);
	PutFloat(values, nulls, n++, m->threshold);
	nulls[n] = !measured;
	values[n++] = BoolGetDatum(m->drifted);
	PutFloat(values, nulls, n++, m->chance);
	PutFloat(values, nulls, n++, d->adjusted);
	nulls[n] = isnan(d->adjusted);
	values[n++] = BoolGetDatum(d->adjusted < both->opt->alpha);
	values[n++] = Int64GetDatum(both->ref->rows);
	values[n++] = Int64GetDatum(both->cur->rows);
	PutFloat(values, nulls, n++, MissingShare(both->ref, d->a));
	PutFloat(values, nulls, n++, MissingShare(both->cur, d->b));
	nulls[n] = nulls[n + 1] = d->new_levels < 0;
	values[n++] = Int64GetDatum(d->new_levels);
	values[n++] = Int64GetDatum(d->vanished);
	PutFloat(values, nulls, n++, d->out_of_range);
	PutFloat(values, nulls, n++, d->impact.log_odds);
	PutFloat(values, nulls, n++, both->points * d->impact.log_odds);
	nulls[n] = note == NULL;
	values[n++] = note == NULL ? (Datum) 0 : CStringGetTextDatum(note);
	nulls[n] = nulls[n + 1] = !d->impact.concerned;
	values[n++] = BoolGetDatum(d->impact.exact);
	values[n++] = CStringGetTextDatum(d->impact.against_training ? "training" : "reference");
	Assert(n == DRIFT_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
AdjustAll(Drift *drifts, int n)
{
	double	   *p = palloc(sizeof(double) * Max(n, 1));

	for (int i = 0; i < n; i++)
		p[i] = drifts[i].m.chance_p;
	AdjustFalseDiscovery(p, n);
	for (int i = 0; i < n; i++)
		drifts[i].adjusted = p[i];
}

PG_FUNCTION_INFO_V1(lead_drift);
Datum
lead_drift(PG_FUNCTION_ARGS)
{
	DriftOptions *opt = DriftOptionsParse(PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	Comparison	both = {.opt = opt};
	Profile    *ref,
			   *cur;
	Drift	   *drifts;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	both.ref = ref = ProfileDecode(PG_GETARG_VARLENA_P(0));
	both.cur = cur = ProfileDecode(PG_GETARG_VARLENA_P(1));
	DriftOptionsCheckColumns(opt, ref, cur);
	if (!PG_ARGISNULL(3))
		both.model = DriftModelRead(PG_GETARG_BYTEA_P(3), ref, cur);
	both.points = DriftPointsPerLogOdds(both.model, ref, cur);
	drifts = palloc(sizeof(Drift) * Max(ref->ncolumns + cur->ncolumns, 1));
	for (int i = 0; i < ref->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		drifts[n++] = CompareColumn(&both, &ref->columns[i],
									ProfileFindColumn(cur, ref->columns[i].name));
	}
	for (int i = 0; i < cur->ncolumns; i++)
		if (ProfileFindColumn(ref, cur->columns[i].name) == NULL)
			drifts[n++] = CompareColumn(&both, NULL, &cur->columns[i]);
	AdjustAll(drifts, n);
	for (int i = 0; i < n; i++)
		PutDrift((ReturnSetInfo *) fcinfo->resultinfo, &both, &drifts[i]);
	PG_RETURN_NULL();
}

/* The argument drift_share of lead_drift_summary(), checked. */
PG_FUNCTION_INFO_V1(lead_drift_share);
Datum
lead_drift_share(PG_FUNCTION_ARGS)
{
	double		share = PG_GETARG_FLOAT8(0);

	if (!(share > 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"drift_share\""),
				 errdetail("It must be a number above 0 up to 1."),
				 errhint("0.5 says that half of the measured columns must have drifted.")));
	PG_RETURN_FLOAT8(share);
}
