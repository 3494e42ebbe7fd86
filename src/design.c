/*-------------------------------------------------------------------------
 *
 * design.c
 *	  The design matrix of a frame, made block by block from its codes.
 *
 * One-hot columns never exist: for every feature a table says which design
 * entries a dictionary code stands for (none, one, or a value and an
 * indicator), and a block of patterns is turned into the solver's compressed
 * rows by looking the codes up.  Only numbers without a dictionary are computed
 * row by row.
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

#include "fit.h"

/* Design entries of every code of a feature; those of code k are
 * start[k] … start[k + 1] - 1. */
typedef struct FeatureTable
{
	const Feature *f;
	const FrameColumn *c;
	bool		plain;			/* numbers without a dictionary */
	int		   *start;			/* codes + 1; plain: of NULL only */
	int		   *column;
	double	   *value;
	double		center;			/* plain numbers */
	double		scale;
	double		inverse;		/* 1 / scale: a product is cheaper per row */
} FeatureTable;

/*
 * All entries of all patterns, two bytes each: a number for every pair of
 * column and value that the tables hold.  The solver passes over the rows some
 * ten times; looking the codes up once saves a third of the fit.
 */
typedef struct EntryCache
{
	uint32	   *start;			/* rows + 1 */
	uint16	   *ids;
	int		   *column;			/* per id */
	double	   *value;
} EntryCache;

#define CACHE_MAX_IDS		65536
#define CACHE_MAX_ENTRIES	((int64) 128 * 1024 * 1024)

typedef struct DesignState
{
	const FrameStats *stats;
	int			ntables;
	FeatureTable *tables;
	EntryCache *cache;			/* or NULL */
	const FrameColumn *offset;
	int			most_entries;	/* that one row can have */
	int			capacity;
	int		   *start;
	int		   *index;
	double	   *value;
	double	   *pos;
	double	   *neg;
	double	   *weight;
	double	   *offsets;
} DesignState;

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
static Cell
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

/* Centre and scale of a number whose mean and sum of squares are known. */
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
	d->center[col] = t->center = MostlyNonZero(t, cs) ? d->mean[col] : 0;
	d->scale[col] = t->scale = (scale && d->sd[col] > 0) ? d->sd[col] : 1;
	t->inverse = 1 / t->scale;
}

/* Entries [from, to) go to the table's end, on the solver's scale. */
static void
AppendScaled(FeatureTable *t, Entries *out, const Entries *in, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		double		x = in->value[i];

		if (t->f->kind == FEATURE_NUMBER && in->column[i] == t->f->value_column)
			x = (x - t->center) / t->scale;
		if (x != 0)				/* zeros are no entries */
			AddEntry(out, in->column[i], x);
	}
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
	{
		t->start[code] = e.n;
		AppendScaled(t, &e, &raw, from[code], to[code]);
	}
	t->start[n + 1] = e.n;
	t->column = e.column;
	t->value = e.value;
}

