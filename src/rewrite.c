/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *	  Planner support: lead_score(model, row) becomes lead_score_values(model,
 *	  names, column, column, …).
 *
 * Building a row as one datum costs as much as scoring it, and takes apart
 * columns that the model never looks at.  Where the planner knows the columns
 * behind the row, we hand them over one by one, and only those that the model
 * needs if it is a constant.  The function on columns gives the same bits and
 * the same errors, so nobody can tell but by the clock and by EXPLAIN.
 *
 * What must hold, because a wrong score would be silent:
 *
 *	- Names come from the row type, or from the RowExpr of a sub-select, never
 *	  from a position.  Dropped columns have none.
 *	- A NULL row scores NULL, a row of NULLs does not.  A row that an outer join
 *	  may have made NULL is therefore left alone.  Before version 16 only the
 *	  join tree knows; it is also left alone where the tree can't be trusted:
 *	  see RelationNullable().
 *	- The caller may execute both functions, and the second is the one beside
 *	  the first, in its schema, wherever search_path points.
 *	- An index on the very same call must still be found.  Its expressions keep
 *	  the row (they are simplified without a query), so a call that matches one
 *	  does, too.
 *	- Nothing volatile runs less often than written.
 *
 * Anything not understood is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "leadscore.h"

/* the model and the names take two */
#define MAX_REWRITTEN	(FUNC_MAX_ARGS - 2)

/* The columns of a row: names of the server and the expressions behind them. */
typedef struct Columns
{
	int			n;
	char	  **names;
	Expr	  **exprs;
} Columns;

/* ------------------------------------------------------------------------
 * Can the row be NULL?
 * ------------------------------------------------------------------------
 */

#ifdef LEADSCORE_SEARCH_NULLABLE

/* Is the relation in this part of the join tree, and is it never made NULL? */
static bool
FoundNotNullable(Node *node, int varno)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == varno;
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			if (FoundNotNullable(lfirst(lc), varno))
				return true;
		return false;
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		switch (join->jointype)
		{
			case JOIN_INNER:
			case JOIN_SEMI:
				return FoundNotNullable(join->larg, varno) ||
					FoundNotNullable(join->rarg, varno);
			case JOIN_LEFT:
			case JOIN_ANTI:
				return FoundNotNullable(join->larg, varno);
			case JOIN_RIGHT:
				return FoundNotNullable(join->rarg, varno);
			default:
				return false;
		}
	}
	return false;
}

static bool
FindOuterJoin(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && IS_OUTER_JOIN(((JoinExpr *) node)->jointype))
		return true;
	if (IsA(node, Query))
		return false;			/* a sub-select has joins of its own */
	return expression_tree_walker(node, FindOuterJoin, context);
}

/* Is there EXISTS (… with an outer join …)? */
static bool
FindOuterExists(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		SubLink    *link = (SubLink *) node;

		if (link->subLinkType == EXISTS_SUBLINK &&
			FindOuterJoin((Node *) ((Query *) link->subselect)->jointree, NULL))
			return true;
	}
	if (IsA(node, Query))
		return false;			/* it is planned with a root of its own */
	return expression_tree_walker(node, FindOuterExists, context);
}

/*
 * May an outer join have made this relation's row NULL?
 *
 * One trap: while the planner turns EXISTS into IN, it simplifies the WHERE of
 * the sub-select with the root of the query around it, so that our varno may
 * count in the range table of the former and the join tree be that of the
 * latter.  The relation is checked by its row type, which leaves only the
 * question of outer joins in there: where there is one, say yes.
 */
static bool
RelationNullable(PlannerInfo *root, int varno)
{
	Query	   *query = root->parse;

	if (query->commandType == CMD_INSERT && varno == query->resultRelation)
		return false;
	if (!FoundNotNullable((Node *) query->jointree, varno))
		return true;
	return query->hasSubLinks &&
		(query_tree_walker(query, FindOuterExists, NULL,
						   QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES) ||
		 expression_tree_walker((Node *) root->append_rel_list,
								FindOuterExists, NULL));
}

#endif

/* ------------------------------------------------------------------------
 * The columns behind a row
 * ------------------------------------------------------------------------
 */

static void
AllocateColumns(Columns *c, int n)
{
	c->n = 0;
	c->names = palloc(sizeof(char *) * Max(n, 1));
	c->exprs = palloc(sizeof(Expr *) * Max(n, 1));
}

static void
AddColumn(Columns *c, const char *name, Expr *expr)
{
	c->names[c->n] = pstrdup(name);
	c->exprs[c->n] = expr;
	c->n++;
}

