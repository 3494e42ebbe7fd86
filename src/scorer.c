/*-------------------------------------------------------------------------
 *
 * scorer.c
 *	  From the arguments of a scoring function to the model and the row.
 *
 * What a call keeps from row to row lives in fn_extra: the decoded model, the
 * binding of its columns to the row's, and, for scores alone, one short term
 * per feature that reads a datum and adds to the sum without making a cell.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "registry.h"
#include "scoremap.h"
#include "textkey.h"

/* Models that a call remembers at the same time. */
#define MAX_SCORERS		32

/* What a call keeps in fn_extra. */
typedef struct ScorerCall
{
	Scorer	   *first;			/* the model used last; a list */
	bool		constant;		/* the model is a constant of the query */
	bool		by_name;		/* it is a reference to the registry */
	NamedModel	named;
} ScorerCall;

/*
 * The scorer of a model that was not the last one used, or the one to give up
 * for a new model when there are enough; NULL if another may be made.
 */
static Scorer *
OtherScorer(ScorerCall *call, Datum model)
{
	Scorer	   *first = call->first;
	Scorer	   *previous = NULL;
	Scorer	   *s = first;
	int			n = 1;

	if (first->cache.model == NULL)
		return first;			/* its model was refused */
	for (; s->next != NULL && !ModelCacheHas(&s->cache, model); n++)
	{
		previous = s;
		s = s->next;
	}
	if (n < MAX_SCORERS && !ModelCacheHas(&s->cache, model))
		return NULL;
	if (previous != NULL)
	{
		previous->next = s->next;
		s->next = first;
		call->first = s;
	}
	return s;
}

/*
 * Is the model a constant of the expression?  get_fn_expr_arg_stable() says yes
 * to parameters too, but PL/pgSQL keeps fn_extra while its variables change.
 */
static bool
ModelIsConstant(FmgrInfo *flinfo)
{
	Node	   *call = flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) &&
		((FuncExpr *) call)->args != NIL &&
		IsA(linitial(((FuncExpr *) call)->args), Const);
}

/* The declared type of the first argument: bytes, or a name. */
static bool
ModelIsNamed(FmgrInfo *flinfo)
{
	Oid		   *types;
	int			n;
	bool		named;

	(void) get_func_signature(flinfo->fn_oid, &types, &n);
	named = n > 0 && types[0] == TEXTOID;
	if (types != NULL)
		pfree(types);
	return named;
}

static ScorerCall *
ScorerCallCreate(FunctionCallInfo fcinfo, RowForm form)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	ScorerCall *call;

	if (form == ROW_VALUES && get_fn_expr_variadic(flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values must be given one by one, not as a VARIADIC array")));
	call = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ScorerCall));
	call->by_name = ModelIsNamed(flinfo);
	call->constant = !call->by_name && ModelIsConstant(flinfo);
	flinfo->fn_extra = call;
	return call;
}

/* The scorer of this call, with its model. */
static Scorer *
GetScorer(FunctionCallInfo fcinfo, RowForm form)
{
	MemoryContext cxt = fcinfo->flinfo->fn_mcxt;
	ScorerCall *call = fcinfo->flinfo->fn_extra;
	Scorer	   *s;
	Datum		model;

	if (unlikely(call == NULL))
		call = ScorerCallCreate(fcinfo, form);
	s = call->first;
	if (likely(s != NULL && s->cache.constant))
		return s;
	model = call->by_name ? NamedModelGet(&call->named, PG_GETARG_DATUM(0), cxt) :
		PG_GETARG_DATUM(0);
	if (s != NULL && !ModelCacheHas(&s->cache, model))
		s = OtherScorer(call, model);
	if (s == NULL)
	{
		s = MemoryContextAllocZero(cxt, sizeof(Scorer));
		s->rowcxt = AllocSetContextCreate(cxt, "leadscore row",
										  ALLOCSET_SMALL_SIZES);
		s->bindcxt = AllocSetContextCreate(cxt, "leadscore binding",
										   ALLOCSET_SMALL_SIZES);
		s->next = call->first;
		call->first = s;
	}
	s->model = ModelCacheGet(&s->cache, model, call->constant, cxt);
	return s;
}