/* Mean of the bins, or sum of squares of the number, by a pass over the rows. */
static void
PlainSums(const FrameStats *s, const FeatureTable *t, FrameDesign *d, double nonnull)
{
	const Frame *frame = s->frame;
	const Feature *f = t->f;

	for (int64 r = 0; r < frame->npatterns; r++)
	{
		const uint8 *pattern = frame->cells + r * frame->stride;
		double		w = PatternWeight(s, pattern) *
			((double) frame->pos[r] + frame->neg[r]);
		Cell		cell = {0};
		int			col;

		if (r % 16384 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!FrameNumber(t->c, pattern, &cell.number))
			continue;
		if (f->kind == FEATURE_NUMBER)
		{
			double		x = TransformCell(f, NULL, &cell) - f->fill;

			d->sd[f->value_column] += w * x * x;
		}
		else if ((col = f->bin_columns[FindBin(f, cell.number)]) >= 0)
			d->mean[col] += w / (f->null_column == DESIGN_AVERAGE ? nonnull : s->weight_sum);
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
	AppendScaled(t, &e, &raw, 0, raw.n);
	t->start = palloc(sizeof(int) * 2);
	t->start[0] = 0;
	t->start[1] = e.n;
	t->column = e.column;
	t->value = e.value;
}

static inline void
Emit(DesignState *ds, int *n, int column, double value)
{
	ds->index[*n] = column;
	ds->value[*n] = value;
	(*n)++;
}

/* The entries of one pattern. */
static void
FillRow(DesignState *ds, const uint8 *pattern, int *n)
{
	for (int k = 0; k < ds->ntables; k++)
	{
		const FeatureTable *t = &ds->tables[k];
		int			code = 0,
					column;
		double		x;

		if (!t->plain)
			code = FrameCode(t->c, pattern);
		else if (FrameNumber(t->c, pattern, &x))
		{
			if (t->f->kind == FEATURE_NUMBER)
			{
				x = t->f->transform == TRANSFORM_LOG1P ? log1p(x) : x;
				Emit(ds, n, t->f->value_column, (x - t->center) * t->inverse);
			}
			else if ((column = t->f->bin_columns[FindBin(t->f, x)]) >= 0)
				Emit(ds, n, column, 1);
			continue;
		}
		for (int i = t->start[code]; i < t->start[code + 1]; i++)
			Emit(ds, n, t->column[i], t->value[i]);
	}
}

/* The ids of a code's entries: n from `first` on.  Most codes have none. */
typedef struct CodeEntries
{
	uint16		n;
	uint16		first;
} CodeEntries;

/* Per table and code its entries; small, so that a row's look-ups hit the cache. */
static CodeEntries **
EntryLookup(const DesignState *ds, const int *base)
{
	CodeEntries **lookup = palloc(sizeof(CodeEntries *) * Max(ds->ntables, 1));

	for (int k = 0; k < ds->ntables; k++)
	{
		const FeatureTable *t = &ds->tables[k];

		lookup[k] = palloc(sizeof(CodeEntries) * (t->c->nvalues + 1));
		for (int code = 0; code <= t->c->nvalues; code++)
		{
			lookup[k][code].n = (uint16) (t->start[code + 1] - t->start[code]);
			lookup[k][code].first = (uint16) (base[k] + t->start[code]);
		}
	}
	return lookup;
}

/*
 * Look all codes up once.  NULL where that isn't possible: numbers without a
 * dictionary, or too many entries.
 */
static EntryCache *
BuildCache(const DesignState *ds)
{
	const Frame *frame = ds->stats->frame;
	EntryCache *cache = palloc0(sizeof(EntryCache));
	int		   *base = palloc(sizeof(int) * Max(ds->ntables, 1));
	CodeEntries **lookup;
	int			nids = 0;
	int64		n = 0,
				capacity = Max(frame->npatterns * 4, ds->most_entries);

	for (int k = 0; k < ds->ntables; k++)
	{
		const FeatureTable *t = &ds->tables[k];

		base[k] = nids;
		nids += t->plain ? CACHE_MAX_IDS + 1 : t->start[t->c->nvalues + 1];
		if (nids > CACHE_MAX_IDS)
			return NULL;
	}
	cache->column = palloc(sizeof(int) * Max(nids, 1));
	cache->value = palloc(sizeof(double) * Max(nids, 1));
	for (int k = 0; k < ds->ntables; k++)
	{
		const FeatureTable *t = &ds->tables[k];
		int			nentries = t->start[t->c->nvalues + 1];

		if (nentries == 0)
			continue;
		memcpy(cache->column + base[k], t->column, sizeof(int) * nentries);
		memcpy(cache->value + base[k], t->value, sizeof(double) * nentries);
	}

	lookup = EntryLookup(ds, base);
	cache->start = palloc_extended(sizeof(uint32) * (frame->npatterns + 1), MCXT_ALLOC_HUGE);
	cache->ids = palloc_extended(sizeof(uint16) * capacity, MCXT_ALLOC_HUGE);
	for (int64 r = 0; r < frame->npatterns; r++)
	{
		const uint8 *pattern = frame->cells + r * frame->stride;

		if (r % 16384 == 0)
			CHECK_FOR_INTERRUPTS();
		if (n + ds->most_entries > capacity)
		{
			capacity = capacity * 3 / 2 + ds->most_entries;
			if (capacity > CACHE_MAX_ENTRIES)
			{
				pfree(cache->start);
				pfree(cache->ids);
				return NULL;
			}
			cache->ids = repalloc_huge(cache->ids, sizeof(uint16) * capacity);
		}
		cache->start[r] = (uint32) n;
		for (int k = 0; k < ds->ntables; k++)
		{
			CodeEntries e = lookup[k][FrameCode(ds->tables[k].c, pattern)];

			for (int i = 0; i < e.n; i++)
				cache->ids[n++] = (uint16) (e.first + i);
		}
	}
	cache->start[frame->npatterns] = (uint32) n;
	pfree(base);
	return cache;
}

/* Room for n more entries in the block. */
static inline void
ReserveEntries(DesignState *ds, int n)
{
	if (n <= ds->capacity)
		return;
	ds->capacity = Max(ds->capacity * 2, n);
	ds->index = repalloc_huge(ds->index, sizeof(int) * ds->capacity);
	ds->value = repalloc_huge(ds->value, sizeof(double) * ds->capacity);
}

static void
FillFromCache(DesignState *ds, int64 first, int nrows)
{
	const EntryCache *cache = ds->cache;
	const uint16 *ids = cache->ids + cache->start[first];
	int			n = (int) (cache->start[first + nrows] - cache->start[first]);

	ReserveEntries(ds, n);
	for (int i = 0; i <= nrows; i++)
		ds->start[i] = (int) (cache->start[first + i] - cache->start[first]);
	for (int i = 0; i < n; i++)
	{
		ds->index[i] = cache->column[ids[i]];
		ds->value[i] = cache->value[ids[i]];
	}
}

static void
FillFromCodes(DesignState *ds, int64 first, int nrows)
{
	const Frame *frame = ds->stats->frame;
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		ReserveEntries(ds, n + ds->most_entries);
		ds->start[i] = n;
		FillRow(ds, frame->cells + (first + i) * frame->stride, &n);
	}
	ds->start[nrows] = n;
}

