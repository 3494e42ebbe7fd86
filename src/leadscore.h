/*-------------------------------------------------------------------------
 *
 * leadscore.h
 *	  The vocabulary of leadscore: every struct that crosses a file boundary,
 *	  the prototypes grouped by the file that defines them, and the only
 *	  conditionals on the server's version.
 *
 * One word per idea, here as in SQL and in the README:
 *
 *	row		one lead: named, typed columns
 *	cell	one column of one row, in leadscore's own terms
 *	source	a column of the row that the model needs, matched by name
 *	feature	what the encoder derives from a source: a number, levels, bins
 *	design	the matrix of the fit: one design column per number or level
 *	frame	a training set as one value, equal rows counted once
 *	encoder	how features become design columns; fitted, then kept
 *	model	encoder + coefficients + statistics
 *	score	the probability that the label is true
 *
 * Names and levels inside frames and models are UTF-8 whatever the database's
 * encoding, and are compared by bytes.  Nothing in here holds an OID of a
 * user's object, a clock or a duration.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_H
#define LEADSCORE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#if PG_VERSION_NUM < 140000
#error "leadscore needs PostgreSQL 14 or later"
#endif
#if PG_VERSION_NUM >= 160000
#include "varatt.h"				/* until 16 part of postgres.h */
#endif

/*
 * What later servers have.  Each goes with the last version that needs it: 15
 * (its first release lacked InitMaterializedSRF), 16 and 17.  Before 17 the bit
 * patterns of infinite intervals are ordinary, if absurd, intervals.
 */
#if PG_VERSION_NUM < 150001
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

/* Rows are to be put into rsinfo->setResult; no flag is known here. */
static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &rsinfo->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->setResult =
		tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
							  false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(old);
}
#endif
#if PG_VERSION_NUM < 170000
#define INTERVAL_NOT_FINITE(interval)	((void) (interval), false)
#endif
#if PG_VERSION_NUM >= 150000
#define ReserveSettings(prefix)	MarkGUCPrefixReserved(prefix)
#define WholeRowRenamed(rte)	((void) (rte), false)
#else
#define ReserveSettings(prefix)	EmitWarningsOnPlaceholders(prefix)
/* until 15 the columns of l in "FROM leads AS l(a, b)" were called a and b */
#define WholeRowRenamed(rte)	((rte)->alias != NULL && (rte)->alias->colnames != NIL)
#endif
#if PG_VERSION_NUM < 180000
#define pg_noreturn		pg_attribute_noreturn()
#define LEADSCORE_MAGIC	PG_MODULE_MAGIC
#else
#define LEADSCORE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "leadscore", .version = LEADSCORE_VERSION)
#endif

/*
 * What differs between the servers' planners.  PlannerMayExecute: may the user
 * call this function?  VarNullable: from 16 on a Var says whether an outer join
 * can make it NULL; before, the join tree has to be searched.  VarIsOldOrNew:
 * from 18 on RETURNING tells the old row from the new.
 */
#if PG_VERSION_NUM >= 160000
#define PlannerMayExecute(funcid) \
	(object_aclcheck(ProcedureRelationId, (funcid), GetUserId(), \
					 ACL_EXECUTE) == ACLCHECK_OK)
