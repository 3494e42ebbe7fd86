/*-------------------------------------------------------------------------
 *
 * recalibrate.c
 *	  lead_ladder(): how much of a model new outcomes ask to be updated.
 *	  lead_recalibrate(): the model with its log-odds moved, or stretched.
 *
 * A recalibrated model is a model like any other: log-odds a + b lp are its own
 * coefficients times b, and a.  Its average lead, and what it was trained on,
 * stay those of the training, so explanations add up and drift is measured
 * against the same rows.  What was known of the coefficients' errors goes where
 * it no longer holds: that of the intercept always; with a slope, which was
 * itself estimated, all.  No mathematics here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "account.h"
#include "ladder.h"
#include "modeldesign.h"
#include "scoremap.h"

static const char *const step_names[] = {"keep", "intercept", "slope", "full"};

/* What the training said of its fit; the coefficients are others now. */
static const char *const fit_keys[] = {
	"iterations", "converged", "stop", "history", "gradient_norm", "objective",
	"log_likelihood", "null_log_likelihood", "deviance", "null_deviance",
	"df_null", "df_residual", "mcfadden_r2", "aic", "bic", "condition_number"
};

/* The rows as the model's design, or an error where they can tell nothing. */
static ModelDesign *
DesignOfRows(const Model *model, const Frame *frame, const char *function)
{
	FrameStats *stats = FrameStatsCompute(frame);

	if (model->trees != NULL)
		RefuseTrees(function);
	RefuseCalibrated(model, function);
	if (frame->positives == 0 || frame->positives == frame->rows ||
		stats->weight_pos <= 0 || stats->weight_pos >= stats->weight_sum)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("these rows cannot update a model: %s",
						frame->rows == 0 ? "none has a label" : "all labels are the same"),
				 errdetail("%lld rows are positive, %lld negative, %lld have no label.",
						   (long long) frame->positives,
						   (long long) (frame->rows - frame->positives),
						   (long long) frame->unknown),
				 errhint("Wait for outcomes of both kinds.")));
	return ModelDesignCreate(model, stats);
}

/* lead_ladder(champion, frame, alpha) → one row */
PG_FUNCTION_INFO_V1(lead_ladder);
Datum
lead_ladder(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	double		alpha = PG_GETARG_FLOAT8(2);
	ModelDesign *design;
	Ladder		ladder;
	TupleDesc	desc;
	Datum		values[14];
	bool		nulls[14] = {false};
	int			i = 0;

	if (!(alpha > 0 && alpha < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha must be between 0 and 1, not %g", alpha)));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	design = DesignOfRows(model, frame, "lead_ladder");
	ClimbLadder(&design->source, design->beta, alpha, &ladder);

	values[i++] = Int64GetDatum(frame->rows);
	values[i++] = Int64GetDatum(frame->positives);
	for (int step = STEP_KEEP; step <= STEP_FULL; step++)
		values[i++] = Float8GetDatum(ladder.log_likelihood[step]);
	values[i++] = Int32GetDatum(ladder.df_full);
	for (int step = STEP_KEEP; step < STEP_FULL; step++)
		values[i++] = Float8GetDatum(ladder.p[step]);
	values[i++] = CStringGetTextDatum(step_names[ladder.step]);
	nulls[i] = ladder.step == STEP_FULL;
	values[i++] = Float8GetDatum(ladder.update.intercept);
	nulls[i] = ladder.step == STEP_FULL;
	values[i++] = Float8GetDatum(ladder.update.slope);
	values[i++] = BoolGetDatum(ladder.separated);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

static LadderStep
StepNamed(const char *name)
{
	if (strcmp(name, step_names[STEP_INTERCEPT]) == 0)
		return STEP_INTERCEPT;
	if (strcmp(name, step_names[STEP_SLOPE]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown step \"%s\" of a recalibration", name),
				 errhint("The steps are intercept and slope.")));
	return STEP_SLOPE;
}

/* An error unless log-odds a + b lp put leads in the order that lp puts them. */
static void
CheckRecalibration(const Recalibration *r)
{
	const char *problem = NULL;
	const char *detail = NULL;

	if (r->separated)
	{
		problem = "its scores separate the outcomes completely";
		detail = "The likelihood of the slope has no maximum.";
	}
	else if (r->constant)
	{
		problem = "all of these rows have the same score";
		detail = "They tell no slope.";
	}
	else if (r->slope <= 0)
	{
		problem = "higher scores have no better outcomes in these rows";
		detail = psprintf("The slope of its log-odds is %g.", r->slope);
	}
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the model cannot be recalibrated: %s", problem),
				 errdetail_internal("%s", detail),
				 r->constant ? errhint("Recalibrate the intercept.") :
				 errhint("Train a new model.")));
}