static void
FillBlock(void *arg, int64 first, int nrows, DesignBlock *block)
{
	DesignState *ds = arg;
	const Frame *frame = ds->stats->frame;

	if (ds->cache != NULL)
		FillFromCache(ds, first, nrows);
	else
		FillFromCodes(ds, first, nrows);
	for (int i = 0; i < nrows; i++)
	{
		int64		r = first + i;
		const uint8 *pattern = frame->cells + r * frame->stride;

		ds->pos[i] = frame->pos[r];
		ds->neg[i] = frame->neg[r];
		if (ds->weight != NULL)
			ds->weight[i] = PatternWeight(ds->stats, pattern);
		if (ds->offsets != NULL)
			(void) FrameNumber(ds->offset, pattern, &ds->offsets[i]);
	}
	block->n = nrows;
	block->start = ds->start;
	block->index = ds->index;
	block->value = ds->value;
	block->pos = ds->pos;
	block->neg = ds->neg;
	block->weight = ds->weight;
	block->offset = ds->offsets;
}

/* The most entries that a row can have: of each feature the longest code. */
static int
MostEntries(const DesignState *ds)
{
	int			most = 1;

	for (int k = 0; k < ds->ntables; k++)
	{
		const FeatureTable *t = &ds->tables[k];
		int			codes = t->plain ? 1 : t->c->nvalues + 1,
					longest = 1;

		for (int code = 0; code < codes; code++)
			longest = Max(longest, t->start[code + 1] - t->start[code]);
		most += longest;
	}
	return most;
}

static DesignState *
AllocateState(const FrameStats *s, int ntables)
{
	DesignState *ds = palloc0(sizeof(DesignState));

	ds->stats = s;
	ds->tables = palloc0(sizeof(FeatureTable) * Max(ntables, 1));
	ds->capacity = DESIGN_BLOCK_ROWS * 16;
	ds->start = palloc(sizeof(int) * (DESIGN_BLOCK_ROWS + 1));
	ds->index = palloc(sizeof(int) * ds->capacity);
	ds->value = palloc(sizeof(double) * ds->capacity);
	ds->pos = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	ds->neg = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	ds->weight = s->weight ? palloc(sizeof(double) * DESIGN_BLOCK_ROWS) : NULL;
	ds->offset = s->offset;
	ds->offsets = s->offset ? palloc(sizeof(double) * DESIGN_BLOCK_ROWS) : NULL;
	return ds;
}

FrameDesign *
FrameDesignCreate(const FrameStats *s, const FittedEncoder *fe, bool scale)
{
	const Encoder *enc = fe->encoder;
	FrameDesign *d = palloc0(sizeof(FrameDesign));
	DesignState *ds = AllocateState(s, enc->nfeatures);
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
		int			fc = fe->frame_column[k];
		FeatureTable *t = &ds->tables[ds->ntables];

		if (f->kind == FEATURE_OFFSET)
		{
			d->mean_offset = s->columns[fc].mean;
			continue;
		}
		ds->ntables++;
		t->f = f;
		t->c = &s->frame->columns[fc];
		t->plain = (t->c->store == STORE_NUMBERS);
		if (t->plain)
			BuildPlainTable(enc, s, &s->columns[fc], t, d, scale);
		else
			BuildDictionaryTable(enc, s, &s->columns[fc], t, d, scale);
	}
	for (int j = 1; j < p; j++)
		if (enc->design[j].kind != DESIGN_VALUE)
			d->sd[j] = sqrt(Max(0, d->mean[j] * (1 - d->mean[j])));
	ds->most_entries = MostEntries(ds);
	ds->cache = BuildCache(ds);
	d->source.nrows = s->frame->npatterns;
	d->source.ncolumns = p;
	d->source.fill = FillBlock;
	d->source.arg = ds;
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
		for (int j = 0; j < p; j++)
			cov[(int64) i * p + j] /= d->scale[i] * d->scale[j];
	for (int pass = 0; pass < 2; pass++)	/* the first row, then the first column */
		for (int k = 0; k < p; k++)
		{
			double		sum = 0;

			for (int j = 1; j < p; j++)
				sum += d->center[j] * (pass == 0 ? cov[(int64) j * p + k] : cov[(int64) k * p + j]);
			if (pass == 0)
				cov[k] -= sum;
			else
				cov[(int64) k * p] -= sum;
		}
}
