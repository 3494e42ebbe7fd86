/*-------------------------------------------------------------------------
 *
 * model_read.c
 *	  The decoder of a model's bytes; model_bytes.h has their layout.
 *
 * The decoder trusts nothing: a checksum only finds accidents, so every count
 * is checked against the bytes that remain before anything is allocated, and
 * every value against what the scoring code may rely on.  Checks set a reason
 * and let the reader run dry instead of raising an error, so that a caller who
 * wants to know rather than to fail needs no error trap.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "access/detoast.h"
#include "miscadmin.h"
#include "model_bytes.h"
#include "scoremap.h"

/* The intercept does not count towards the limit. */
#define MAX_DESIGN_COLUMNS	(LEADSCORE_MAX_DESIGN + 1)
#define MAX_FEATURES		(LEADSCORE_MAX_DESIGN + LEADSCORE_MAX_COLUMNS)

/* ------------------------------------------------------------------------
 * Reading: after the first failed check the reader has no bytes left, every
 * count and number reads as 0, and loops end on `why`.
 * ------------------------------------------------------------------------
 */

static int
ReadU8(Reader *r, int most, const char *why)
{
	int			x = GetU8(r);

	if (x > most)
		ReaderFail(r, why);
	return r->why == NULL ? x : 0;
}

/* A count of things that take at least `size` bytes each. */
static int
ReadCount(Reader *r, uint32 most, Size size, const char *why)
{
	return (int) GetCount(r, most, size, why);
}

static double
ReadF64(Reader *r)
{
	return GetFinite(r, "A number is not finite.");
}

/* Many numbers, or NULL. */
static double *
ReadF64s(Reader *r, Size n, bool nan_allowed)
{
	double	   *x;

	if (ReaderLeft(r) / 8 < n)
	{
		ReaderFail(r, "A part is shorter than its contents.");
		return NULL;
	}
	x = palloc(n * sizeof(double));
	for (Size i = 0; i < n; i++)
	{
		x[i] = GetF64(r);
		if (!isfinite(x[i]) && !(nan_allowed && isnan(x[i])))
		{
			ReaderFail(r, "A number is not finite.");
			return NULL;
		}
	}
	return x;
}

/* Text, terminated. */
static char *
ReadText(Reader *r, int *len)
{
	const char *text = GetText(r, len);

	return pnstrdup(text, *len);
}

/* One of DESIGN_* up to `last`, or 0 for a column of its own. */
static int
ReadSlot(Reader *r, int last)
{
	return -ReadU8(r, -last, "A slot has an unknown code.");
}

/* ------------------------------------------------------------------------
 * Decoding the scoring part
 * ------------------------------------------------------------------------
 */

static void
ReadSources(Reader *r, Encoder *enc)
{
	enc->nsources = ReadCount(r, LEADSCORE_MAX_COLUMNS, 1 + 4 + 1,
							  "There are too many source columns.");
	enc->sources = palloc0(sizeof(ModelSource) * enc->nsources);
	for (int i = 0; i < enc->nsources && r->why == NULL; i++)
	{
		enc->sources[i].type = ReadU8(r, CELL_TYPE_LAST,
									  "A source column has an unknown type.");
		if (enc->sources[i].type == CELL_UNUSABLE)
			ReaderFail(r, "A source column has an unknown type.");
		enc->sources[i].name = GetName(r);
	}
}

/* What can be made of a column of this type? */
static void
CheckKind(Reader *r, const Encoder *enc, const Feature *f)
{
	CellType	type = enc->sources[f->source].type;
	CellClass	cls = CellTypeClass(type);
	bool		fits;

	if (f->transform == TRANSFORM_NONE)
		fits = cls != CLASS_TEXT || f->kind == FEATURE_LEVELS;
	else if (f->transform == TRANSFORM_LOG1P)
		fits = f->kind != FEATURE_LEVELS &&
			(cls == CLASS_NUMBER || cls == CLASS_INTERVAL);
	else
		fits = cls == CLASS_TIME;

	if (!fits)
		ReaderFail(r, psprintf("Feature %d: The kind does not fit the type of the column.",
						   (int) (f - enc->features) + 1));
	else if (f->transform > TRANSFORM_LOG1P && type == CELL_TIMESTAMPTZ &&
			 enc->timezone == NULL)
		ReaderFail(r, "There is no time zone for the parts of a time.");
}

/* Strictly ascending, as the search for a level needs them. */
static bool
LevelsInOrder(const Level *a, const Level *b)
{
	int			cmp;

	if (a->text == NULL)
		return a->number < b->number;
	cmp = memcmp(a->text, b->text, Min(a->len, b->len));
	return cmp < 0 || (cmp == 0 && a->len < b->len);
}