/*
 * A list of values has its shape for the whole query where the names are a
 * constant; else they are compared, because nothing says that they come from
 * the same row as before.  (A parameter is no constant: in PL/pgSQL it changes
 * while fn_extra lives.)
 */
static bool
NamesAreConstant(FunctionCallInfo fcinfo)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) &&
		list_length(((FuncExpr *) call)->args) > 1 &&
		IsA(lsecond(((FuncExpr *) call)->args), Const);
}

static void
CheckNames(Scorer *s, FunctionCallInfo fcinfo, Jsonb *names)
{
	if (s->in.shape != NULL &&
		(s->names == NULL ||
		 (VARSIZE(s->names) == VARSIZE(names) &&
		  memcmp(s->names, names, VARSIZE(names)) == 0)))
		return;
	s->in.shape = NULL;
	if (s->names != NULL)
		pfree(s->names);
	s->names = NULL;
	if (!NamesAreConstant(fcinfo))
	{
		s->names = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, VARSIZE(names));
		memcpy(s->names, names, VARSIZE(names));
	}
}

/* A text whose bytes in the row are those that count. */
static bool
PlainText(const RowColumn *col)
{
	return col->text_varlena && !col->trim_blanks && GetDatabaseEncoding() == PG_UTF8;
}

/* What each feature adds, in the shortest form that its column allows. */
static void
BindTerms(Scorer *s)
{
	const Encoder *enc = s->model->encoder;

	s->nrows = 0;
	s->terms = MemoryContextAllocZero(s->bindcxt,
									  sizeof(Term) * Max(enc->nfeatures, 1));
	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		Term	   *t = &s->terms[i];

		t->column = s->binding.column[f->source];
		t->feature = f;
		if (f->kind == FEATURE_NUMBER && f->transform == TRANSFORM_NONE &&
			s->in.shape->columns[t->column].type == CELL_INT4)
		{
			t->kind = TERM_INT4;
			t->coef = s->model->coef[f->value_column];
		}
		else if (f->kind == FEATURE_LEVELS && f->transform == TRANSFORM_NONE &&
				 PlainText(&s->in.shape->columns[t->column]))
			t->kind = TERM_TEXT;
	}
}

/* Prepare for a model or a shape of row not met before. */
static void
Bind(Scorer *s, RowForm form)
{
	const Encoder *enc = s->model->encoder;

	s->generation = 0;			/* nothing is bound if this fails */
	MemoryContextReset(s->bindcxt);
	s->cells = MemoryContextAllocZero(s->bindcxt,
									  sizeof(Cell) * Max(enc->nsources, 1));
	if (form == ROW_JSON)
	{
		MemoryContext old = MemoryContextSwitchTo(s->bindcxt);

		s->keys = palloc(sizeof(char *) * Max(enc->nsources, 1));
		for (int i = 0; i < enc->nsources; i++)
			s->keys[i] = TextFromUtf8(enc->sources[i].name,
									  strlen(enc->sources[i].name));
		MemoryContextSwitchTo(old);
	}
	else
	{
		BindModel(&s->binding, s->model, s->in.shape, s->bindcxt);
		BindTerms(s);
	}
	s->generation = s->cache.generation;
}

/* CellRead(), with what most columns are in line */
static inline void
ReadCell(const RowColumn *col, Datum value, bool isnull, Cell *cell)
{
	if (!isnull && col->type == CELL_INT4)
	{
		cell->isnull = false;
		cell->type = CELL_INT4;
		cell->number = DatumGetInt32(value);
	}
	else
		CellRead(col, value, isnull, cell);
}

static void
ReadColumns(Scorer *s)
{
	int			n = s->model->encoder->nsources;
	const RowColumn *columns = s->in.shape->columns;

	for (int i = 0; i < n; i++)
	{
		int			j = s->binding.column[i];

		ReadCell(&columns[j], s->in.values[j], s->in.nulls[j], &s->cells[i]);
	}
}

