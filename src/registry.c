/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Models by name: 'name', 'name@alias', 'name@3'.
 *
 * A name is looked up in the tables of the schema leadscore, with the caller's
 * privileges and the caller's snapshot.  What was found is remembered from row
 * to row and must never be stale: in PL/pgSQL fn_extra lives through a whole
 * transaction, in which other sessions promote, this one promotes, and a
 * promotion is rolled back.  So it counts for one view of the database only,
 * which a SnapshotMark tells from another.
 *
 * A new view costs one lookup, not one decoding: the same version is the same
 * toast pointer, and the cache of decoded models goes by that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "registry.h"

#define DEFAULT_ALIAS	"champion"

/* Aborted subtransactions of this session: each may have undone what we saw. */
static uint64 aborted_subxacts = 0;

static void
CountAborts(SubXactEvent event, SubTransactionId mySubid,
			SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		aborted_subxacts++;
}

void
RegistryInit(void)
{
	RegisterSubXactCallback(CountAborts, NULL);
}

/* ------------------------------------------------------------------------
 * One view of the database
 * ------------------------------------------------------------------------
 */

/*
 * What the current snapshot lets this user see.  Of other transactions: those
 * below xmax but for the ones in progress; below a fixed xmax these can only
 * become fewer, so their number tells the set.  Of our own: commands below
 * curcid, unless their subtransaction was aborted since.
 */
static void
MarkSnapshot(SnapshotMark *mark)
{
	Snapshot	s;

	if (!ActiveSnapshotSet())
		elog(ERROR, "no snapshot to look up a model with");
	s = GetActiveSnapshot();
	/* compared as bytes */
	memset(mark, 0, sizeof(*mark));
	mark->xmin = s->xmin;
	mark->xmax = s->xmax;
	mark->xcnt = s->xcnt;
	mark->subxcnt = s->subxcnt;
	mark->flags = (s->suboverflowed ? 1 : 0) | (s->takenDuringRecovery ? 2 : 0);
	mark->curcid = s->curcid;
	mark->lxid = CurrentLocalXid();
	mark->user = GetUserId();
	mark->aborted = aborted_subxacts;
}

/* ------------------------------------------------------------------------
 * References
 * ------------------------------------------------------------------------
 */

typedef struct Reference
{
	char	   *name;
	char	   *alias;			/* or NULL and a version */
	int			version;
} Reference;

pg_noreturn static void
BadReference(const char *reference)
{
	if (strncmp(reference, "\\x", 2) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a model's bytes were given as text"),
				 errhint("Write '\\x...'::bytea.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid reference to a model: \"%s\"", reference),
			 errhint("Write 'name', 'name@alias' or 'name@3'.")));
}

static bool
AllDigits(const char *s)
{
	return s[0] != '\0' && strspn(s, "0123456789") == strlen(s);
}

/* In the current context. */
static void
ParseReference(const char *text, Reference *r)
{
	char	   *at;

	r->name = pstrdup(text);
	r->alias = pstrdup(DEFAULT_ALIAS);
	r->version = 0;
	at = strchr(r->name, '@');
	if (at != NULL)
	{
		*at = '\0';
		r->alias = at + 1;
		if (AllDigits(r->alias))
		{
			if (strlen(r->alias) > 9 || (r->version = atoi(r->alias)) == 0)
				BadReference(text);
			r->alias = NULL;
		}
		else if (*r->alias == '\0' || strchr(r->alias, '@') != NULL)
			BadReference(text);
	}
	if (*r->name == '\0' || strncmp(r->name, "\\x", 2) == 0)
		BadReference(text);
}

/* ------------------------------------------------------------------------
 * Lookup
 * ------------------------------------------------------------------------
 */

static const char by_alias[] =
"SELECT v.model, v.version"
" FROM leadscore.aliases AS a JOIN leadscore.versions AS v"
" ON v.name OPERATOR(pg_catalog.=) a.name"
" AND v.version OPERATOR(pg_catalog.=) a.version"
" WHERE a.name OPERATOR(pg_catalog.=) $1 AND a.alias OPERATOR(pg_catalog.=) $2";

static const char by_version[] =
"SELECT v.model, v.version FROM leadscore.versions AS v"
" WHERE v.name OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* A plan lives as long as the session; the plan cache sees to its validity. */
static SPIPlanPtr
KeptPlan(const char *query, Oid second)
{
	Oid			types[2] = {TEXTOID, second};
	/* planned once: what is looked up makes no difference */
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 2, types, CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare: %s", query);
	return plan;
}

