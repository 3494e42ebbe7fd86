/*-------------------------------------------------------------------------
 *
 * design_names.c
 *	  Numbers and names of design columns.
 *
 * The number of a design column is never stored.  It follows from the order of
 * the features and of the slots inside them, so that a model cannot say two
 * things about it; EncoderNumber() is the only place that knows the order.
 *
 * Names are UTF-8 like everything inside a model, and depend on no setting: a
 * name that is printed today must be found again in a session with another
 * DateStyle.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Give the next number to a slot that asks for one. */
static void
NumberSlot(Encoder *enc, int *column, DesignKind kind, int feature, int level)
{
	if (*column < 0)
		return;

	*column = enc->ncolumns;
	enc->design[*column].kind = kind;
	enc->design[*column].feature = feature;
	enc->design[*column].level = level;
	enc->ncolumns++;
}

/*
 * NULL of a categorical feature has a slot of its own, or shares that of the
 * other levels: asked for by DESIGN_LIKE_OTHER, or found so because both
 * already have the same number.
 */
static void
NumberOtherAndNull(Encoder *enc, Feature *f, int feature)
{
	bool		shared = f->null_column == DESIGN_LIKE_OTHER ||
		(f->null_column > 0 && f->null_column == f->other_column);

	NumberSlot(enc, &f->other_column, DESIGN_OTHER, feature, -1);
	if (shared)
		f->null_column = f->other_column;
	else
		NumberSlot(enc, &f->null_column, DESIGN_NULL_LEVEL, feature, -1);
}

static int
FeatureSlots(const Feature *f)
{
	switch (f->kind)
	{
		case FEATURE_NUMBER:
			return 2;
		case FEATURE_LEVELS:
			return f->nlevels + 2;
		case FEATURE_BINS:
			return f->nedges + 2;
		case FEATURE_OFFSET:
			break;
	}
	return 0;
}

void
EncoderNumber(Encoder *enc)
{
	int			most = 1;

	for (int i = 0; i < enc->nfeatures; i++)
		most += FeatureSlots(&enc->features[i]);

	enc->design = palloc(sizeof(DesignColumn) * most);
	enc->design[0].kind = DESIGN_INTERCEPT;
	enc->design[0].feature = -1;
	enc->design[0].level = -1;
	enc->ncolumns = 1;

	for (int i = 0; i < enc->nfeatures; i++)
	{
		Feature    *f = &enc->features[i];

		switch (f->kind)
		{
			case FEATURE_NUMBER:
				NumberSlot(enc, &f->value_column, DESIGN_VALUE, i, -1);
				NumberSlot(enc, &f->null_column, DESIGN_IS_NULL, i, -1);
				break;
			case FEATURE_LEVELS:
				for (int j = 0; j < f->nlevels; j++)
					NumberSlot(enc, &f->levels[j].column, DESIGN_LEVEL, i, j);
				NumberOtherAndNull(enc, f, i);
				break;
			case FEATURE_BINS:
				for (int j = 0; j <= f->nedges; j++)
					NumberSlot(enc, &f->bin_columns[j], DESIGN_BIN, i, j);
				NumberSlot(enc, &f->null_column, DESIGN_NULL_LEVEL, i, -1);
				break;
			case FEATURE_OFFSET:
				f->null_column = DESIGN_ERROR;
				break;
		}
	}
}

char *
NumberText(double x)
{
	char	   *buf = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	double_to_shortest_decimal_buf(x == 0 ? 0.0 : x, buf);
	return buf;
}

/* Microseconds since 2000-01-01 in ISO 8601, or NULL if that is no time. */
char *
TimeText(double x, CellType type)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		buf[MAXDATELEN + 1];

	if (!(x >= (double) MIN_TIMESTAMP && x < (double) END_TIMESTAMP) ||
		timestamp2tm((Timestamp) x, NULL, &tm, &fsec, NULL, NULL) != 0)
		return NULL;

	tm.tm_isdst = 0;			/* unknown would hide the +00 of UTC */
	if (type == CELL_DATE)
		EncodeDateOnly(&tm, USE_ISO_DATES, buf);
	else
		EncodeDateTime(&tm, fsec, type == CELL_TIMESTAMPTZ, 0, NULL,
					   USE_ISO_DATES, buf);
	return pstrdup(buf);
}

/* A value of a feature as a person writes it: true, 2026-01-31, 12.5 */
static char *
ValueText(const Encoder *enc, const Feature *f, double x)
{
	CellType	type = enc->sources[f->source].type;
	char	   *text;

	if (f->transform == TRANSFORM_NONE && type == CELL_BOOL &&
		(x == 0 || x == 1))
		return pstrdup(x == 0 ? "false" : "true");

	if (f->transform == TRANSFORM_NONE && CellTypeClass(type) == CLASS_TIME &&
		(text = TimeText(x, type)) != NULL)
		return text;

	return NumberText(x);
}

static char *
BinText(const Encoder *enc, const Feature *f, int bin)
{
	const char *low = bin == 0 ? "(-inf" :
		psprintf("[%s", ValueText(enc, f, f->edges[bin - 1]));
	const char *high = bin == f->nedges ? "inf" :
		ValueText(enc, f, f->edges[bin]);

	return psprintf("%s, %s)", low, high);
}

/*
 * The level of a slot, whether or not it has a design column: summaries name
 * reference levels too.
 */
char *
FeatureLevelText(const Encoder *enc, const Feature *f, DesignKind kind,
				 int level)
{
	switch (kind)
	{
		case DESIGN_INTERCEPT:
		case DESIGN_VALUE:
			return NULL;
		case DESIGN_LEVEL:
			if (f->levels[level].text != NULL)
				return pnstrdup(f->levels[level].text, f->levels[level].len);
			return ValueText(enc, f, f->levels[level].number);
		case DESIGN_BIN:
			return BinText(enc, f, level);
		case DESIGN_OTHER:
			return pstrdup("(other)");
		case DESIGN_IS_NULL:
		case DESIGN_NULL_LEVEL:
			return pstrdup("(null)");
	}
	return NULL;
}

char *
DesignColumnLevel(const Encoder *enc, int column)
{
	const DesignColumn *d = &enc->design[column];

	if (d->feature < 0)
		return NULL;
	return FeatureLevelText(enc, &enc->features[d->feature], d->kind, d->level);
}

char *
DesignColumnName(const Encoder *enc, int column)
{
	const DesignColumn *d = &enc->design[column];
	const char *feature;

	if (d->kind == DESIGN_INTERCEPT)
		return pstrdup("(Intercept)");

	feature = enc->features[d->feature].name;
	if (d->kind == DESIGN_VALUE)
		return pstrdup(feature);
	if (d->kind == DESIGN_IS_NULL)
		return psprintf("%s is null", feature);
	return psprintf("%s=%s", feature, DesignColumnLevel(enc, column));
}
