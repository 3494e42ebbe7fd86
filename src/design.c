/*-------------------------------------------------------------------------
 *
 * design.c
 *	  The design matrix of a frame: what the codes of its columns are in it.
 *
 * One-hot columns never exist: for every feature a table says which design
 * entries a dictionary code stands for (none, one, or a value and an
 * indicator); designblock.c looks the codes of the patterns up in them.  Only
 * numbers without a dictionary are computed row by row.
 *
 * For the solver's sake numbers are divided by their standard deviation, and
 * centred where zeros are rare, so that years or large amounts do not spoil the
 * condition of the Hessian.  FrameDesignDescale() takes that back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "design.h"

/* Growing entries of a table under construction. */
typedef struct Entries
{
	int			n;
	int			capacity;
	int		   *column;
	double	   *value;
} Entries;

static void
AddEntry(Entries *e, int column, double value)
{
	if (e->n == e->capacity)
	{
		e->capacity = Max(64, e->capacity * 2);
		e->column = e->column == NULL ? palloc(sizeof(int) * e->capacity) :
			repalloc(e->column, sizeof(int) * e->capacity);
		e->value = e->value == NULL ? palloc(sizeof(double) * e->capacity) :
			repalloc(e->value, sizeof(double) * e->capacity);
	}
	e->column[e->n] = column;
	e->value[e->n] = value;
	e->n++;
}

/* The cell that a code of a column stands for. */
Cell
CodeCell(const FrameColumn *c, int code)
{
	Cell		cell = {0};

	cell.type = c->type;
	cell.isnull = (code == 0);
	if (code > 0 && c->texts != NULL)
	{
		cell.text = c->texts[code - 1];
		cell.len = c->lengths[code - 1];
	}
	else if (code > 0)
		cell.number = c->numbers[code - 1];
	return cell;
}

/*
 * Entries of one code, on the raw scale; true if it has none because it counts
 * as the average lead.  A time part in a frame is already the
 * part: its number must not be taken for a time again.
 */
static bool
EncodeCode(const Encoder *enc, const Feature *f, const FrameColumn *c, int code,
		   Entries *e)
{
	Feature		plain = *f;
	Cell		cell = CodeCell(c, code);
	FeatureEntries out;

	if (plain.transform >= TRANSFORM_HOUR)
		plain.transform = TRANSFORM_NONE;
	/* "unseen": "error" is for scoring */
	if (plain.other_column == DESIGN_ERROR)
		plain.other_column = DESIGN_AVERAGE;
	if (plain.null_column == DESIGN_ERROR)
		plain.null_column = DESIGN_AVERAGE;
	FeatureEncode(enc, &plain, &cell, &out);
	for (int i = 0; i < out.n; i++)
		AddEntry(e, out.column[i], out.value[i]);
	return out.average;
}

/* Values that have no column because they are too few: the average row. */
static void
EncodeAverage(const Encoder *enc, const Feature *f, const double *mean, Entries *e)
{
	for (int j = 1; j < enc->ncolumns; j++)
		if (&enc->features[enc->design[j].feature] == f)
			AddEntry(e, j, mean[j]);
}


/* Share of the rows whose number is not zero is large. */
static bool
MostlyNonZero(const FeatureTable *t, const ColumnStats *cs)
{
	int64		zeros = 0;

	if (t->plain)
		return true;
	for (int k = 1; k <= t->c->nvalues; k++)
		if (t->c->numbers[k - 1] == 0)
			zeros = cs->values[k].pos + cs->values[k].neg;
	return zeros * 2 < cs->nonnull + cs->null.pos + cs->null.neg;
}

/*
 * Centre and scale of a number whose mean and sum of squares are known.  What is
 * centred has hardly a zero left, and is dense.
 */
static void
ChooseScale(const FrameStats *s, const ColumnStats *cs, FeatureTable *t,
			FrameDesign *d, bool scale)
{
	int			col;

	t->scale = 1;
	if (t->f->kind != FEATURE_NUMBER)
		return;
	col = t->f->value_column;
	d->sd[col] = sqrt(d->sd[col] / s->weight_sum);
	if (MostlyNonZero(t, cs))
	{
		d->center[col] = t->center = d->mean[col];
		t->dense = palloc0(sizeof(double) * t->ncodes);
	}
	d->scale[col] = t->scale = (scale && d->sd[col] > 0) ? d->sd[col] : 1;
}