static void
ReadLevels(Reader *r, const Encoder *enc, Feature *f)
{
	bool		istext = CellTypeClass(enc->sources[f->source].type) == CLASS_TEXT;
	int			nreferences = 0;

	/* all but one have a design column: that bounds them over all features */
	f->nlevels = ReadCount(r, MAX_DESIGN_COLUMNS, 1 + 4,
						   "There are too many levels.");
	if (ReadU8(r, 1, "A flag is neither 0 nor 1.") != (istext && f->nlevels > 0))
		ReaderFail(r, "The levels do not fit the type of the column.");

	f->levels = palloc0(sizeof(Level) * f->nlevels);
	for (int i = 0; i < f->nlevels && r->why == NULL; i++)
	{
		Level	   *level = &f->levels[i];

		level->column = ReadSlot(r, DESIGN_NONE);
		if (level->column == DESIGN_NONE && ++nreferences > 1)
			ReaderFail(r, "There is more than one reference level.");
		if (istext)
			level->text = ReadText(r, &level->len);
		else
			level->number = ReadF64(r);
		if (r->why == NULL && i > 0 && !LevelsInOrder(level - 1, level))
			ReaderFail(r, "The levels are not sorted.");
	}

	f->other_column = ReadSlot(r, DESIGN_ERROR);
	f->null_column = ReadSlot(r, DESIGN_LIKE_OTHER);
}

static void
ReadBins(Reader *r, Feature *f)
{
	f->nedges = ReadCount(r, MAX_DESIGN_COLUMNS, 8 + 1,
						  "There are too many bins.");
	f->edges = ReadF64s(r, f->nedges, false);
	for (int i = 1; i < f->nedges && r->why == NULL; i++)
		if (!(f->edges[i - 1] < f->edges[i]))
			ReaderFail(r, "The edges of the bins are not sorted.");

	f->bin_columns = palloc0(sizeof(int) * (f->nedges + 1));
	for (int i = 0; i <= f->nedges && r->why == NULL; i++)
		f->bin_columns[i] = ReadSlot(r, DESIGN_NONE);
	f->null_column = ReadSlot(r, DESIGN_ERROR);
}

static void
ReadFeature(Reader *r, const Encoder *enc, Feature *f)
{
	uint32		source = GetU32(r);

	f->kind = ReadU8(r, FEATURE_OFFSET, "The kind is unknown.");
	if (f->kind == 0)
		ReaderFail(r, "The kind is unknown.");
	f->transform = ReadU8(r, TRANSFORM_LAST, "The transform is unknown.");
	f->name = GetName(r);
	if (r->why == NULL && source >= (uint32) enc->nsources)
		ReaderFail(r, "The source column is out of range.");
	if (r->why == NULL && f->kind == FEATURE_BINS && f->transform != TRANSFORM_NONE)
		ReaderFail(r, "Bins of a transformed number are unknown.");
	if (r->why != NULL)
		return;
	f->source = (int) source;

	switch (f->kind)
	{
		case FEATURE_NUMBER:
			f->fill = ReadF64(r);
			f->null_column = ReadSlot(r, DESIGN_ERROR);
			break;
		case FEATURE_LEVELS:
			ReadLevels(r, enc, f);
			break;
		case FEATURE_BINS:
			ReadBins(r, f);
			break;
		case FEATURE_OFFSET:
			f->null_column = DESIGN_ERROR;
			break;
	}
}

static void
ReadFeatures(Reader *r, Encoder *enc)
{
	enc->nfeatures = ReadCount(r, MAX_FEATURES, 4 + 2 + 4 + 1,
							   "There are too many features.");
	enc->features = palloc0(sizeof(Feature) * enc->nfeatures);
	for (int i = 0; i < enc->nfeatures && r->why == NULL; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ReadFeature(r, enc, &enc->features[i]);
		if (r->why != NULL)
			r->why = psprintf("Feature %d: %s", i + 1, r->why);
	}
}

static bool *
ReadAliased(Reader *r, int p, const double *coef)
{
	bool	   *aliased = palloc0(sizeof(bool) * Max(p, 1));

	for (int i = 0; i < p && r->why == NULL; i++)
	{
		aliased[i] = ReadU8(r, 1, "A flag is neither 0 nor 1.");
		if (aliased[i] && coef[i] != 0)
			ReaderFail(r, "An aliased design column has a coefficient.");
	}
	return aliased;
}

static void
ReadCoefficients(Reader *r, Model *model)
{
	int			p;

	p = ReadCount(r, MAX_DESIGN_COLUMNS, 8 + 1 + 8,
				  "There are too many design columns.");
	if (r->why == NULL && p != model->encoder->ncolumns)
		ReaderFail(r, "There are not as many coefficients as design columns.");
	model->coef = ReadF64s(r, p, false);
	model->aliased = ReadAliased(r, p, model->coef);
	model->mean = ReadF64s(r, p, false);
	model->mean_offset = ReadF64(r);
}