/* The training's account without its fit, and with one recalibration more. */
static char *
RecalibratedInfo(const Model *model, const Frame *frame, LadderStep step,
				 const Recalibration *r, double before)
{
	Jsonb	   *info = ModelInfo(model);
	StringInfoData buf;
	JsonbValue	earlier;
	Datum		keys[lengthof(fit_keys)];
	Datum		result;
	char	   *text;
	int			len;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"recalibrations\": [");
	if (getKeyJsonValueFromContainer(&info->root, "recalibrations",
									 strlen("recalibrations"), &earlier) != NULL &&
		earlier.type == jbvBinary && JsonContainerIsArray(earlier.val.binary.data))
		for (int i = 0; i < JsonContainerSize(earlier.val.binary.data); i++)
		{
			JsonbValue *one = getIthJsonbValueFromContainer(earlier.val.binary.data, i);

			if (one->type == jbvBinary)
				appendStringInfo(&buf, "%s, ",
								 JsonbToCString(NULL, one->val.binary.data, one->val.binary.len));
		}
	appendStringInfo(&buf, "{\"step\": \"%s\", \"rows\": %lld, \"positives\": %lld",
					 step_names[step], (long long) frame->rows,
					 (long long) frame->positives);
	JsonNumber(&buf, "intercept", r->intercept);
	JsonNumber(&buf, "slope", r->slope);
	JsonNumber(&buf, "log_likelihood_before", before);
	JsonNumber(&buf, "log_likelihood", r->log_likelihood);
	appendStringInfoString(&buf, "}]}");

	for (int i = 0; i < lengthof(fit_keys); i++)
		keys[i] = CStringGetTextDatum(fit_keys[i]);
	result = DirectFunctionCall2(jsonb_delete_array, JsonbPGetDatum(info),
								 PointerGetDatum(construct_array(keys, lengthof(fit_keys), TEXTOID,
																 -1, false, TYPALIGN_INT)));
	result = DirectFunctionCall2(jsonb_concat, result,
								 DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
	info = DatumGetJsonbP(result);
	text = JsonbToCString(NULL, &info->root, VARSIZE(info));
	text = TextToUtf8(text, strlen(text), &len);
	return pnstrdup(text, len);
}

/* lead_recalibrate(model, frame, step) → bytea */
PG_FUNCTION_INFO_V1(lead_recalibrate);
Datum
lead_recalibrate(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	LadderStep	step = StepNamed(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	ModelDesign *design = DesignOfRows(model, frame, "lead_recalibrate");
	Recalibration r;

	Recalibrate(&design->source, design->beta, step, &r);
	CheckRecalibration(&r);
	model->info = RecalibratedInfo(model, frame, step, &r,
								   LogLikelihoodOf(&design->source, design->beta));
	for (int j = 0; j < model->encoder->ncolumns; j++)
		model->coef[j] *= r.slope;
	model->coef[0] += r.intercept;
	model->cov = NULL;
	if (step == STEP_SLOPE)
	{
		model->inference = INFERENCE_NONE;
		model->std_error = NULL;
	}
	else if (model->std_error != NULL)
		model->std_error[0] = NAN;
	PG_RETURN_BYTEA_P(ModelEncode(model));
}
