/*-------------------------------------------------------------------------
 *
 * driftimpact.c
 *	  How far the change of a column moves the score.
 *
 * Log-odds are a sum over the columns, so the mean log-odds move by the sum of
 * what the means of the columns' terms move: exactly.  A profile that was made
 * with the model has the sums; of another the terms are those of the values that
 * it has counted, which is exact where they were not rounded.  The log-odds are
 * those of the raw score: what a calibration makes of them is no sum.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "bytes.h"
#include "drift.h"
#include "scoremap.h"

static bool
SameModel(const Profile *a, const Profile *b)
{
	return a->model_bytes == b->model_bytes && a->model_checksum == b->model_checksum;
}

/* Is this the profile of the rows that the model was trained on? */
static bool
IsTraining(const Model *model, const Profile *p)
{
	bytea	   *a,
			   *b;

	if (p->model_bytes != 0)
		return false;
	a = ProfileEncode(ProfileOfModel(model));
	b = ProfileEncode(p);
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

DriftModel *
DriftModelRead(bytea *bytes, const Profile *ref, const Profile *cur)
{
	DriftModel *m = palloc0(sizeof(DriftModel));

	m->model = ModelDecode(PointerGetDatum(bytes), false);
	m->checksum = ChecksumOf(VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	m->bytes = VARSIZE(bytes) - VARHDRSZ;
	m->training[0] = IsTraining(m->model, ref);
	m->training[1] = IsTraining(m->model, cur);
	return m;
}

/* What a source's cell adds, above the average lead; NaN if it may not be scored. */
static double
TermOf(const Model *model, int source, const Cell *cell)
{
	const Encoder *enc = model->encoder;
	double		sum = 0,
				value;

	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];

		if (f->source != source)
			continue;
		if (FeaturePlace(model, f, cell, &value) == DESIGN_ERROR ||
			(f->kind == FEATURE_OFFSET && cell->isnull))
			return NAN;
		sum += FeatureTerm(model, f, cell) - FeatureAverage(model, f);
	}
	return sum;
}

/* From the counted values.  Of a time only days are known: enough for a date. */
static Impact
MeanOfCounts(const Model *model, int source, const Profile *p, const ProfileColumn *c)
{
	Impact		mean = {0, true, c->store == PROFILE_LEVELS || c->bits == MANTISSA_BITS};
	Cell		cell = {.isnull = true, .type = c->type};

	if (CellTypeClass(c->type) != CellTypeClass(model->encoder->sources[source].type) ||
		(c->store != PROFILE_LEVELS && c->store != PROFILE_NUMBERS) || c->rest > 0 ||
		(CellTypeClass(c->type) == CLASS_TIME && c->type != CELL_DATE))
	{
		/* all rows NULL need no values */
		if (c->nulls < p->rows)
			mean.log_odds = NAN;
	}
	if (c->nulls > 0)
		mean.log_odds += TermOf(model, source, &cell) * c->nulls / p->rows;
	cell.isnull = false;
	for (int i = 0; i < c->n && !isnan(mean.log_odds); i++)
	{
		int64		rows;

		CHECK_FOR_INTERRUPTS();
		if (c->store == PROFILE_LEVELS)
		{
			cell.text = c->levels[i].text;
			cell.len = c->levels[i].len;
			rows = c->levels[i].rows;
		}
		else
		{
			cell.number = c->numbers[i].x * (c->type == CELL_DATE ? TIME_CELL_USECS : 1);
			rows = c->numbers[i].rows;
		}
		mean.log_odds += TermOf(model, source, &cell) * rows / p->rows;
	}
	return mean;
}

/* The mean that a column adds to the log-odds of a profile's rows. */
static Impact
MeanTerm(const DriftModel *m, const Profile *p, bool training, const char *column)
{
	const Encoder *enc;
	const ProfileColumn *c = ProfileFindColumn(p, column);

	if (p->rows == 0)
		return (Impact) {NAN};
	if (m == NULL || (p->model_bytes == m->bytes && p->model_checksum == m->checksum))
	{
		for (int i = 0; i < p->nterms; i++)
			if (strcmp(p->terms[i].name, column) == 0)
				return (Impact) {ExactValue(&p->terms[i].sum) / p->rows, true, true};
		return (Impact) {NAN};
	}
	enc = m->model->encoder;
	for (int i = 0; i < enc->nsources; i++)
		if (strcmp(enc->sources[i].name, column) == 0)
			return training ? (Impact) {0, true, true} :
				c != NULL ? MeanOfCounts(m->model, i, p, c) : (Impact) {NAN, true, false};
	return (Impact) {NAN};
}

Impact
DriftImpact(const DriftModel *m, const Profile *ref, const Profile *cur, const char *column)
{
	Impact		now = MeanTerm(m, cur, m != NULL && m->training[1], column),
				before;

	/* without a model, what was profiled with one is held against its training */
	if (m == NULL && (cur->model_bytes == 0 || !SameModel(ref, cur)))
	{
		now.against_training = true;
		return now;
	}
	before = MeanTerm(m, ref, m != NULL && m->training[0], column);
	now.log_odds -= before.log_odds;
	now.exact = now.exact && before.exact && !isnan(now.log_odds);
	return now;
}

/* The mean of p(1 - p) over the scores of a profile; NaN without them. */
static double
MeanSlope(const Profile *p)
{
	const ProfileColumn *c = ProfileFindColumn(p, PROFILE_SCORE);
	double		sum = 0;

	if (p->model_bytes == 0 || c == NULL || c->store != PROFILE_NUMBERS || p->rows == 0)
		return NAN;
	for (int i = 0; i < c->n; i++)
		sum += c->numbers[i].x * (1 - c->numbers[i].x) * ((double) c->numbers[i].rows / p->rows);
	return sum;
}

/* How much a calibration stretches log-odds, as far as it can be told by one number. */
static double
CalibrationSlope(const DriftModel *m)
{
	const ScoreMap *map = m != NULL ? m->model->map : NULL;

	return map != NULL && map->method == MAP_PLATT ? map->slope : 1;
}

double
DriftPointsPerLogOdds(const DriftModel *m, const Profile *ref, const Profile *cur)
{
	const Profile *sides[2] = {ref, cur};

	for (int s = 0; s < 2; s++)
	{
		double		slope = MeanSlope(sides[s]);

		/* scores of another model say nothing */
		if (!isnan(slope) && (s == 1 || SameModel(ref, cur) || m != NULL) &&
			(m == NULL || (sides[s]->model_bytes == m->bytes &&
						   sides[s]->model_checksum == m->checksum)))
			return 100 * slope * CalibrationSlope(m);
	}
	return NAN;
}