static void
ReadScoring(Reader *r, Model *model)
{
	Encoder    *enc = model->encoder = palloc0(sizeof(Encoder));
	uint32		format = model->format;
	int			len;

	if (format == MODEL_FORMAT_CALIBRATED)
		format = ReadU8(r, MODEL_FORMAT_TREES, "The format below the calibration is unknown.");
	if (format == 0)
		ReaderFail(r, "The format below the calibration is unknown.");
	ReadSources(r, enc);
	ReadFeatures(r, enc);
	enc->timezone = ReadText(r, &len);
	if (len == 0)
		enc->timezone = NULL;
	for (int i = 0; i < enc->nfeatures && r->why == NULL; i++)
		CheckKind(r, enc, &enc->features[i]);
	if (r->why != NULL)
		return;

	EncoderNumber(enc);
	if (format == MODEL_FORMAT_TREES)
		TreeModelRead(r, model);
	else
		ReadCoefficients(r, model);
	if (model->format == MODEL_FORMAT_CALIBRATED && r->why == NULL)
		model->map = ScoreMapRead(r);
	if (r->why == NULL && r->p != r->end)
		ReaderFail(r, "The scoring part is longer than its contents.");
	if (r->why != NULL)
		return;

	if (model->trees == NULL)
		ModelSetAverages(model);
	for (int i = 0; i < enc->nfeatures; i++)
		FeatureMakeLookup(&enc->features[i]);
}

/* ------------------------------------------------------------------------
 * Decoding the statistics part
 * ------------------------------------------------------------------------
 */

/* A covariance is unknown where, and only where, a column is aliased. */
static void
CheckCovariance(Reader *r, const Model *model)
{
	const double *c = model->cov;

	for (int i = 0; i < model->encoder->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++, c++)
			if (isnan(*c) && !model->aliased[i] && !model->aliased[j])
			{
				ReaderFail(r, "A covariance is not finite.");
				return;
			}
	}
}

static void
ReadInference(Reader *r, Model *model)
{
	Size		p = model->encoder->ncolumns;
	int			flags;

	model->inference = ReadU8(r, INFERENCE_ROBUST,
							  "The kind of inference is unknown.");
	flags = ReadU8(r, STORED_ALL, "A reserved bit is set.");
	ReadU8(r, 0, "A reserved byte is not zero.");
	ReadU8(r, 0, "A reserved byte is not zero.");
	model->confidence = ReadF64(r);
	if (!(model->confidence > 0 && model->confidence < 1))
		ReaderFail(r, "The level of confidence is not between 0 and 1.");

	model->sd = ReadF64s(r, p, false);
	if (flags & STORED_STD_ERROR)
		model->std_error = ReadF64s(r, p, true);
	for (Size i = 0; i < p && r->why == NULL; i++)
		if (model->sd[i] < 0 || (model->std_error && model->std_error[i] < 0))
			ReaderFail(r, "A standard deviation or error is negative.");
	if (flags & STORED_VIF)
		model->vif = ReadF64s(r, model->encoder->nfeatures, true);
	if (flags & STORED_COV)
		model->cov = ReadF64s(r, p * (p + 1) / 2, true);
	if (r->why == NULL && model->cov != NULL)
		CheckCovariance(r, model);
}

static void
ReadStatistics(Reader *r, Model *model)
{
	int			len;

	if (model->trees != NULL)
		model->trees->gain = ReadF64s(r, model->encoder->nfeatures, false);
	else
		ReadInference(r, model);
	model->info = ReadText(r, &len);
	if (len == 0)
		model->info = NULL;
	if (r->why == NULL && r->p != r->end)
		ReaderFail(r, "The statistics part is longer than its contents.");
}

/* ------------------------------------------------------------------------
 * Decoding the whole
 * ------------------------------------------------------------------------
 */