/* Where the shape is known, the arguments need no copy. */
static void
ReadArgs(Scorer *s, FunctionCallInfo fcinfo)
{
	int			n = s->model->encoder->nsources;
	const int  *column = s->binding.column;
	const RowColumn *columns = s->in.shape->columns;
	const NullableDatum *args = &fcinfo->args[2];
	Cell	   *cells = s->cells;

	for (int i = 0; i < n; i++)
	{
		int			j = column[i];

		ReadCell(&columns[j], args[j].value, args[j].isnull, &cells[i]);
	}
}

static void
ReadDocument(Scorer *s, JsonbContainer *doc)
{
	const Encoder *enc = s->model->encoder;

	if (!JsonContainerIsObject(doc))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features must be a JSON object"),
				 errhint("Its keys are the names of the columns.")));
	for (int i = 0; i < enc->nsources; i++)
	{
		JsonbValue	key,
				   *v;

		key.type = jbvString;
		key.val.string.val = s->keys[i];
		key.val.string.len = strlen(s->keys[i]);
		v = findJsonbValueFromContainer(doc, JB_FOBJECT, &key);
		if (v == NULL)
			MissingColumn(s->model, enc->sources[i].name, NULL);
		CellReadJson(enc->sources[i].name, enc->sources[i].type, v,
					 &s->cells[i]);
	}
}

/*
 * The scorer of this call, bound to its model and row; the row's context is the
 * current one then, which *caller gets back.
 */
static inline Scorer *
ScorerReady(FunctionCallInfo fcinfo, RowForm form, MemoryContext *caller)
{
	Scorer	   *s = GetScorer(fcinfo, form);
	MemoryContext cxt = fcinfo->flinfo->fn_mcxt;
	bool		fresh = false;

	MemoryContextReset(s->rowcxt);
	*caller = MemoryContextSwitchTo(s->rowcxt);
	if (form == ROW_RECORD)
		fresh = RowInputRecord(&s->in, PG_GETARG_HEAPTUPLEHEADER(1), cxt);
	else if (form == ROW_VALUES)
	{
		Jsonb	   *names = PG_GETARG_JSONB_P(1);

		CheckNames(s, fcinfo, names);
		if (s->in.shape == NULL)
			fresh = RowInputArgs(&s->in, fcinfo, 2, names, cxt);
	}
	if (unlikely(fresh || s->generation != s->cache.generation))
		Bind(s, form);
	return s;
}

/* The model and the row of this call, as cells that last until the next one. */
Scorer *
ScorerRow(FunctionCallInfo fcinfo, RowForm form)
{
	MemoryContext caller;
	Scorer	   *s = ScorerReady(fcinfo, form, &caller);

	switch (form)
	{
		case ROW_RECORD:
			ReadColumns(s);
			break;
		case ROW_VALUES:
			ReadArgs(s, fcinfo);
			break;
		case ROW_JSON:
			ReadDocument(s, &PG_GETARG_JSONB_P(1)->root);
			break;
	}
	MemoryContextSwitchTo(caller);
	return s;
}

struct RecentTerm
{
	RecentText	text;
	double		term;
};

/* What a text adds. */
static double
TextTerm(const Scorer *s, Term *t, Datum value)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(value);
	Cell		cell = {false, s->in.shape->columns[t->column].type};
	struct RecentTerm *recent = NULL;
	TextKey		key;
	double		term;

	cell.text = VARDATA_ANY(v);
	cell.len = VARSIZE_ANY_EXHDR(v);
	key = MakeTextKey(cell.text, cell.len);
	if (t->recent != NULL)
	{
		recent = &t->recent[RecentPlace(&key, t->nrecent)];
		if (RecentIs(&recent->text, &key))
			return recent->term;
	}
	else if (s->nrows >= RECENT_FROM_ROW)
	{
		t->nrecent = RecentPlaces(t->feature->nlevels);
		t->recent = MemoryContextAllocZero(s->bindcxt, sizeof(struct RecentTerm) * t->nrecent);
	}
	term = FeatureTerm(s->model, t->feature, &cell);
	if (recent != NULL && RecentKeep(&recent->text, &key))
		recent->term = term;
	return term;
}

/*
 * ModelOutput() of a row that need not become cells first: the same terms in
 * the same order, so the same bits.  The values are in `args` or else in the
 * scorer's row.
 */
