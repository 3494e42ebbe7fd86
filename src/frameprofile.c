/*-------------------------------------------------------------------------
 *
 * frameprofile.c
 *	  lead_profile(model, frame): the profile of a training set with what each
 *	  column adds to the score, and the scores.
 *
 * The same as the aggregate lead_profile(model, features) finds for the rows of
 * the frame, but for columns that the model does not need: those are left out,
 * so that what it has not learnt from people does not travel with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "bytes.h"
#include "framescore.h"
#include "leadprofile.h"
#include "outofbag.h"

static int
CompareScores(const void *a, const void *b)
{
	double		x = ((const NumberCount *) a)->x,
				y = ((const NumberCount *) b)->x;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

static bool
IsFeature(const Encoder *enc, const char *name)
{
	for (int i = 0; i < enc->nfeatures; i++)
		if (strcmp(enc->features[i].name, name) == 0)
			return true;
	return false;
}

/* Only the columns that the model needs, and room for one more. */
static void
KeepFeatures(Profile *p, const Encoder *enc)
{
	ProfileColumn *kept = palloc(sizeof(ProfileColumn) * (p->ncolumns + 1));
	int			n = 0;

	for (int i = 0; i < p->ncolumns; i++)
		if (IsFeature(enc, p->columns[i].name))
			kept[n++] = p->columns[i];
	p->columns = kept;
	p->ncolumns = n;
}

/* The scores of the patterns, and what the columns of a line add to them. */
static NumberCount *
ScorePatterns(Profile *p, const Model *model, const Frame *frame, int64 *count)
{
	const Encoder *enc = model->encoder;
	FrameScorer *scorer = FrameScorerCreate(model, frame);
	double	   *contribution = palloc(sizeof(double) * Max(enc->nsources, 1));
	NumberCount *numbers = palloc_extended(sizeof(NumberCount) * Max(frame->npatterns, 1),
										   MCXT_ALLOC_HUGE);
	PatternBlock block = {0};
	int64		n = 0;

	/* what columns add would take a thousand times as long as trees' scores */
	p->nterms = model->trees != NULL ? 0 : enc->nsources;
	p->terms = palloc0(sizeof(ProfileTerm) * Max(enc->nsources, 1));
	for (int i = 0; i < p->nterms; i++)
		p->terms[i].name = enc->sources[i].name;
	while (FrameScan(frame, &block))
		for (int k = 0; k < block.n; k++)
		{
			int64		rows = (int64) block.pos[k] + block.neg[k];

			const uint8 *pattern = block.cells + (Size) k * frame->stride;

			numbers[n].x = model->trees != NULL ? FrameScorerScore(scorer, pattern) :
				FrameScorerContributions(scorer, pattern, contribution);
			numbers[n++].rows = rows;
			for (int i = 0; i < p->nterms; i++)
				ExactAddTimes(&p->terms[i].sum, contribution[i], rows);
		}
	*count = n;
	return numbers;
}

static void
AddScores(Profile *p, NumberCount *numbers, int64 n)
{
	ProfileColumn *score = &p->columns[p->ncolumns++];

	for (int i = 0; i < p->ncolumns - 1; i++)
		if (strcmp(p->columns[i].name, PROFILE_SCORE) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the model has a column \"%s\", as that of the scores is called", PROFILE_SCORE),
					 errhint("Train it on a view, or a SELECT, that gives the column another name.")));
	qsort(numbers, n, sizeof(NumberCount), CompareScores);

	memset(score, 0, sizeof(*score));
	score->name = PROFILE_SCORE;
	score->type = CELL_FLOAT8;
	score->store = PROFILE_NUMBERS;
	score->position = LEADSCORE_MAX_COLUMNS;
	score->bits = MANTISSA_BITS;
	score->ranged = (n > 0);
	score->low = n > 0 ? numbers[0].x : 0;
	score->high = n > 0 ? numbers[n - 1].x : 0;
	score->n = ProfileCoarsen(numbers, n, MANTISSA_BITS);
	score->numbers = numbers;
	ProfileTrimNumbers(score);
}

/* said: what the scores out of the bag must be, or NULL for those of the model */
static Datum
ProfileWithScores(FunctionCallInfo fcinfo, const OutOfBag *said)
{
	struct varlena *bytes = PG_GETARG_VARLENA_PP(0);
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	Profile    *p = ProfileOfFrame(frame);
	NumberCount *scores;
	int64		n;

	KeepFeatures(p, model->encoder);
	if (said != NULL)
		scores = OutOfBagScores(model, frame, said, &n);
	else
		scores = ScorePatterns(p, model, frame, &n);
	AddScores(p, scores, n);
	p->model_checksum = ChecksumOf(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	p->model_bytes = VARSIZE_ANY_EXHDR(bytes);
	ProfileSort(p);
	PG_RETURN_BYTEA_P(ProfileEncode(p));
}

PG_FUNCTION_INFO_V1(lead_profile_model_frame);
Datum
lead_profile_model_frame(PG_FUNCTION_ARGS)
{
	return ProfileWithScores(fcinfo, NULL);
}

/* (model, frame, seed, subsample, rows, auc, log loss), as lead_out_of_bag_scores() */
PG_FUNCTION_INFO_V1(lead_profile_out_of_bag);
Datum
lead_profile_out_of_bag(PG_FUNCTION_ARGS)
{
	OutOfBag	said = OutOfBagArgs(fcinfo, 2);

	return ProfileWithScores(fcinfo, &said);
}