/* Entries [from, to) are those of a code, on the solver's scale. */
static void
AppendScaled(FeatureTable *t, int code, Entries *out, const Entries *in,
			 int from, int to)
{
	t->start[code] = out->n;
	for (int i = from; i < to; i++)
	{
		double		x = in->value[i];

		if (t->f->kind == FEATURE_NUMBER && in->column[i] == t->f->value_column)
		{
			x = (x - t->center) / t->scale;
			if (t->dense)
			{
				t->dense[code] = x;
				continue;
			}
		}
		if (x != 0)				/* zeros are no entries */
			AddEntry(out, in->column[i], x);
	}
	t->start[code + 1] = out->n;
}

/* The table of a feature with a dictionary, and mean and sd of its columns. */
static void
BuildDictionaryTable(const Encoder *enc, const FrameStats *s,
					 const ColumnStats *cs, FeatureTable *t, FrameDesign *d,
					 bool scale)
{
	const FrameColumn *c = t->c;
	const Feature *f = t->f;
	int			n = c->nvalues;
	int		   *from = palloc(sizeof(int) * (n + 2));
	int		   *to = palloc(sizeof(int) * (n + 2));
	bool	   *average = palloc(sizeof(bool) * (n + 1));
	double		total = s->weight_sum;
	Entries		raw = {0},
				e = {0};

	for (int code = 0; code <= n; code++)
	{
		if (code % 256 == 0)
			CHECK_FOR_INTERRUPTS();
		from[code] = raw.n;
		average[code] = EncodeCode(enc, f, c, code, &raw);
		to[code] = raw.n;
		if (average[code])
			total -= cs->values[code].weight;
	}
	for (int code = 0; code <= n; code++)
		for (int i = from[code]; i < to[code]; i++)
			d->mean[raw.column[i]] += cs->values[code].weight * raw.value[i] / total;
	for (int code = 0; code <= n; code++)
	{
		if (!average[code] || f->kind == FEATURE_NUMBER)
			continue;
		from[code] = raw.n;
		EncodeAverage(enc, f, d->mean, &raw);
		to[code] = raw.n;
	}
	if (f->kind == FEATURE_NUMBER)
	{
		for (int code = 1; code <= n; code++)
		{
			double		x = raw.value[from[code]] - d->mean[f->value_column];

			d->sd[f->value_column] += cs->values[code].weight * x * x;
		}
		ChooseScale(s, cs, t, d, scale);
	}

	t->start = palloc(sizeof(int) * (n + 2));
	for (int code = 0; code <= n; code++)
		AppendScaled(t, code, &e, &raw, from[code], to[code]);
	t->column = e.column;
	t->value = e.value;
}

/* Mean of the bins, or sum of squares of the number, by a pass over the rows. */
static void
PlainSums(const FrameStats *s, const FeatureTable *t, FrameDesign *d, double nonnull)
{
	const Feature *f = t->f;
	double		total = f->null_column == DESIGN_AVERAGE ? nonnull : s->weight_sum;
	PatternBlock b = {0};

	while (FrameScan(s->frame, &b))
		for (int i = 0; i < b.n; i++)
		{
			const uint8 *pattern = b.cells + (size_t) i * s->frame->stride;
			double		w = PatternWeight(s, pattern) *
				((double) b.pos[i] + b.neg[i]);
			Cell		cell = {0};
			int			col;

			if (!FrameNumber(t->c, pattern, &cell.number))
				continue;
			if (f->kind == FEATURE_NUMBER)
			{
				double		x = TransformCell(f, NULL, &cell) - f->fill;

				d->sd[f->value_column] += w * x * x;
			}
			else if ((col = f->bin_columns[FindBin(f, cell.number)]) >= 0)
				d->mean[col] += w / total;
		}
}