static inline double
TermsLogOdds(const Scorer *s, const NullableDatum *args)
{
	const Model *model = s->model;
	Term	   *terms = s->terms;
	int			n = model->encoder->nfeatures;
	double		eta = model->coef[0];

	for (int i = 0; i < n; i++)
	{
		double		sum = eta;
		Datum		value = (Datum) 0;
		bool		isnull = false;
		Cell		cell;

		/* no call in this loop, so that the sum stays in a register */
		for (; i < n; i++)
		{
			int			column = terms[i].column;

			value = args ? args[column].value : s->in.values[column];
			isnull = args ? args[column].isnull : s->in.nulls[column];
			if (terms[i].kind != TERM_INT4 || isnull)
				break;
			sum += terms[i].coef * (double) DatumGetInt32(value);
		}
		eta = sum;
		if (i == n)
			break;
		if (terms[i].kind == TERM_TEXT && !isnull)
		{
			eta += TextTerm(s, &terms[i], value);
			continue;
		}
		ReadCell(&s->in.shape->columns[terms[i].column], value, isnull, &cell);
		eta += FeatureTerm(model, terms[i].feature, &cell);
	}
	return eta;
}

/* ModelOutput() of a row for a model of trees. */
static double
TermsTrees(Scorer *s, const NullableDatum *args)
{
	TreeModel  *t = s->model->trees;
	int			n = s->model->encoder->nfeatures;
	double		offset = 0;

	if (s->nrows == RECENT_FROM_ROW)
		TreeModelMakeSmall(s->model);
	for (int i = 0; i < n; i++)
	{
		Term	   *term = &s->terms[i];
		Datum		value = args ? args[term->column].value : s->in.values[term->column];
		bool		isnull = args ? args[term->column].isnull : s->in.nulls[term->column];
		Cell		cell;
		double		x;

		if (term->kind == TERM_TEXT && !isnull)
		{
			t->bins[i] = (int16) TextTerm(s, term, value);
			continue;
		}
		ReadCell(&s->in.shape->columns[term->column], value, isnull, &cell);
		x = cell.number;
		if (t->of_small != NULL && t->of_small[i] != NULL && !isnull &&
			x >= 0 && x < TREE_SMALL && x == (int) x)
			t->bins[i] = t->of_small[i][(int) x];
		else if (term->feature->kind == FEATURE_OFFSET)
			offset += PlacedTerm(s->model, term->feature, &cell);
		else
			t->bins[i] = (int16) PlacedTerm(s->model, term->feature, &cell);
	}
	return TreeModelOfBins(s->model, offset);
}

double
ScorerValue(FunctionCallInfo fcinfo, RowForm form, const Model **model)
{
	MemoryContext caller;
	Scorer	   *s;
	double		eta;

	if (form == ROW_JSON)
	{
		s = ScorerRow(fcinfo, form);
		*model = s->model;
		return ModelOutput(s->model, s->cells);
	}
	s = ScorerReady(fcinfo, form, &caller);
	*model = s->model;
	if (s->nrows < RECENT_FROM_ROW)
		s->nrows++;
	eta = s->model->trees != NULL ?
		TermsTrees(s, form == ROW_VALUES ? &fcinfo->args[2] : NULL) :
		TermsLogOdds(s, form == ROW_VALUES ? &fcinfo->args[2] : NULL);
	MemoryContextSwitchTo(caller);
	return eta;
}

/* For documents that are read one by one: the scorer of a model by name, and its version. */
Scorer *
ScorerOfNamed(FunctionCallInfo fcinfo, int *version)
{
	MemoryContext caller;
	Scorer	   *s = ScorerReady(fcinfo, ROW_JSON, &caller);

	MemoryContextSwitchTo(caller);
	*version = ((ScorerCall *) fcinfo->flinfo->fn_extra)->named.version;
	return s;
}

double
ScorerDocument(Scorer *s, JsonbContainer *doc)
{
	MemoryContext caller;
	double		value;

	MemoryContextReset(s->rowcxt);
	caller = MemoryContextSwitchTo(s->rowcxt);
	ReadDocument(s, doc);
	value = ModelScore(s->model, ModelOutput(s->model, s->cells));
	MemoryContextSwitchTo(caller);
	return value;
}
