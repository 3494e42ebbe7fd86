/*-------------------------------------------------------------------------
 *
 * account.c
 *	  The account of a fit: what was asked, what was found, what was done.
 *
 * It travels inside the model as JSON text, because it is for people and for
 * other programs; nothing of it is needed to score a lead.  No clock, user or
 * duration goes in: the same rows must make the same bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/json.h"

#include "account.h"

void
JsonNumber(StringInfo buf, const char *key, double x)
{
	appendStringInfo(buf, ", \"%s\": %s", key, isfinite(x) ? NumberText(x) : "null");
}

/* `{"column": name`, after a comma unless it is the first of its array */
void
JsonOpenColumn(StringInfo buf, bool first, const char *column)
{
	appendStringInfoString(buf, first ? "{\"column\": " : ", {\"column\": ");
	escape_json(buf, column);
}

void
JsonInt(StringInfo buf, const char *key, int64 x)
{
	appendStringInfo(buf, ", \"%s\": %lld", key, (long long) x);
}

void
JsonBool(StringInfo buf, const char *key, bool x)
{
	appendStringInfo(buf, ", \"%s\": %s", key, x ? "true" : "false");
}

void
JsonText(StringInfo buf, const char *key, const char *text)
{
	appendStringInfo(buf, ", \"%s\": ", key);
	escape_json(buf, text);
}

static void
JsonTexts(StringInfo buf, const char *key, const List *texts)
{
	ListCell   *lc;

	appendStringInfo(buf, ", \"%s\": [", key);
	foreach(lc, texts)
	{
		if (lc != list_head(texts))
			appendStringInfoString(buf, ", ");
		escape_json(buf, lfirst(lc));
	}
	appendStringInfoChar(buf, ']');
}

static const char *
FitName(const FitAccount *a)
{
	const LogitOptions *o = a->logit_options;

	if (o->firth)
		return "firth";
	if (o->lambda == 0)
		return "maximum likelihood";
	return o->alpha == 0 ? "ridge" : o->alpha == 1 ? "lasso" : "elastic net";
}

static const char *
StopText(LogitStop stop)
{
	switch (stop)
	{
		case LOGIT_CONVERGED:
			return "converged";
		case LOGIT_MAX_ITERATIONS:
			return "iteration limit reached";
		case LOGIT_SEPARATED:
			return "separated";
		case LOGIT_STALLED:
			return "no step improves the fit any more";
	}
	return "";
}

static const char *
InferenceName(Inference i)
{
	static const char *const names[] = {"none", "wald", "penalised", "robust"};

	return names[i];
}

static void
AccountCounts(StringInfo buf, const FitAccount *a)
{
	const Frame *f = a->stats->frame;

	JsonInt(buf, "rows", f->rows);
	JsonInt(buf, "positives", f->positives);
	JsonInt(buf, "negatives", f->rows - f->positives);
	JsonInt(buf, "unknown", f->unknown);
	JsonInt(buf, "patterns", f->npatterns);
	if (a->stats->weight != NULL)
		JsonNumber(buf, "weight_sum", a->stats->weight_sum);
	if (a->trees == NULL)
		JsonInt(buf, "design_columns", a->model->encoder->ncolumns);
}

static void
AccountFit(StringInfo buf, const FitAccount *a)
{
	const LogitFit *fit = a->fit;
	const LogitOptions *o = a->logit_options;
	double		n = a->stats->frame->rows;
	int			live = a->model->encoder->ncolumns - fit->naliased;
	List	   *aliased = NIL;

	for (int j = 0; j < a->model->encoder->ncolumns; j++)
		if (fit->aliased[j])
			aliased = lappend(aliased, DesignColumnName(a->model->encoder, j));
	JsonTexts(buf, "aliased", aliased);
	JsonInt(buf, "iterations", fit->iterations);
	JsonBool(buf, "converged", fit->stop == LOGIT_CONVERGED);
	JsonText(buf, "stop", StopText(fit->stop));
	JsonNumber(buf, "gradient_norm", fit->gradient_norm);
	JsonNumber(buf, "objective", fit->objective);
	JsonNumber(buf, "log_likelihood", fit->log_likelihood);
	JsonNumber(buf, "null_log_likelihood", fit->null_log_likelihood);
	JsonNumber(buf, "deviance", -2 * fit->log_likelihood);
	JsonNumber(buf, "null_deviance", -2 * fit->null_log_likelihood);
	JsonInt(buf, "df_null", n - 1);
	JsonNumber(buf, "mcfadden_r2", 1 - fit->log_likelihood / fit->null_log_likelihood);
	/* degrees of freedom are those of the columns only without a penalty */
	if (o->lambda == 0 && !o->firth)
	{
		JsonInt(buf, "df_residual", n - live);
		JsonNumber(buf, "aic", -2 * fit->log_likelihood + 2.0 * live);
		JsonNumber(buf, "bic", -2 * fit->log_likelihood + log(n) * live);
	}
	JsonNumber(buf, "lambda", o->lambda);
	JsonNumber(buf, "alpha", o->alpha);
	JsonNumber(buf, "condition_number", fit->condition);
	JsonText(buf, "inference", InferenceName(a->model->inference));
	appendStringInfoString(buf, ", \"history\": [");
	for (int i = 0; i < fit->iterations; i++)
		appendStringInfo(buf, "%s%s", i == 0 ? "" : ", ",
						 isfinite(fit->history[i]) ? NumberText(fit->history[i]) : "null");
	appendStringInfoChar(buf, ']');
}

