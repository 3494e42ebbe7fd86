/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  What a user wrote, a query or an expression, made to mean the same
 *	  tomorrow.
 *
 * A source is pasted after FROM and a label into a select list, so each must
 * be one query, or one expression, and nothing besides: the server's own parser
 * decides.  A label is analysed against the source's columns under the
 * caller's search_path and written back with every name qualified.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "leadscore.h"

/* Positions in errors count in the text that is parsed, not in the statement. */
static void
PointIntoText(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

static List *
Parse(const char *text, RawParseMode mode)
{
	ErrorContextCallback callback;
	List	   *list;

	callback.callback = PointIntoText;
	callback.arg = unconstify(char *, text);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	list = raw_parser(text, mode);
	error_context_stack = callback.previous;
	return list;
}

pg_noreturn static void
RefuseSource(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the source must be a table, a view, or one SELECT"),
			 errdetail("%s", detail)));
}

/* Only reads, as far as the text tells: the functions it calls are its own. */
static void
CheckSelect(const SelectStmt *select)
{
	ListCell   *lc;

	if (select->intoClause != NULL)
		RefuseSource("SELECT INTO makes a table.");
	if (select->lockingClause != NIL)
		RefuseSource("FOR UPDATE and FOR SHARE lock rows.");
	foreach(lc, select->withClause ? select->withClause->ctes : NIL)
	{
		Node	   *query = ((CommonTableExpr *) lfirst(lc))->ctequery;

		if (!IsA(query, SelectStmt))
			RefuseSource("WITH must not change data.");
		CheckSelect((SelectStmt *) query);
	}
	if (select->op != SETOP_NONE)
	{
		CheckSelect(select->larg);
		CheckSelect(select->rarg);
	}
}

/* check_query(text): void, or an error */
PG_FUNCTION_INFO_V1(lead_check_query);
Datum
lead_check_query(PG_FUNCTION_ARGS)
{
	List	   *statements = Parse(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   RAW_PARSE_DEFAULT);
	Node	   *statement;

	if (list_length(statements) != 1)
		RefuseSource(psprintf("There are %d statements.", list_length(statements)));
	statement = ((RawStmt *) linitial(statements))->stmt;
	if (!IsA(statement, SelectStmt))
		RefuseSource("The statement is no SELECT.");
	CheckSelect((SelectStmt *) statement);
	PG_RETURN_VOID();
}

/* The one expression that the text is. */
static Node *
ParseExpression(const char *text)
{
	SelectStmt *select;
	ResTarget  *target;
	bool		plain;

	select = (SelectStmt *) ((RawStmt *) linitial(Parse(text, RAW_PARSE_PLPGSQL_EXPR)))->stmt;
	plain = IsA(select, SelectStmt) && list_length(select->targetList) == 1 &&
		select->distinctClause == NIL && select->fromClause == NIL &&
		select->whereClause == NULL && select->groupClause == NIL &&
		select->havingClause == NULL && select->windowClause == NIL &&
		select->sortClause == NIL && select->limitOffset == NULL &&
		select->limitCount == NULL && select->lockingClause == NIL &&
		select->op == SETOP_NONE;
	target = plain ? linitial_node(ResTarget, select->targetList) : NULL;
	/* "*" alone means something in a select list only */
	if (!plain || target->name != NULL ||
		(IsA(target->val, ColumnRef) &&
		 IsA(llast(((ColumnRef *) target->val)->fields), A_Star)))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the label must be one expression"),
				 errdetail("It is \"%s\".", text),
				 errhint("Write a column, or a condition on the source's columns.")));
	return target->val;
}

typedef struct Written
{
	const char *text;
	Relation	rel;
} Written;

static bool
IsNameByte(unsigned char c)
{
	return IS_HIGHBIT_SET(c) || isalnum(c) || c == '_' || c == '$' || c == '"';
}

/* Does the text hold the name as a word of its own, without quotes? */
static bool
HoldsBare(const char *text, const char *name)
{
	for (const char *at = text; (at = strstr(at, name)) != NULL; at++)
		if ((at == text || !IsNameByte(at[-1])) && !IsNameByte(at[strlen(name)]))
			return true;
	return false;
}

/*
 * Elsewhere columns are bare names, but a label is SQL: where the text holds
 * the name of a column that SQL reads as another name, or as none, that is why.
 */
static void
HintAtQuotes(void *arg)
{
	const Written *w = arg;
	TupleDesc	desc = RelationGetDescr(w->rel);

	if (geterrcode() != ERRCODE_UNDEFINED_COLUMN && geterrcode() != ERRCODE_SYNTAX_ERROR)
		return;
	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);
		const char *quoted = quote_identifier(name);

		if (TupleDescAttr(desc, i)->attisdropped || strcmp(quoted, name) == 0 ||
			!HoldsBare(w->text, name))
			continue;
		errhint("A label is SQL, which reads the name of this column only in double quotes: write %s.",
				strcmp(w->text, name) == 0 ? quote_literal_cstr(quoted) : quoted);
		return;
	}
}

/* Names of the relation's columns that the expression needs, sub-selects included. */
static Datum
ColumnNames(Relation rel, Node *expr)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Bitmapset  *attrs = NULL;
	bool		whole = false;
	ListCell   *lc;
	Datum	   *names = palloc(sizeof(Datum) * Max(desc->natts, 1));
	int			n = 0;

	foreach(lc, pull_vars_of_level(expr, 0))
	{
		AttrNumber	attno = lfirst_node(Var, lc)->varattno;

		if (attno == InvalidAttrNumber)
			whole = true;
		else if (attno > 0)
			attrs = bms_add_member(attrs, attno);
	}
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && (whole || bms_is_member(att->attnum, attrs)))
			names[n++] = CStringGetTextDatum(NameStr(att->attname));
	}
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The expression as text that depends on no setting. */
static char *
Deparse(Node *expr, Oid relid)
{
	int			level = NewGUCNestLevel();
	char	   *text;

	(void) set_config_option("search_path", "", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	text = deparse_expression(expr, deparse_context_for("s", relid), true, false);
	AtEOXact_GUC(true, level);
	return text;
}

/*
 * resolve_expression(relation regclass, expression text):
 * (expression, type regtype, columns text[]); columns appear as s.…
 */
PG_FUNCTION_INFO_V1(lead_resolve_expression);
Datum
lead_resolve_expression(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *written = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation	rel = relation_open(relid, AccessShareLock);
	Written		w = {written, rel};
	ErrorContextCallback hint = {error_context_stack, HintAtQuotes, &w};
	ErrorContextCallback callback;
	ParseState *pstate = make_parsestate(NULL);
	Node	   *raw;
	TupleDesc	desc;
	Node	   *expr;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	error_context_stack = &hint;
	raw = ParseExpression(written);
	callback.callback = PointIntoText;
	callback.arg = written;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	pstate->p_sourcetext = written;
	addNSItemToQuery(pstate,
					 addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
												   NULL, false, true),
					 false, true, true);
	/* as in WHERE: no aggregates, no window functions, no sets */
	expr = transformExpr(pstate, raw, EXPR_KIND_WHERE);
	assign_expr_collations(pstate, expr);
	error_context_stack = hint.previous;

	values[0] = CStringGetTextDatum(Deparse(expr, relid));
	values[1] = ObjectIdGetDatum(exprType(expr));
	values[2] = ColumnNames(rel, expr);
	relation_close(rel, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