/* A whole row of a relation that is in the query. */
static bool
ColumnsOfVar(PlannerInfo *root, Var *var, Columns *c)
{
	RangeTblEntry *rte;
	TupleDesc	tupdesc;

	if (var->varattno != InvalidAttrNumber || var->varlevelsup != 0 ||
		VarIsOldOrNew(var) || IS_SPECIAL_VARNO(var->varno) ||
		var->varno > list_length(root->parse->rtable))
		return false;
	rte = rt_fetch(var->varno, root->parse->rtable);
	if (rte->rtekind != RTE_RELATION ||
		get_rel_type_id(rte->relid) != var->vartype ||
		WholeRowRenamed(rte) || VarNullable(root, var))
		return false;

	tupdesc = lookup_rowtype_tupdesc(var->vartype, -1);
	AllocateColumns(c, tupdesc->natts);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		Var		   *column;

		if (att->attisdropped)
			continue;
		/* a copy keeps what later versions say of the row as a whole */
		column = copyObject(var);
		column->varattno = att->attnum;
		column->varattnosyn = att->attnum;
		column->vartype = att->atttypid;
		column->vartypmod = att->atttypmod;
		column->varcollid = att->attcollation;
		AddColumn(c, NameStr(att->attname), (Expr *) column);
	}
	ReleaseTupleDesc(tupdesc);
	return true;
}

/* A row that the planner, or the user, put together from expressions. */
static bool
ColumnsOfRowExpr(RowExpr *row, Columns *c)
{
	ListCell   *lc;
	int			i = 0;

	/* a volatile column must run whether the model needs it or not */
	if (contain_volatile_functions((Node *) row))
		return false;
	AllocateColumns(c, list_length(row->args));
	if (row->row_typeid == RECORDOID)
	{
		if (list_length(row->colnames) != list_length(row->args))
			return false;
		foreach(lc, row->args)
			AddColumn(c, strVal(list_nth(row->colnames, i++)), lfirst(lc));
	}
	else
	{
		TupleDesc	tupdesc = lookup_rowtype_tupdesc_noerror(row->row_typeid,
															 -1, true);
		bool		complete = (tupdesc != NULL &&
								tupdesc->natts == list_length(row->args));

		if (complete)
			foreach(lc, row->args)
			{
				Form_pg_attribute att = TupleDescAttr(tupdesc, i++);

				if (!att->attisdropped)
					AddColumn(c, NameStr(att->attname), lfirst(lc));
			}
		if (tupdesc != NULL)
			ReleaseTupleDesc(tupdesc);
		return complete;
	}
	return true;
}

static bool ColumnsOfRow(PlannerInfo *root, Node *node, Columns *c);

/* A child's row as its parent's: the parent's columns, by name as there. */
static bool
ColumnsOfConversion(PlannerInfo *root, ConvertRowtypeExpr *convert, Columns *c)
{
	Columns		child;
	TupleDesc	tupdesc;
	bool		complete = true;

	if (!ColumnsOfRow(root, (Node *) convert->arg, &child))
		return false;
	tupdesc = lookup_rowtype_tupdesc_noerror(convert->resulttype, -1, true);
	if (tupdesc == NULL)
		return false;
	AllocateColumns(c, tupdesc->natts);
	for (int i = 0; i < tupdesc->natts && complete; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		int			j = 0;

		if (att->attisdropped)
			continue;
		while (j < child.n && strcmp(child.names[j], NameStr(att->attname)) != 0)
			j++;
		complete = (j < child.n &&
					exprType((Node *) child.exprs[j]) == att->atttypid);
		if (complete)
			AddColumn(c, child.names[j], child.exprs[j]);
	}
	ReleaseTupleDesc(tupdesc);
	return complete;
}

/*
 * The columns of a row, or false for a row that must stay one.  Among those are
 * whole rows of sub-selects that the planner kept, which have no relation, and
 * PlaceHolderVars, whose purpose is to become NULL as a whole.
 */
static bool
ColumnsOfRow(PlannerInfo *root, Node *node, Columns *c)
{
	switch (nodeTag(node))
	{
		case T_Var:
			return ColumnsOfVar(root, (Var *) node, c);
		case T_RowExpr:
			return ColumnsOfRowExpr((RowExpr *) node, c);
		case T_ConvertRowtypeExpr:
			return ColumnsOfConversion(root, (ConvertRowtypeExpr *) node, c);
		default:
			return false;
	}
}

/* Names that occur twice can't be told apart; the row's own error says so. */
static bool
NamesAreDistinct(const Columns *c)
{
	for (int i = 1; i < c->n; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(c->names[i], c->names[j]) == 0)
				return false;
	return true;
}

/*
 * Keep the columns that a constant model needs.  False if the model is none or
 * misses a column: the call as written will say so when it runs.
 */
static bool
KeepNeeded(const Const *constant, Columns *c)
{
	const char *why;
	Model	   *model;
	Columns		needed;
	int			nsources;

	if (constant->constisnull)
		return false;
	model = ModelDecodeOrNull(constant->constvalue, true, &why);
	if (model == NULL)
		return false;
	nsources = model->encoder->nsources;
	AllocateColumns(&needed, c->n);
	for (int i = 0; i < c->n; i++)
	{
		int			len;
		char	   *name = TextToUtf8(c->names[i], strlen(c->names[i]), &len);

		for (int j = 0; j < nsources; j++)
		{
			const char *source = model->encoder->sources[j].name;

			if (strlen(source) == len && memcmp(source, name, len) == 0)
			{
				AddColumn(&needed, c->names[i], c->exprs[i]);
				break;
			}
		}
	}
	*c = needed;
	return NamesAreDistinct(c) && c->n == nsources;
}

