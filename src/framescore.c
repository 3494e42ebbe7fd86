/*-------------------------------------------------------------------------
 *
 * framescore.c
 *	  From the patterns of a frame to scores.
 *
 * What a feature adds is found once for each value of a dictionary, so a
 * pattern costs a lookup and an addition per feature.  The terms are those of
 * score.c, added in the same order: a pattern has the bits of its rows' score.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fit.h"
#include "framescore.h"
#include "scoremap.h"

pg_noreturn static void
ColumnLacking(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the frame cannot be scored without column \"%s\"",
					TextFromUtf8(name, strlen(name))),
			 errdetail("%s", detail)));
}

static const FrameColumn *
ColumnOf(const Model *model, const Frame *frame, const Feature *f)
{
	const FrameColumn *c = FrameFindColumn(frame, f->name);
	const ModelSource *source = &model->encoder->sources[f->source];

	if (c == NULL)
		ColumnLacking(f->name, "The frame was built without it.");
	if (c->store == STORE_OVERFLOWED)
		ColumnLacking(f->name, "It has too many different values there, or texts that are too long.");
	if (!FrameColumnHasCells(c))
		ColumnLacking(f->name, "The frame has counts of it only.");
	if (CellTypeClass(c->type) != CellTypeClass(source->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but the model was trained with type %s",
						TextFromUtf8(source->name, strlen(source->name)),
						CellTypeName(c->type), CellTypeName(source->type))));
	return c;
}

/* What each value of a dictionary adds; NULL only where it occurs. */
static double *
TermsOfCodes(const Model *model, const Feature *f, const FrameColumn *c)
{
	double	   *terms = palloc0(sizeof(double) * (c->nvalues + 1));

	for (int code = c->nulls > 0 ? 0 : 1; code <= c->nvalues; code++)
	{
		Cell		cell = CodeCell(c, code);

		terms[code] = FeatureTerm(model, f, &cell);
	}
	return terms;
}

/* In the current context.  Frame and model must outlive it. */
FrameScorer *
FrameScorerCreate(const Model *model, const Frame *frame)
{
	FrameScorer *s = palloc0(sizeof(FrameScorer));
	Feature    *features;

	/*
	 * A frame's cells are parts of times already, so the features must not take
	 * the part again: they are copies, but for the transform the model's own.
	 */
	s->model = *model;
	s->encoder = *model->encoder;
	s->model.encoder = &s->encoder;
	s->nterms = s->encoder.nfeatures;
	features = palloc(sizeof(Feature) * Max(s->nterms, 1));
	memcpy(features, model->encoder->features, sizeof(Feature) * s->nterms);
	s->encoder.features = features;
	s->terms = palloc0(sizeof(FrameTerm) * Max(s->nterms, 1));
	s->row = palloc(sizeof(double) * Max(s->nterms, 1));
	for (int i = 0; i < s->nterms; i++)
	{
		FrameTerm  *t = &s->terms[i];

		if (features[i].transform >= TRANSFORM_HOUR)
			features[i].transform = TRANSFORM_NONE;
		t->feature = &features[i];
		t->average = model->average != NULL ? model->average[i] : 0;
		t->column = ColumnOf(&s->model, frame, &features[i]);
		if (t->column->store == STORE_DICTIONARY)
			t->of_code = TermsOfCodes(&s->model, t->feature, t->column);
	}
	return s;
}

static double
TermOf(const FrameScorer *s, const FrameTerm *t, const uint8 *pattern)
{
	Cell		cell = {0};

	if (t->of_code != NULL)
		return t->of_code[FrameCode(t->column, pattern)];
	cell.type = t->column->type;
	cell.isnull = !FrameNumber(t->column, pattern, &cell.number);
	return FeatureTerm(&s->model, t->feature, &cell);
}

/* What each feature of a pattern adds; of a model of trees its bin. */
void
FrameScorerTerms(const FrameScorer *s, const uint8 *pattern, double *terms)
{
	for (int i = 0; i < s->nterms; i++)
		terms[i] = TermOf(s, &s->terms[i], pattern);
}

/* The bins among the terms go to the model; returns the offset. */
static double
PlaceTerms(const FrameScorer *s, const double *terms)
{
	double		offset = 0;

	for (int i = 0; i < s->nterms; i++)
		if (s->terms[i].feature->kind == FEATURE_OFFSET)
			offset += terms[i];
		else
			s->model.trees->bins[i] = (int16) terms[i];
	return offset;
}

double
FrameScorerOfTerms(const FrameScorer *s, const double *terms)
{
	double		eta;

	if (s->model.trees != NULL)
		return ModelScore(&s->model, TreeModelOfBins(&s->model, PlaceTerms(s, terms)));
	eta = s->model.coef[0];
	for (int i = 0; i < s->nterms; i++)
		eta += terms[i];
	return ModelScore(&s->model, eta);
}

/* A pattern's bins, into the model of trees; returns its offset. */
double
FrameScorerBins(const FrameScorer *s, const uint8 *pattern)
{
	FrameScorerTerms(s, pattern, s->row);
	return PlaceTerms(s, s->row);
}

double
FrameScorerScore(const FrameScorer *s, const uint8 *pattern)
{
	FrameScorerTerms(s, pattern, s->row);
	return FrameScorerOfTerms(s, s->row);
}

/* As ModelContributions() does it, to the bit. */
double
FrameScorerContributions(const FrameScorer *s, const uint8 *pattern, double *contribution)
{
	double		eta = s->model.coef[0];

	for (int i = 0; i < s->encoder.nsources; i++)
		contribution[i] = 0;
	for (int i = 0; i < s->nterms; i++)
	{
		double		term = TermOf(s, &s->terms[i], pattern);

		eta += term;
		contribution[s->terms[i].feature->source] += term - s->terms[i].average;
	}
	return ModelScore(&s->model, eta);
}