#define VarNullable(root, var)	(!bms_is_empty((var)->varnullingrels))
#else
#define PlannerMayExecute(funcid) \
	(pg_proc_aclcheck((funcid), GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#define VarNullable(root, var)	(RelationNullable((root), (var)->varno))
#define LEADSCORE_SEARCH_NULLABLE
#endif
#if PG_VERSION_NUM >= 180000
#define VarIsOldOrNew(var)	((var)->varreturningtype != VAR_RETURNING_DEFAULT)
#else
#define VarIsOldOrNew(var)	false
#endif

/* The number of a session's transaction moved in 17; the name of a function in 15. */
#if PG_VERSION_NUM >= 170000
#define CurrentLocalXid()	(MyProc->vxid.lxid)
#else
#define CurrentLocalXid()	(MyProc->lxid)
#endif

#define LEADSCORE_VERSION		"1.0"

#define LEADSCORE_MAX_DESIGN	5000	/* design columns; the Hessian is p^2 */
#define LEADSCORE_MAX_COLUMNS	1600	/* columns of a row */

extern Size LeadscoreWorkMem(void); /* leadscore.c: bytes */
extern Size LeadscoreTreeMem(void);

/* progress.c */
extern bool leadscore_progress;
extern void ProgressReport(const char *phase, int iteration, int64 done, int64 total);
extern void ProgressFold(int fold, int folds); /* 0: none from now on */
extern void ProgressFoldGet(int *fold, int *folds);
extern void ProgressTrial(int trial, int trials, const char *best);	/* 0: none from now on */
extern void ProgressEnd(void);

/* ------------------------------------------------------------------------
 * Rows and cells (row.c)
 * ------------------------------------------------------------------------
 */

/* The types of columns that can be a feature.  The numbers are stored. */
typedef enum CellType
{
	CELL_UNUSABLE = 0,			/* any other type; an error once it is needed */
	CELL_BOOL,
	CELL_INT2,
	CELL_INT4,
	CELL_INT8,
	CELL_FLOAT4,
	CELL_FLOAT8,
	CELL_NUMERIC,
	CELL_TEXT,					/* text, varchar, char, name and their kin */
	CELL_ENUM,
	CELL_UUID,
	CELL_DATE,
	CELL_TIMESTAMP,
	CELL_TIMESTAMPTZ,
	CELL_INTERVAL
} CellType;

#define CELL_TYPE_LAST	CELL_INTERVAL

/* Types of one class convert into each other when a model meets a row. */
typedef enum CellClass
{
	CLASS_NONE = 0,
	CLASS_BOOL,
	CLASS_NUMBER,
	CLASS_TEXT,
	CLASS_TIME,
	CLASS_INTERVAL
} CellClass;

static inline CellClass
CellTypeClass(CellType type)
{
	static const uint8 classes[] = {
		[CELL_UNUSABLE] = CLASS_NONE,
		[CELL_BOOL] = CLASS_BOOL,
		[CELL_INT2] = CLASS_NUMBER,
		[CELL_INT4] = CLASS_NUMBER,
		[CELL_INT8] = CLASS_NUMBER,
		[CELL_FLOAT4] = CLASS_NUMBER,
		[CELL_FLOAT8] = CLASS_NUMBER,
		[CELL_NUMERIC] = CLASS_NUMBER,
		[CELL_TEXT] = CLASS_TEXT,
		[CELL_ENUM] = CLASS_TEXT,
		[CELL_UUID] = CLASS_TEXT,
		[CELL_DATE] = CLASS_TIME,
		[CELL_TIMESTAMP] = CLASS_TIME,
		[CELL_TIMESTAMPTZ] = CLASS_TIME,
		[CELL_INTERVAL] = CLASS_INTERVAL,
	};

	return (CellClass) classes[type];
}

/*
 * One value of one row.
 *
 * number	bool 0/1; numbers as they are (-0 becomes 0); times in microseconds
 *			since 2000-01-01 (a timestamptz in UTC); intervals in seconds
 *			(a month counting 30 days, as EXTRACT(epoch) counts no years here).
 * text		CLASS_TEXT only: UTF-8, not terminated, in the current memory context
 *			or pointing into the row.
 */
typedef struct Cell
{
	bool		isnull;
	CellType	type;			/* what the row had; times need it */
	double		number;
	const char *text;
	int			len;
} Cell;

/* A column of an incoming row: its name and how to read it. */
typedef struct RowColumn
{
	char	   *name;			/* UTF-8; NULL for a dropped column */
	Oid			typid;			/* as declared */
	Oid			basetype;		/* below domains */
	CellType	type;
	bool		text_varlena;	/* read text as varlena, not by typoutput */
	bool		trim_blanks;	/* char(n) */
	FmgrInfo	output;			/* for text kinds that are no varlena text */
} RowColumn;

typedef struct RowShape
{
	int			ncolumns;		/* attributes, dropped ones included */
	RowColumn  *columns;
} RowShape;

/*
 * Where rows come from: a record argument, or a VARIADIC "any" list with names
 * in a jsonb array.  Kept in fn_extra or in an aggregate's state; after a call
 * of RowInputRecord() or RowInputArgs() `values` and `nulls` hold the row.
 */
typedef struct RowInput
{
	MemoryContext cxt;			/* where shape and arrays live */
	MemoryContext previous;		/* those of the shape before, until the next */
	RowShape   *shape;			/* NULL before the first row */
	uint64		tupdesc_id;		/* typcache's identifier, record form */
	struct TypeCacheEntry *typcache;	/* of a named row type, or NULL */
	TupleDesc	tupdesc;		/* our copy, record form */
	Datum	   *values;
	bool	   *nulls;
} RowInput;

/*
 * An identifier: of such a type, in so many rows, with so large a share of different
 * values.
 */
#define IDENTIFIER_MIN_ROWS		100
#define IDENTIFIER_SHARE		0.95

static inline bool
CellTypeIsKey(CellType type)
{
	return CellTypeClass(type) == CLASS_TEXT ||
		type == CELL_INT2 || type == CELL_INT4 || type == CELL_INT8;
}

/* What a column is to its readers: a class in one word. */
#define KIND_NUMBER			"number"
#define KIND_CATEGORICAL	"categorical"
#define KIND_TIME			"time"
#define KIND_OTHER			"other"
#define KIND_SCORE			"score"

extern const char *CellTypeName(CellType type); /* "integer", "text", … */
extern const char *CellTypeKind(CellType type);
extern CellType CellTypeOf(Oid typid, Oid *basetype);
extern char *TextToUtf8(const char *s, int len, int *outlen);
extern char *TextFromUtf8(const char *s, int len);	/* terminated */
extern int	errcolumnname(const char *name);
extern char *JsonName(const char *name); /* quoted, as options spell it */

/* Both return true when the shape is new (the caller must bind again). */
extern bool RowInputRecord(RowInput *in, HeapTupleHeader rec, MemoryContext cxt);
extern bool RowInputArgs(RowInput *in, FunctionCallInfo fcinfo, int firstarg,
						 Jsonb *names, MemoryContext cxt);

/* Read one value; NaN and infinity are an error naming the column. */
extern void CellRead(const RowColumn *col, Datum value, bool isnull, Cell *cell);

/*
 * Read a value of a JSON document as the given type; an error names the column
 * and both types.  Timestamps must be ISO 8601 whatever DateStyle says.
 */
extern void CellReadJson(const char *name, CellType want, const JsonbValue *v,
						 Cell *cell);

/* ------------------------------------------------------------------------
 * Encoder (encoder.c, parts.c)
 * ------------------------------------------------------------------------
 */

typedef enum FeatureKind
{
	FEATURE_NUMBER = 1,			/* one column, plus an indicator for NULL */
	FEATURE_LEVELS,				/* one column per level kept */
	FEATURE_BINS,				/* one column per interval between edges */
	FEATURE_OFFSET				/* added as it is, coefficient 1; NULL is an error */
} FeatureKind;

typedef enum Transform
{
	TRANSFORM_NONE = 0,
	TRANSFORM_LOG1P,			/* sign(x) * log1p(|x|) is NOT meant: x > -1 */
	TRANSFORM_HOUR,				/* parts of a time: the level is the number */
	TRANSFORM_DOW,				/* 0 = Sunday, as EXTRACT(dow) */
	TRANSFORM_DAY,
	TRANSFORM_MONTH,
	TRANSFORM_QUARTER,
	TRANSFORM_YEAR
} Transform;

#define TRANSFORM_LAST TRANSFORM_YEAR

/* Instead of a design column's number: */
#define DESIGN_NONE		(-1)	/* the reference level: adds nothing */
#define DESIGN_AVERAGE	(-2)	/* nothing learnt: adds what the average lead has */
#define DESIGN_ERROR	(-3)	/* "unseen": "error" */
#define DESIGN_LIKE_OTHER (-4)	/* null_column only, until EncoderNumber(): NULL
								 * counts as other and shares its column */

typedef struct ModelSource
{
	char	   *name;			/* UTF-8, terminated */
	CellType	type;			/* at training */
} ModelSource;

typedef struct Level
{
	const char *text;			/* text levels: UTF-8, terminated */
	int			len;
	double		number;			/* levels of numbers, booleans, parts */
	int			column;			/* design column, or DESIGN_NONE */
} Level;

/*
 * Design columns are numbered from 1 (0 is the intercept) feature by feature:
 * FEATURE_NUMBER value, then indicator if any; FEATURE_LEVELS the levels in
 * order, then other, then NULL; FEATURE_BINS the intervals in order, then NULL.
 * A feature's columns are therefore contiguous.
 */
typedef struct Feature
{
	char	   *name;			/* source's name, or "created_date.hour" */
	int			source;			/* index into Encoder.sources */
	FeatureKind kind;
	Transform	transform;

	/* FEATURE_NUMBER */
	int			value_column;
	double		fill;			/* value of NULL, after the transform: the mean */

	/* FEATURE_LEVELS: sorted by bytes or by number, no duplicates */
	int			nlevels;
	Level	   *levels;
	int			other_column;	/* ≥ 0, or one of DESIGN_*: levels not listed */

	/* FEATURE_BINS: intervals (-inf, e0), [e0, e1), … [e_last, inf) */
	int			nedges;
	double	   *edges;
	int		   *bin_columns;	/* nedges + 1 */

	/* all kinds: FEATURE_NUMBER the indicator, else the level of NULL */
	int			null_column;	/* ≥ 0, or one of DESIGN_* */

	void	   *lookup;			/* model_cache.c's hash of the levels, NULL until made */
} Feature;

typedef enum DesignKind
{
	DESIGN_INTERCEPT,
	DESIGN_VALUE,
	DESIGN_IS_NULL,				/* indicator of a number's NULL */
	DESIGN_LEVEL,
	DESIGN_BIN,
	DESIGN_OTHER,
	DESIGN_NULL_LEVEL
} DesignKind;

/* What a design column stands for; derived from the features. */
typedef struct DesignColumn
{
	DesignKind	kind;
	int			feature;		/* -1 for the intercept */
	int			level;			/* index of level or bin */
} DesignColumn;

typedef struct Encoder
{
	int			nsources;
	ModelSource *sources;
	int			nfeatures;
	Feature    *features;
	int			ncolumns;		/* design columns, the intercept included */
	DesignColumn *design;
	char	   *timezone;		/* for parts of a timestamptz; NULL if none */
} Encoder;

/*
 * Where one cell of one feature goes: at most two entries of the design row.
 * `average` says that the feature contributes what the average lead does (no
 * entry then); `unseen` that the level, or a NULL, was not known to training.
 */
typedef struct FeatureEntries
{
	int			n;
	int			column[2];
	double		value[2];
	bool		average;
	bool		unseen;
	double		offset;			/* FEATURE_OFFSET */
} FeatureEntries;

/*
 * Numbers every slot that asks for a column (0 or any number above) in the
 * documented order, leaves DESIGN_* alone, and fills ncolumns and design.
 * A second call changes nothing.
 */
extern void EncoderNumber(Encoder *enc);
extern double TransformCell(const Feature *f, const char *timezone,
							const Cell *cell);
extern int	FindBin(const Feature *f, double x);	/* how many edges are ≤ x */
extern void FeatureEncode(const Encoder *enc, const Feature *f,
						  const Cell *cell, FeatureEntries *out);
/* "city=Paris", "clicks", "clicks is null", "city=(other)", "(Intercept)" */
extern char *DesignColumnName(const Encoder *enc, int column);
/* "Paris", "(other)", "(null)", "[3, 5)"; NULL for numbers and the intercept */
extern char *DesignColumnLevel(const Encoder *enc, int column);
/* the same for any slot, reference levels included */
extern char *FeatureLevelText(const Encoder *enc, const Feature *f,
							  DesignKind kind, int level);
/* Microseconds since 2000 in ISO 8601; NULL if that is no time. */
extern char *TimeText(double x, CellType type);
/* A number as short as it can be and still come back; no setting matters. */
extern char *NumberText(double x);

/* ------------------------------------------------------------------------
 * Model (model.c, model_read.c, model_cache.c)
 * ------------------------------------------------------------------------
 */

typedef enum Inference
{
	INFERENCE_NONE = 0,			/* lasso, elastic net: no standard errors */
	INFERENCE_WALD,				/* maximum likelihood, Firth */
	INFERENCE_PENALISED,		/* ridge: errors from the penalised Hessian, no p */
	INFERENCE_ROBUST			/* HC0 sandwich */
} Inference;

typedef struct Model
{
	Encoder    *encoder;
	double	   *coef;			/* per design column; 0 where aliased */
	bool	   *aliased;
	double	   *mean;			/* weighted mean design row of training; [0] = 1 */
	double		mean_offset;	/* weighted mean of the offset; 0 without one */
	struct TreeModel *trees;	/* or NULL; with trees coef, aliased, mean are NULL */
	struct ScoreMap *map;		/* the calibration of its scores, or NULL */
	double	   *average;		/* what the average lead gets, per feature; NULL in a
								 * model that was just fitted */

	/* the statistics; NULL and 0 when only the scoring part was decoded */
	Inference	inference;
	double		confidence;		/* level of the intervals, 0.95 */
	double	   *sd;				/* weighted population sd of the design columns */
	double	   *std_error;		/* NaN where aliased; NULL without inference */
	double	   *vif;			/* generalised, per feature; NaN unknown; or NULL */
	double	   *cov;			/* p × p packed lower triangle, row by row; or NULL */
	char	   *info;			/* JSON text (UTF-8): everything about the fit */

	/* how it was stored; 0 in a model that was just fitted */
	uint32		format;
	uint32		scoring_bytes;
	uint32		statistics_bytes;
} Model;

#define MODEL_HEADER_SIZE	40	/* lengths and checksums of both parts */

extern bytea *ModelEncode(const Model *model);
/* scoring_only reads just the first slice of an out-of-line value */
extern Model *ModelDecode(Datum model, bool scoring_only);	/* or an error */
/* the same, but NULL and a reason instead of an error */
extern Model *ModelDecodeOrNull(Datum model, bool scoring_only,
								const char **why);
/* what the others are made of: returns the reason, or NULL and fills `model` */
extern const char *ModelDecodeInto(Model *model, Datum datum,
								   bool scoring_only, MemoryContext cxt);
pg_noreturn extern void ModelRefuse(const Model *model, const char *why);

/* a decoded feature has its lookup; a fitted one is searched by bisection */
extern void FeatureMakeLookup(Feature *f);
extern int	FeatureFindLevel(const Feature *f, const char *text, int len,
							 double number);	/* index of the level, or -1 */

/*
 * The decoded model of a query, remembered in fn_extra by the argument's raw
 * bytes before any detoasting.
 */
typedef struct ModelCache
{
	MemoryContext cxt;			/* child of fn_mcxt, reset when the model changes */
	Model	   *model;
	uint64		generation;		/* goes up with every new model */
	struct varlena *key;		/* the bytes it was decoded from */
	Pointer		key_pointer;
	bool		constant;		/* the argument is a constant of the query */
} ModelCache;

/* `constant`: the value is the same in every call */
extern Model *ModelCacheGet(ModelCache *cache, Datum model, bool constant,
							MemoryContext parent);
extern bool ModelCacheHas(const ModelCache *cache, Datum model);

/* ------------------------------------------------------------------------
 * Looking into a model (coefficient.c, inspect.c, summary.c)
 * ------------------------------------------------------------------------
 */

/* NaN: unknown */
typedef struct Coefficient
{
	double		estimate;
	double		std_error;
	double		z;
	double		p;				/* two-sided */
	double		ci_low;
	double		ci_high;
	double		odds_ratio;
	double		odds_low;
	double		odds_high;
	double		std_estimate;	/* estimate × sd of the design column */
} Coefficient;

extern double NormalTwoSided(double z); /* P(|Z| >= |z|), right to 1e-300 */
extern double NormalQuantile(double p); /* p in (0, 1) */
extern void ModelCoefficient(const Model *model, int column, Coefficient *c);
extern Jsonb *ModelInfo(const Model *model);	/* an object, or an error */

/* ------------------------------------------------------------------------
 * Scoring (score.c): cells in, log-odds out
 * ------------------------------------------------------------------------
 */

/* A model bound to the columns of a row, by name. */
typedef struct Binding
{
	const Model *model;
	int		   *column;			/* per source: index into RowShape.columns */
} Binding;

/* Errors name the missing column, or the column and both types. */
extern void BindModel(Binding *b, const Model *model, const RowShape *shape,
					  MemoryContext cxt);
/* log-odds, of a forest the probability, here and in the next one; not calibrated */
extern double ModelOutput(const Model *model, const Cell *cells);
/* per source: contribution above the average lead; returns their sum with it */
extern double ModelContributions(const Model *model, const Cell *cells,
								 double *contribution, double *average);
/* where a cell falls: a design column or DESIGN_*; *value what a number adds */
extern int	FeaturePlace(const Model *model, const Feature *f, const Cell *cell,
						 double *value);

/* How a function is handed its rows. */
typedef enum RowForm
{
	ROW_RECORD,					/* (model, record) */
	ROW_VALUES,					/* (model, names jsonb, VARIADIC "any") */
	ROW_JSON					/* (model, jsonb) */
} RowForm;

/* What a feature adds to the log-odds, bound to a column of the row. */
typedef enum TermKind
{
	TERM_GENERAL = 0,			/* by way of a cell */
	TERM_INT4,					/* coef times an integer, which most columns are */
	TERM_TEXT					/* a text: perhaps its term is remembered */
} TermKind;

struct RecentTerm;

typedef struct Term
{
	int			column;			/* of the row */
	TermKind	kind;
	double		coef;
	const Feature *feature;
	struct RecentTerm *recent;	/* TERM_TEXT, after some rows */
	int			nrecent;		/* places in it */
} Term;

/*
 * What a scoring function keeps in fn_extra from row to row, for one model.  A
 * query may score with several in turn (a join with the models of segments):
 * they form a list, the last one used first.
 */
typedef struct Scorer
{
	struct Scorer *next;
	MemoryContext rowcxt;		/* what one row needs: reset at the next one */
	MemoryContext bindcxt;		/* the binding: reset with a new model or shape */
	ModelCache	cache;
	uint64		generation;		/* of the model that is bound */
	const Model *model;
	Cell	   *cells;			/* per source of the model */

	RowInput	in;				/* records and values */
	Binding		binding;
	Term	   *terms;			/* per feature */
	int			nrows;			/* scored since they were bound, up to a few */
	Jsonb	   *names;			/* values: a copy, where names may change */

	char	  **keys;			/* documents: names in the server's encoding */
} Scorer;

/* The error for a column that the row lacks; shape NULL for a document. */
extern void MissingColumn(const Model *model, const char *name,
						  const RowShape *shape);
extern double PlacedTerm(const Model *model, const Feature *f, const Cell *cell);
extern void ModelSetAverages(Model *model);	/* as the decoder does */

/* what the average lead gets from a feature */
static inline double
FeatureAverage(const Model *model, const Feature *f)
{
	return model->average[f - model->encoder->features];
}

/* The same; what most features are, a plain number, without a call. */
static inline double
FeatureTerm(const Model *model, const Feature *f, const Cell *cell)
{
	if (f->kind == FEATURE_NUMBER && f->transform == TRANSFORM_NONE &&
		!cell->isnull)
		return model->coef[f->value_column] * cell->number;
	return PlacedTerm(model, f, cell);
}

/* scorer.c: the model and row of this call, as cells that last until the next */
extern Scorer *ScorerRow(FunctionCallInfo fcinfo, RowForm form);
/* log-odds, or a forest's probability, not calibrated; *model gets whose */
extern double ScorerValue(FunctionCallInfo fcinfo, RowForm form, const Model **model);
extern Scorer *ScorerOfNamed(FunctionCallInfo fcinfo, int *version);
/* probability */
extern double ScorerDocument(Scorer *s, JsonbContainer *doc);

static inline double
Sigmoid(double x)
{
	return x >= 0 ? 1.0 / (1.0 + __builtin_exp(-x)) :
		__builtin_exp(x) / (1.0 + __builtin_exp(x));
}

/* ------------------------------------------------------------------------
 * The solver (logistic.h and the files that include it):
 * arrays in, coefficients out.  No Datum, no fmgr; only palloc, ereport-free,
 * and CHECK_FOR_INTERRUPTS.
 * ------------------------------------------------------------------------
 */

/*
 * A block of design rows.  The intercept (column 0) is never in it.  Columns that
 * are hardly ever 0 are dense: every row has a value, column after column.  Of
 * the others row i has the entries start[i] … start[i + 1] - 1, by ascending
 * column.  A design row stands for pos[i] positives and neg[i] negatives, each
 * with weight[i].  The arrays belong to whoever fills the block; those of rows
 * go on with zeros up to a multiple of DESIGN_LANES.
 */
typedef struct DesignBlock
{
	int			n;
	const double *dense;		/* the k-th from k × DESIGN_BLOCK_ROWS on */
	const int  *start;			/* n + 1 */
	const int  *index;
	const double *value;
	const double *pos;
	const double *neg;
	const double *weight;		/* NULL: all 1 */
	const double *offset;		/* NULL: all 0 */
} DesignBlock;

#define DESIGN_BLOCK_ROWS	256
#define DESIGN_LANES		4

typedef struct DesignSource
{
	int64		nrows;
	int			ncolumns;		/* p, the intercept included */
	int			ndense;
	const int  *dense_column;	/* ascending; no entry has one of these */
	double		weights[2];		/* of all negatives, of all positives */
	bool		has_offset;
	/* fill `block` with rows first … first + n - 1, n ≤ DESIGN_BLOCK_ROWS */
	void		(*fill) (void *arg, int64 first, int n, DesignBlock *block);
	void	   *arg;
} DesignSource;

typedef struct LogitOptions
{
	double		class_weight[2];	/* of false and of true; 1, 1 */
	double		lambda;			/* Σ w·logloss + λ(α‖β‖₁ + (1-α)/2‖β‖²) */
	double		alpha;
	bool		firth;
	bool		robust;			/* HC0 covariance */
	bool		supremum;		/* separated classes are climbed, not proved: LOGIT_SEPARATED
								 * means that the likelihood can rise no more */
	int			max_iterations; /* 0: the default, 100; with firth 500 */
	double		tolerance;		/* 0: the default, 1e-10 */
	const struct LogitStart *start; /* or NULL */
	bool		estimates_only; /* to some 1e-10 of their errors, and no covariance */
	void		(*report) (int iteration, int64 row, int64 rows);	/* or NULL */
} LogitOptions;

/* Where a fit begins: the coefficients of one of the same design and a larger penalty. */
typedef struct LogitStart
{
	const double *beta;			/* p */
	double		null_gradient;	/* of that fit */
} LogitStart;

typedef enum LogitStop
{
	LOGIT_CONVERGED = 0,
	LOGIT_MAX_ITERATIONS,
	LOGIT_SEPARATED,			/* a certificate was found: no finite maximum */
	LOGIT_STALLED				/* no step improves: rounding is the limit */
} LogitStop;

typedef struct LogitFit
{
	double	   *beta;			/* p; 0 where aliased */
	bool	   *aliased;		/* p; the later of collinear columns, as R drops */
	int			naliased;
	LogitStop	stop;
	int			iterations;
	double		null_gradient;	/* lasso: the largest of the model without columns */
	double		gradient_norm;	/* max |gradient| of the (penalised) objective */
	double		objective;		/* weighted log loss + penalty, at beta */
	double		log_likelihood; /* without the penalty */
	double		null_log_likelihood;	/* intercept and offset only */
	double	   *history;		/* objective after each iteration */
	double	   *cov;			/* p × p full, row-major; NULL for lasso, elastic net */
	double		condition;		/* of the Hessian scaled to unit diagonal; NaN unknown */
	/* LOGIT_SEPARATED */
	bool		full_separation;	/* every row, not only some */
	double	   *direction;		/* p; non-zero where the columns separate */
} LogitFit;

extern LogitFit *LogitSolve(const DesignSource *design,
							const LogitOptions *options);
/* the least penalty under which lasso, or elastic net of this alpha, has no column */
extern double LogitLambdaMax(const DesignSource *design, const LogitOptions *options);
/* generalised VIF of the columns [first, last], from the covariance */
extern void LogitGvif(const double *cov, const bool *aliased, int p, int nterms,
					  const int *first, const int *last, double *gvif);

/* logit.h-like helpers shared by solver and metrics */
static inline double
Log1pExp(double x)
{
	return x > 0 ? x + __builtin_log1p(__builtin_exp(-x)) :
		__builtin_log1p(__builtin_exp(x));
}

#endif							/* LEADSCORE_H */