/* The header of a value of `total` bytes, as far as `r` has it. */
static void
ReadHeader(Reader *r, Size total, Model *model, uint32 *crc)
{
	const unsigned char *at = r->p;

	if (total < MODEL_HEADER_SIZE || r->end - r->p < MODEL_HEADER_SIZE)
	{
		ReaderFail(r, "The value is shorter than a header.");
		return;
	}
	if (memcmp(at, MODEL_MAGIC, MODEL_MAGIC_SIZE) != 0)
	{
		ReaderFail(r, "The value does not start like a model.");
		return;
	}
	model->format = LoadU32(at + 8);
	if (model->format == 0 || model->format > MODEL_FORMAT)
	{
		ReaderFail(r, model->format == 0 ? "The format version is 0." :
			   psprintf("The model has format %u; this version of leadscore "
						"reads up to format %d.", model->format, MODEL_FORMAT));
		return;
	}
	model->scoring_bytes = LoadU32(at + 16);
	crc[0] = LoadU32(at + 20);
	model->statistics_bytes = LoadU32(at + 24);
	crc[1] = LoadU32(at + 28);
	if (LoadU32(at + 12) != total ||
		(uint64) MODEL_HEADER_SIZE + model->scoring_bytes +
		model->statistics_bytes != total)
		ReaderFail(r, "The length does not match.");
	if (LoadU32(at + 32) != 0 || LoadU32(at + 36) != 0)
		ReaderFail(r, "A reserved byte is not zero.");
}

/* Point the reader at a part, if its checksum says that it is intact. */
static void
StartPart(Reader *r, const unsigned char *part, Size len, uint32 crc,
		  const char *why)
{
	r->p = part;
	r->end = part + len;
	if (ChecksumOf(part, len) != crc)
		ReaderFail(r, why);
}

/* A slice of an out-of-line value that is not compressed. */
static const unsigned char *
FetchSlice(Reader *r, struct varlena *value, int offset, int len)
{
	struct varlena *slice = detoast_attr_slice(value, offset, len);

	r->p = (const unsigned char *) VARDATA_ANY(slice);
	r->end = r->p + VARSIZE_ANY_EXHDR(slice);
	if (r->end - r->p != len)
		ReaderFail(r, "The value is shorter than its length.");
	return r->p;
}

static bool
CanSlice(const struct varlena *value, Size *total)
{
	struct varatt_external pointer;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return false;
	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	*total = pointer.va_rawsize - VARHDRSZ;
	return !VARATT_EXTERNAL_IS_COMPRESSED(pointer) &&
		*total >= MODEL_HEADER_SIZE;
}

/*
 * Fill `model`, with everything it points to in `cxt`; the detoasted bytes are
 * in the current context.  Returns why the bytes are no model, or NULL.
 */
const char *
ModelDecodeInto(Model *model, Datum datum, bool scoring_only, MemoryContext cxt)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	Reader		r = {0};
	const unsigned char *part;
	uint32		crc[2] = {0};
	Size		total;
	MemoryContext caller;

	if (scoring_only && CanSlice(value, &total))
	{
		FetchSlice(&r, value, 0, MODEL_HEADER_SIZE);
		ReadHeader(&r, total, model, crc);
		if (r.why != NULL)
			return r.why;
		part = FetchSlice(&r, value, MODEL_HEADER_SIZE, model->scoring_bytes);
	}
	else
	{
		value = PG_DETOAST_DATUM_PACKED(datum);
		total = VARSIZE_ANY_EXHDR(value);
		r.p = (const unsigned char *) VARDATA_ANY(value);
		r.end = r.p + total;
		part = r.p + MODEL_HEADER_SIZE;
		ReadHeader(&r, total, model, crc);
	}
	if (r.why != NULL)
		return r.why;

	caller = MemoryContextSwitchTo(cxt);
	StartPart(&r, part, model->scoring_bytes, crc[0],
			  "The checksum of the scoring part does not match.");
	ReadScoring(&r, model);
	if (r.why == NULL && !scoring_only)
	{
		StartPart(&r, part + model->scoring_bytes, model->statistics_bytes,
				  crc[1], "The checksum of the statistics part does not match.");
		ReadStatistics(&r, model);
	}
	MemoryContextSwitchTo(caller);

	if ((Pointer) value != DatumGetPointer(datum))
		pfree(value);
	return r.why;
}

Model *
ModelDecodeOrNull(Datum datum, bool scoring_only, const char **why)
{
	Model	   *model = palloc0(sizeof(Model));

	*why = ModelDecodeInto(model, datum, scoring_only, CurrentMemoryContext);
	return *why == NULL ? model : NULL;
}

/* The error for bytes that are no model, or none that this version can read. */
void
ModelRefuse(const Model *model, const char *why)
{
	if (model->format > MODEL_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("leadscore model is of a newer format"),
				 errdetail_internal("%s", why),
				 errhint("Update the extension leadscore on this server.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid leadscore model"),
			 errdetail_internal("%s", why),
			 model->format == 0 ?
			 errhint("Pass the model itself, such as (SELECT model FROM models WHERE name = 'leads').") : 0));
}

Model *
ModelDecode(Datum datum, bool scoring_only)
{
	Model	   *model = palloc0(sizeof(Model));
	const char *why;

	why = ModelDecodeInto(model, datum, scoring_only, CurrentMemoryContext);
	if (why != NULL)
		ModelRefuse(model, why);
	return model;
}
