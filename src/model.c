/*-------------------------------------------------------------------------
 *
 * model.c
 *	  The encoder of a model's bytes; model_bytes.h has their layout, model_read.c
 *	  the decoder.
 *
 * The same model gives the same bytes: nothing is written that the model does
 * not say (no clock, no padding), and NaN has one bit pattern.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "model_bytes.h"
#include "scoremap.h"
#include "utils/memutils.h"

static void
WriteSlot(StringInfo out, int column)
{
	PutU8(out, column >= 0 ? 0 : -column);
}

static void
WriteLevels(StringInfo out, const Feature *f)
{
	bool		istext = f->nlevels > 0 && f->levels[0].text != NULL;

	PutU32(out, f->nlevels);
	PutU8(out, istext);
	for (int i = 0; i < f->nlevels; i++)
	{
		WriteSlot(out, f->levels[i].column);
		if (istext)
			PutText(out, f->levels[i].text, f->levels[i].len);
		else
			PutF64s(out, &f->levels[i].number, 1);
	}

	WriteSlot(out, f->other_column);
	if (f->null_column > 0 && f->null_column == f->other_column)
		WriteSlot(out, DESIGN_LIKE_OTHER);
	else
		WriteSlot(out, f->null_column);
}

static void
WriteFeature(StringInfo out, const Feature *f)
{
	PutU32(out, f->source);
	PutU8(out, f->kind);
	PutU8(out, f->transform);
	PutText(out, f->name, strlen(f->name));

	switch (f->kind)
	{
		case FEATURE_NUMBER:
			PutF64s(out, &f->fill, 1);
			WriteSlot(out, f->null_column);
			break;
		case FEATURE_LEVELS:
			WriteLevels(out, f);
			break;
		case FEATURE_BINS:
			PutU32(out, f->nedges);
			PutF64s(out, f->edges, f->nedges);
			for (int i = 0; i <= f->nedges; i++)
				WriteSlot(out, f->bin_columns[i]);
			WriteSlot(out, f->null_column);
			break;
		case FEATURE_OFFSET:
			break;
	}
}

static void
WriteCoefficients(StringInfo out, const Model *model)
{
	int			p = model->encoder->ncolumns;

	PutU32(out, p);
	PutF64s(out, model->coef, p);
	for (int i = 0; i < p; i++)
		PutU8(out, model->aliased[i]);
	PutF64s(out, model->mean, p);
	PutF64s(out, &model->mean_offset, 1);
}

static uint32
FormatWithoutMap(const Model *model)
{
	return model->trees != NULL ? MODEL_FORMAT_TREES : MODEL_FORMAT_LINE;
}

static void
WriteScoring(StringInfo out, const Model *model)
{
	const Encoder *enc = model->encoder;

	if (model->map != NULL)
		PutU8(out, FormatWithoutMap(model));
	PutU32(out, enc->nsources);
	for (int i = 0; i < enc->nsources; i++)
	{
		PutU8(out, enc->sources[i].type);
		PutText(out, enc->sources[i].name, strlen(enc->sources[i].name));
	}

	PutU32(out, enc->nfeatures);
	for (int i = 0; i < enc->nfeatures; i++)
		WriteFeature(out, &enc->features[i]);

	if (enc->timezone != NULL)
		PutText(out, enc->timezone, strlen(enc->timezone));
	else
		PutU32(out, 0);

	if (model->trees != NULL)
		TreeModelWrite(out, model);
	else
		WriteCoefficients(out, model);
	if (model->map != NULL)
		ScoreMapWrite(out, model->map);
}

static void
WriteInference(StringInfo out, const Model *model)
{
	Size		p = model->encoder->ncolumns;

	PutU8(out, model->inference);
	PutU8(out, (model->std_error ? STORED_STD_ERROR : 0) |
			(model->vif ? STORED_VIF : 0) |
			(model->cov ? STORED_COV : 0));
	PutU8(out, 0);
	PutU8(out, 0);
	PutF64s(out, &model->confidence, 1);
	PutF64s(out, model->sd, p);
	if (model->std_error)
		PutF64s(out, model->std_error, p);
	if (model->vif)
		PutF64s(out, model->vif, model->encoder->nfeatures);
	if (model->cov)
		PutF64s(out, model->cov, p * (p + 1) / 2);
}

static void
WriteStatistics(StringInfo out, const Model *model)
{
	if (model->trees != NULL)
		PutF64s(out, model->trees->gain, model->encoder->nfeatures);
	else
		WriteInference(out, model);
	if (model->info)
		PutText(out, model->info, strlen(model->info));
	else
		PutU32(out, 0);
}

/*
 * The bytes of a model.  They are read back before they are handed out: a
 * model that its own decoder refuses must fail the training, not the scoring.
 */
bytea *
ModelEncode(const Model *model)
{
	StringInfoData out;
	char	   *header;
	int			start = VARHDRSZ + MODEL_HEADER_SIZE;
	int			scoring;
	int			statistics;
	const char *why;
	MemoryContext check;
	MemoryContext caller;

	if (model->trees != NULL ? model->trees->gain == NULL : model->sd == NULL)
		elog(ERROR, "model without statistics cannot be stored");

	initStringInfo(&out);
	enlargeStringInfo(&out, start);
	memset(out.data, 0, start);
	out.len = start;

	WriteScoring(&out, model);
	scoring = out.len - start;
	WriteStatistics(&out, model);
	statistics = out.len - start - scoring;

	header = out.data + VARHDRSZ;
	memcpy(header, MODEL_MAGIC, MODEL_MAGIC_SIZE);
	StoreU32(header + 8, model->map != NULL ? MODEL_FORMAT_CALIBRATED : FormatWithoutMap(model));
	StoreU32(header + 12, out.len - VARHDRSZ);
	StoreU32(header + 16, scoring);
	StoreU32(header + 20, ChecksumOf(out.data + start, scoring));
	StoreU32(header + 24, statistics);
	StoreU32(header + 28, ChecksumOf(out.data + start + scoring, statistics));
	SET_VARSIZE(out.data, out.len);

	check = AllocSetContextCreate(CurrentMemoryContext, "leadscore model check",
								  ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(check);
	if (ModelDecodeOrNull(PointerGetDatum(out.data), false, &why) == NULL)
		elog(ERROR, "model cannot be stored: %s", why);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(check);

	return (bytea *) out.data;
}