static void
AccountVif(StringInfo buf, const FitAccount *a)
{
	const Encoder *enc = a->model->encoder;

	if (a->model->vif == NULL)
		return;
	appendStringInfoString(buf, ", \"vif\": {");
	for (int k = 0; k < enc->nfeatures; k++)
	{
		appendStringInfoString(buf, k == 0 ? "" : ", ");
		escape_json(buf, enc->features[k].name);
		appendStringInfo(buf, ": %s", isfinite(a->model->vif[k]) ?
						 NumberText(a->model->vif[k]) : "null");
	}
	appendStringInfoChar(buf, '}');
}

static void
AccountEncoding(StringInfo buf, const FitReport *r)
{
	ListCell   *lc;

	appendStringInfoString(buf, ", \"left_out\": [");
	foreach(lc, r->left_out)
	{
		const LeftOut *l = lfirst(lc);

		JsonOpenColumn(buf, lc == list_head(r->left_out), l->column);
		JsonText(buf, "reason", l->reason);
		JsonText(buf, "detail", l->detail);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoString(buf, "], \"pooled\": [");
	foreach(lc, r->pooled)
	{
		const Pooled *p = lfirst(lc);

		JsonOpenColumn(buf, lc == list_head(r->pooled), p->column);
		JsonInt(buf, "levels", p->levels);
		JsonInt(buf, "rows", p->rows);
		JsonText(buf, "into", p->into);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoString(buf, "], \"imputed\": [");
	foreach(lc, r->imputed)
	{
		const Imputed *i = lfirst(lc);

		JsonOpenColumn(buf, lc == list_head(r->imputed), i->column);
		JsonInt(buf, "rows", i->rows);
		JsonNumber(buf, "value", i->value);
		JsonBool(buf, "indicator", i->indicator);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoString(buf, "], \"references\": {");
	foreach(lc, r->references)
	{
		const Reference *ref = lfirst(lc);

		appendStringInfoString(buf, lc == list_head(r->references) ? "" : ", ");
		escape_json(buf, ref->column);
		appendStringInfoString(buf, ": ");
		escape_json(buf, ref->level);
	}
	appendStringInfoChar(buf, '}');
	JsonTexts(buf, "notes", r->notes);
}

static void
AccountRoles(StringInfo buf, const FitAccount *a)
{
	static const char *const names[] = {NULL, "weight", "offset", "group", "time"};
	bool		first = true;

	appendStringInfoString(buf, ", \"roles\": {");
	for (ColumnRole role = ROLE_WEIGHT; role <= ROLE_LAST; role++)
	{
		const FrameColumn *c = FrameFindRole(a->stats->frame, role);

		if (c == NULL)
			continue;
		appendStringInfo(buf, "%s\"%s\": ", first ? "" : ", ", names[role]);
		escape_json(buf, c->name);
		first = false;
	}
	appendStringInfoChar(buf, '}');
}

char *
FitAccountJson(const FitAccount *a)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"family\": \"%s\", \"version\": \"%s\"",
					 a->trees != NULL ? a->trees->family : "logistic", LEADSCORE_VERSION);
	JsonText(&buf, "fit", a->trees != NULL ? a->trees->fit : FitName(a));
	AccountCounts(&buf, a);
	if (a->trees != NULL)
		TreeAccountJson(&buf, a->trees);
	else
	{
		AccountFit(&buf, a);
		AccountVif(&buf, a);
	}
	AccountEncoding(&buf, &a->fe->report);
	AccountRoles(&buf, a);
	if (a->separation_handled != NULL)
	{
		appendStringInfo(&buf, ", \"separation\": {\"full\": %s",
						 a->full_separation ? "true" : "false");
		JsonTexts(&buf, "columns", a->separated);
		JsonText(&buf, "handled", a->separation_handled);
		appendStringInfoChar(&buf, '}');
	}
	if (a->opt->class_weight_kind != CLASS_WEIGHT_NONE)
	{
		appendStringInfo(&buf, ", \"class_weight\": [%s, %s]",
						 NumberText(a->logit_options->class_weight[0]),
						 NumberText(a->logit_options->class_weight[1]));
		JsonNumber(&buf, "prior_correction", a->prior_correction);
	}
	if (a->opt->given != NULL)
	{
		char	   *given = JsonbToCString(NULL, unconstify(JsonbContainer *, &a->opt->given->root),
										   VARSIZE(a->opt->given));
		int			len;
		char	   *utf8 = TextToUtf8(given, strlen(given), &len);

		appendStringInfoString(&buf, ", \"options\": ");
		appendBinaryStringInfo(&buf, utf8, len);
	}
	appendStringInfoString(&buf, ", \"profile\": ");
	ProfileJson(&buf, a->stats, &a->fe->report);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}
