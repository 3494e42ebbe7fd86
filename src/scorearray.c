/*-------------------------------------------------------------------------
 *
 * scorearray.c
 *	  Scores for all documents of a JSON array in one call.
 *
 * A service is handed its leads as an array.  Taking that apart in SQL would
 * copy each document, and an error would not say which of them it is about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "leadscore.h"

static void
WhichDocument(void *arg)
{
	errcontext("document %d of the array", *(int *) arg);
}

/* The scores of an array's elements; what is no object is refused by the scorer. */
static Datum *
ScoreElements(Scorer *s, Jsonb *documents, int n)
{
	Datum	   *scores = palloc(sizeof(Datum) * Max(n, 1));
	int			position = 0;
	ErrorContextCallback callback = {error_context_stack, WhichDocument, &position};
	JsonbIterator *it = JsonbIteratorInit(&documents->root);
	JsonbIteratorToken token;
	JsonbValue	v;

	error_context_stack = &callback;
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		position++;
		/* a scalar is told apart by the container of the whole, which is no object */
		scores[position - 1] = Float8GetDatum(ScorerDocument(s, v.type == jbvBinary ?
															 v.val.binary.data :
															 &documents->root));
	}
	error_context_stack = callback.previous;
	return scores;
}

PG_FUNCTION_INFO_V1(lead_score_array);
Datum
lead_score_array(PG_FUNCTION_ARGS)
{
	Jsonb	   *documents = PG_GETARG_JSONB_P(1);
	TupleDesc	desc;
	int			version;
	Scorer	   *s;
	Datum	   *scores;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	int			n = 1;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	s = ScorerOfNamed(fcinfo, &version);
	if (JB_ROOT_IS_ARRAY(documents) && !JB_ROOT_IS_SCALAR(documents))
	{
		n = JB_ROOT_COUNT(documents);
		scores = ScoreElements(s, documents, n);
	}
	else
	{
		scores = palloc(sizeof(Datum));
		scores[0] = Float8GetDatum(ScorerDocument(s, &documents->root));
	}
	values[0] = Int32GetDatum(version);
	values[1] = PointerGetDatum(construct_array(scores, n, FLOAT8OID, sizeof(float8),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