/* ------------------------------------------------------------------------
 * Indexes on the call as it is written (statistics can't have whole rows)
 * ------------------------------------------------------------------------
 */

static bool
FindEqual(Node *node, void *call)
{
	if (node == NULL)
		return false;
	if (equal(node, call))
		return true;
	return expression_tree_walker(node, FindEqual, call);
}

static bool
ContainsCall(List *exprs, int varno, FuncExpr *call)
{
	List	   *copy;

	if (exprs == NIL)
		return false;
	copy = copyObject(exprs);
	if (varno != 1)
		ChangeVarNodes((Node *) copy, 1, varno, 0);
	return FindEqual((Node *) copy, call);
}

/* Is there an index of this relation on this very call? */
static bool
RelationHasExpression(Oid relid, int varno, FuncExpr *call)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found = found ||
			ContainsCall(RelationGetIndexExpressions(index), varno, call) ||
			ContainsCall(RelationGetIndexPredicate(index), varno, call);
		index_close(index, AccessShareLock);
	}
	relation_close(rel, AccessShareLock);
	return found;
}

static bool
IsIndexed(PlannerInfo *root, FuncExpr *call)
{
	Node	   *row = lsecond(call->args);
	Var		   *var;

	if (!IsA(row, Var))
		return false;
	var = (Var *) row;
	return RelationHasExpression(rt_fetch(var->varno, root->parse->rtable)->relid,
								 var->varno, call);
}

/* ------------------------------------------------------------------------
 * The new call
 * ------------------------------------------------------------------------
 */

/* The function on columns beside this one: its name and "_values". */
static Oid
ValuesFunction(Oid funcid, Oid modeltype)
{
	Oid			types[3] = {modeltype, JSONBOID, ANYOID};
	char	   *name = get_func_name(funcid);
	HeapTuple	tuple;
	Form_pg_proc proc;
	Oid			found = InvalidOid;

	if (name == NULL)
		return InvalidOid;
	tuple = SearchSysCache3(PROCNAMEARGSNSP,
							CStringGetDatum(psprintf("%s_values", name)),
							PointerGetDatum(buildoidvector(types, lengthof(types))),
							ObjectIdGetDatum(get_func_namespace(funcid)));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->provariadic == ANYOID && proc->prorettype == FLOAT8OID)
		found = proc->oid;
	ReleaseSysCache(tuple);
	return found;
}

static Const *
NamesConst(const Columns *c)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < c->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&json, ',');
		escape_json(&json, c->names[i]);
	}
	appendStringInfoChar(&json, ']');
	return makeConst(JSONBOID, -1, InvalidOid, -1,
					 DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)),
					 false, false);
}

/* The call on columns, or NULL where the row must stay. */
static Node *
RewriteCall(PlannerInfo *root, FuncExpr *call)
{
	Node	   *model;
	Oid			modeltype;
	Columns		columns;
	Oid			target;
	List	   *args;
	FuncExpr   *rewritten;

	/* without a query (index expressions, CHECK) nobody knows the row */
	if (root == NULL || root->parse == NULL || list_length(call->args) != 2)
		return NULL;
	/* MERGE joins as it likes; grouping sets make grouped rows NULL */
	if (root->parse->groupingSets != NIL ||
		(root->parse->commandType != CMD_SELECT &&
		 root->parse->commandType != CMD_INSERT &&
		 root->parse->commandType != CMD_UPDATE &&
		 root->parse->commandType != CMD_DELETE))
		return NULL;

	model = linitial(call->args);
	modeltype = exprType(model);
	if ((modeltype != BYTEAOID && modeltype != TEXTOID) ||
		call->funcresulttype != FLOAT8OID)
		return NULL;
	if (!ColumnsOfRow(root, lsecond(call->args), &columns))
		return NULL;
	/* what a name stands for may need other columns when the plan runs */
	if (IsA(model, Const) && modeltype == BYTEAOID ?
		!KeepNeeded((Const *) model, &columns) : !NamesAreDistinct(&columns))
		return NULL;
	if (columns.n > MAX_REWRITTEN || IsIndexed(root, call))
		return NULL;

	target = ValuesFunction(call->funcid, modeltype);
	if (!OidIsValid(target) || !PlannerMayExecute(call->funcid) ||
		!PlannerMayExecute(target))
		return NULL;

	args = list_make2(model, NamesConst(&columns));
	for (int i = 0; i < columns.n; i++)
		args = lappend(args, columns.exprs[i]);
	rewritten = makeFuncExpr(target, FLOAT8OID, args, call->funccollid,
							 call->inputcollid, COERCE_EXPLICIT_CALL);
	rewritten->location = call->location;

	/* what becomes of the function as written must reach prepared plans */
	if (root->glob != NULL)
		record_plan_function_dependency(root, call->funcid);
	return (Node *) rewritten;
}

PG_FUNCTION_INFO_V1(lead_score_support);
Datum
lead_score_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;

		result = RewriteCall(simplify->root, simplify->fcall);
	}
	PG_RETURN_POINTER(result);
}