/* Which part of the reference is wrong?  Called inside SPI. */
pg_noreturn static void
NotFound(const Reference *r)
{
	Oid			types[1] = {TEXTOID};
	Datum		args[1] = {CStringGetTextDatum(r->name)};

	(void) SPI_execute_with_args("SELECT FROM leadscore.models AS m"
								 " WHERE m.name OPERATOR(pg_catalog.=) $1",
								 1, types, args, NULL, true, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", r->name),
				 errhint("lead_train_model() makes one; leadscore.models lists them.")));
	if (r->alias == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", r->name, r->version),
				 errhint("lead_versions(%s) shows those there are.",
						 quote_literal_cstr(r->name))));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no %s", r->name, r->alias),
			 errdetail("None of its versions has the alias \"%s\".", r->alias),
			 errhint("lead_versions(%s) shows the versions, lead_promote() makes one live.",
					 quote_literal_cstr(r->name))));
}

/*
 * The model behind a reference, in `cxt`, as it is stored: out of line it is a
 * pointer that counts as long as the active snapshot.
 */
static struct varlena *
LookUp(const char *text, MemoryContext cxt, int *version)
{
	static SPIPlanPtr alias_plan = NULL;
	static SPIPlanPtr version_plan = NULL;
	SPIPlanPtr	plan;
	Reference	r;
	Datum		args[2];
	struct varlena *model = NULL;
	bool		isnull;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ParseReference(text, &r);
	args[0] = CStringGetTextDatum(r.name);
	if (r.alias != NULL)
	{
		if (alias_plan == NULL)
			alias_plan = KeptPlan(by_alias, TEXTOID);
		plan = alias_plan;
		args[1] = CStringGetTextDatum(r.alias);
	}
	else
	{
		if (version_plan == NULL)
			version_plan = KeptPlan(by_version, INT4OID);
		plan = version_plan;
		args[1] = Int32GetDatum(r.version);
	}
	/* read only: with the snapshot that the row was found with */
	if (SPI_execute_plan(plan, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up model \"%s\"", r.name);
	if (SPI_processed == 0)
		NotFound(&r);
	else
	{
		struct varlena *found = (struct varlena *)
		DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  1, &isnull));

		model = MemoryContextAlloc(cxt, VARSIZE_ANY(found));
		memcpy(model, found, VARSIZE_ANY(found));
		*version = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
											   SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	return model;
}

static bool
SameReference(const NamedModel *named, const text *reference)
{
	return named->reference != NULL &&
		VARSIZE_ANY_EXHDR(reference) == named->length &&
		memcmp(VARDATA_ANY(reference), named->reference, named->length) == 0;
}

/* Is what is remembered what a lookup would find?  Then it is that. */
static void
Remember(NamedModel *named, const text *reference, const SnapshotMark *mark)
{
	char	   *name = text_to_cstring(reference);
	int			version;
	struct varlena *model;

	/* whatever fails below, nothing is remembered then */
	if (named->reference != NULL)
		pfree(named->reference);
	named->reference = NULL;
	model = LookUp(name, named->cxt, &version);
	if (named->model != NULL &&
		VARSIZE_ANY(named->model) == VARSIZE_ANY(model) &&
		memcmp(named->model, model, VARSIZE_ANY(model)) == 0)
		pfree(model);			/* the same place keeps the cache quick */
	else
	{
		if (named->model != NULL)
			pfree(named->model);
		named->model = model;
	}
	named->version = version;
	named->length = strlen(name);
	named->mark = *mark;
	named->reference = MemoryContextStrdup(named->cxt, name);
	pfree(name);
}

/* The model that `reference` means to the current snapshot. */
Datum
NamedModelGet(NamedModel *named, Datum reference, MemoryContext cxt)
{
	text	   *t = DatumGetTextPP(reference);
	SnapshotMark mark;

	MarkSnapshot(&mark);
	if (unlikely(!SameReference(named, t) ||
				 memcmp(&mark, &named->mark, sizeof(mark)) != 0))
	{
		named->cxt = cxt;
		Remember(named, t, &mark);
	}
	if ((Pointer) t != DatumGetPointer(reference))
		pfree(t);
	return PointerGetDatum(named->model);
}

PG_FUNCTION_INFO_V1(lead_model);
Datum
lead_model(PG_FUNCTION_ARGS)
{
	int			version;

	PG_RETURN_POINTER(LookUp(text_to_cstring(PG_GETARG_TEXT_PP(0)),
							 CurrentMemoryContext, &version));
}

PG_FUNCTION_INFO_V1(lead_model_version);
Datum
lead_model_version(PG_FUNCTION_ARGS)
{
	int			version;

	pfree(LookUp(text_to_cstring(PG_GETARG_TEXT_PP(0)), CurrentMemoryContext,
				 &version));
	PG_RETURN_INT32(version);
}
