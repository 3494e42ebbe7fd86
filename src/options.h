/*-------------------------------------------------------------------------
 *
 * options.h
 *	  What a user can ask for, parsed from one jsonb.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_OPTIONS_H
#define LEADSCORE_OPTIONS_H

#include "leadscore.h"
#include "nodes/pg_list.h"
#include "tree.h"

typedef enum TreatAs
{
	TREAT_AUTO = 0,				/* numbers as numbers, all else as levels */
	TREAT_NUMBER,
	TREAT_CATEGORICAL
} TreatAs;

typedef enum OnSeparation
{
	SEPARATION_RIDGE = 0,
	SEPARATION_FIRTH,
	SEPARATION_ERROR
} OnSeparation;

typedef enum ClassWeight
{
	CLASS_WEIGHT_NONE = 0,
	CLASS_WEIGHT_BALANCED,
	CLASS_WEIGHT_GIVEN
} ClassWeight;

/* Options of one column; -1 and NULL where the call's own count. */
typedef struct ColumnOptions
{
	char	   *name;
	TreatAs		as;
	Transform	transform;		/* none or log1p */
	int			bins;			/* 0: no bins */
	int			min_count;
	int			max_levels;
	int			unseen_error;
	char	   *reference;
	List	   *parts;			/* of int: Transform */
	int			monotone;		/* of boosted trees: -1 falling, 1 rising, else 0 */
} ColumnOptions;

typedef struct Options
{
	const Jsonb *given;			/* as the user wrote them, or NULL */

	/* acting when the frame is built */
	List	   *exclude;		/* of char *, UTF-8 */
	char	   *weight;
	char	   *offset;
	char	   *group;
	char	   *time;
	char	   *timezone;
	int			max_distinct;
	const Jsonb *names;			/* of the columns, for lead_…_columns */

	/* acting at the fit */
	List	   *allow;
	int			min_count;
	int			max_levels;
	int			bins;			/* lead_describe_label() */
	bool		unseen_error;
	char	   *reference;		/* NULL: the most frequent level; or "first" */
	double		lambda;
	double		alpha;
	bool		firth;
	bool		standardize;
	OnSeparation separation;
	ClassWeight class_weight_kind;
	double		class_weight[2];
	bool		correct;		/* the intercept, after class_weight */
	bool		robust;
	bool		covariance;		/* keep it in the model */
	double		confidence;
	int			max_iterations;
	double		tolerance;
	bool		untrainable_null;
	int			calibrate;		/* MapMethod: of out-of-fold scores */

	/* trees; what one family lacks is not looked at there */
	TreeFamily	family;
	int			trees;
	int			depth;
	int			leaves;			/* 0: no limit but the depth */
	int			min_leaf;
	int			max_bins;
	int			mtry;			/* 0: as the family has it */
	double		rate;
	double		subsample;
	double		colsample;
	double		min_gain;
	int			early_stopping;
	double		holdout;
	int			seed;

	List	   *columns;		/* of ColumnOptions * */

	struct FitShared *shared;	/* with fits of the same rows, or NULL */
	struct FitMessages *messages;	/* what fits say is collected here; NULL: said at once */
} Options;

/* Which options a call may have: a bit for each kind. */
#define OPTIONS_FRAME	1		/* roles, parts, names: building the frame */
#define OPTIONS_FIT		2		/* encoding and fit */
#define OPTIONS_LABEL	4		/* columns beside the label */
#define OPTIONS_PROFILE	8		/* names only: lead_profile_columns */

/* One option: "lambda", "columns.city.min_count"; an error says what it must be. */
typedef struct OptionReader
{
	const char *path;
	const JsonbValue *v;
} OptionReader;

extern void OptionBad(const OptionReader *r, const char *expected);
extern double OptionNumber(const OptionReader *r, double low, double high,
						   const char *expected);
/* one of some words: its index */
extern int	OptionWord(const OptionReader *r, const char *const *words, int n);
extern void OptionsCheckObject(const Jsonb *given, const char *example);

extern Options *OptionsParse(const Jsonb *given, int kinds);	/* NULL: defaults */
extern ColumnOptions *OptionsForColumn(const Options *opt, const char *name);
/* is this option, or option of a column, a whole number? */
extern bool OptionIsWhole(const char *name);
extern bool NameInList(const List *names, const char *name);

#endif							/* LEADSCORE_OPTIONS_H */