/* The number or bins of a feature without a dictionary. */
static void
BuildPlainTable(const Encoder *enc, const FrameStats *s, const ColumnStats *cs,
				FeatureTable *t, FrameDesign *d, bool scale)
{
	const Feature *f = t->f;
	Entries		raw = {0},
				e = {0};
	double		nonnull = s->weight_sum - cs->null.weight;

	if (f->kind == FEATURE_NUMBER)
		d->mean[f->value_column] = f->fill;
	if (f->kind == FEATURE_NUMBER && f->transform == TRANSFORM_NONE)
		d->sd[f->value_column] = cs->sd * cs->sd * nonnull;	/* known already */
	else
		PlainSums(s, t, d, nonnull);
	if (f->null_column >= 0)
		d->mean[f->null_column] = cs->null.weight / s->weight_sum;
	ChooseScale(s, cs, t, d, scale);
	/* only NULL needs entries made beforehand */
	if (EncodeCode(enc, f, t->c, 0, &raw) && f->kind == FEATURE_BINS)
		EncodeAverage(enc, f, d->mean, &raw);
	t->start = palloc(sizeof(int) * 2);
	AppendScaled(t, 0, &e, &raw, 0, raw.n);
	t->column = e.column;
	t->value = e.value;
}

FrameDesign *
FrameDesignCreate(const FrameStats *s, const FittedEncoder *fe, bool scale)
{
	const Encoder *enc = fe->encoder;
	FrameDesign *d = palloc0(sizeof(FrameDesign));
	FeatureTable *tables = palloc0(sizeof(FeatureTable) * Max(enc->nfeatures, 1));
	int		   *dense_column = palloc(sizeof(int) * Max(enc->nfeatures, 1));
	int			ntables = 0;
	int			p = enc->ncolumns;

	d->center = palloc0(sizeof(double) * p);
	d->scale = palloc(sizeof(double) * p);
	d->mean = palloc0(sizeof(double) * p);
	d->sd = palloc0(sizeof(double) * p);
	for (int j = 0; j < p; j++)
		d->scale[j] = 1;
	d->mean[0] = 1;

	for (int k = 0; k < enc->nfeatures; k++)
	{
		const Feature *f = &enc->features[k];
		const ColumnStats *cs = &s->columns[fe->frame_column[k]];
		FeatureTable *t = &tables[ntables];

		if (f->kind == FEATURE_OFFSET)
		{
			d->mean_offset = cs->mean;
			continue;
		}
		ntables++;
		t->f = f;
		t->c = &s->frame->columns[fe->frame_column[k]];
		t->plain = (t->c->store == STORE_NUMBERS);
		t->nulls = (t->c->nulls > 0);
		t->ncodes = t->plain ? 1 : t->c->nvalues + 1;
		if (t->plain)
			BuildPlainTable(enc, s, cs, t, d, scale);
		else
			BuildDictionaryTable(enc, s, cs, t, d, scale);
		if (t->dense)
			dense_column[d->source.ndense++] = f->value_column;
	}
	for (int j = 1; j < p; j++)
		if (enc->design[j].kind != DESIGN_VALUE)
			d->sd[j] = sqrt(Max(0, d->mean[j] * (1 - d->mean[j])));
	d->source.nrows = s->frame->npatterns;
	d->source.ncolumns = p;
	d->source.dense_column = dense_column;
	d->source.weights[0] = s->weight_sum - s->weight_pos;
	d->source.weights[1] = s->weight_pos;
	d->source.has_offset = (s->offset != NULL);
	d->source.fill = DesignBlocksFill;
	d->source.arg = DesignBlocksCreate(s, tables, ntables);
	return d;
}

/*
 * Coefficients and covariance (p × p, may be NULL) back on the raw scale:
 * b_j = b'_j / s_j and b_0 = b'_0 - Σ m_j b_j, a linear map applied to both.
 */
void
FrameDesignDescale(const FrameDesign *d, int p, double *beta, double *cov)
{
	for (int j = 1; j < p; j++)
	{
		beta[j] /= d->scale[j];
		beta[0] -= d->center[j] * beta[j];
	}
	if (cov == NULL)
		return;
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < p; j++)
			cov[(int64) i * p + j] /= d->scale[i] * d->scale[j];
	}
	for (int j = 1; j < p; j++)	/* the first row */
		for (int k = 0; k < p && d->center[j] != 0; k++)
			cov[k] -= d->center[j] * cov[(int64) j * p + k];
	for (int k = 0; k < p; k++) /* the first column */
		for (int j = 1; j < p; j++)
			cov[(int64) k * p] -= d->center[j] * cov[(int64) k * p + j];
}
