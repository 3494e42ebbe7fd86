/*-------------------------------------------------------------------------
 *
 * fit.h
 *	  From frame to model: statistics of the frame, the encoder fitted from
 *	  them, the design matrix for the solver, and the account of it all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FIT_H
#define LEADSCORE_FIT_H

#include "frame.h"
#include "options.h"

/* A value of a column and the labelled rows that have it. */
typedef struct ValueCount
{
	int64		pos;
	int64		neg;
	double		weight;			/* of both, after the weight role */
} ValueCount;

/* What one scan of the patterns says about a column. */
typedef struct ColumnStats
{
	ValueCount *values;			/* dictionary: [0] NULL, [k] k-th value; or NULL */
	ValueCount	null;
	int64		nonnull;		/* rows */
	int64		distinct;		/* values that occur, NULL apart; -1 not known */
	double		min;			/* numbers */
	double		max;
	double		min_of[2];		/* by label: false, true */
	double		max_of[2];
	double		mean;			/* weighted, of the values that are not NULL */
	double		sd;				/* population */
	struct NumberGrid *grid;	/* plain numbers: rows by leading bits; or NULL */
	bool		repeats;		/* plain numbers: too many for an identifier */
} ColumnStats;

typedef struct FrameStats
{
	const Frame *frame;
	const FrameColumn *weight;	/* roles, or NULL */
	const FrameColumn *offset;
	ColumnStats *columns;		/* as frame->columns */
	double		weight_sum;
	double		weight_pos;
} FrameStats;

/* stats.c */
extern FrameStats *FrameStatsCompute(const Frame *frame);

/* A value of a dictionary, counted from 0, and its rows. */
typedef struct ValueRows
{
	int			value;
	int64		rows;
} ValueRows;

/*
 * Of n values, in the order of the dictionary, bring the most frequent to the
 * front and sort them, equal ones in that order; returns how many, `most` or n.
 */
extern int	KeepMostFrequent(ValueRows *v, int n, int most);

/* The weight of each row of a pattern: 1 without the role. */
static inline double
PatternWeight(const FrameStats *s, const uint8 *pattern)
{
	double		w = 1;

	if (s->weight != NULL)
		(void) FrameNumber(s->weight, pattern, &w); /* NULL is refused */
	return w;
}

/* distinct.c: different numbers of a plainly stored column */
extern int64 CountDistinctNumbers(const Frame *frame, const FrameColumn *c);
extern int64 CountDistinctUnless(const Frame *frame, const FrameColumn *c,
								 const ColumnStats *cs, int64 most);

/* quantile.c */
typedef struct NumberRank
{
	int64		rank;
	double		value;
	int64		below;			/* rows with a lesser number */
} NumberRank;

extern void FindRanks(const Frame *frame, const FrameColumn *c,
					  const ColumnStats *cs, NumberRank *ranks, int n);

/* encoder.c */

/* Why a column is no feature, in one word that lead_info() shows. */
typedef struct LeftOut
{
	const char *column;
	const char *source;			/* column of the row */
	CellType	type;
	const char *reason;
	const char *detail;
} LeftOut;

/* The reason that ends a fit instead of leaving the column out. */
#define LEFT_OUT_DETERMINES	"determines the label"
#define LEFT_OUT_OUTCOME	"time of the outcome"

typedef struct Pooled
{
	const char *column;
	int			levels;
	int64		rows;
	const char *into;
} Pooled;

typedef struct Imputed
{
	const char *column;
	int64		rows;
	double		value;
	bool		indicator;
} Imputed;

typedef struct Reference
{
	const char *column;
	const char *level;
} Reference;

/* The account of how an encoder was made. */
typedef struct FitReport
{
	List	   *left_out;		/* of LeftOut * */
	List	   *pooled;
	List	   *imputed;
	List	   *references;
	List	   *notes;			/* of char *: sentences */
} FitReport;

typedef struct FittedEncoder
{
	Encoder    *encoder;
	int		   *frame_column;	/* per feature: index into frame->columns */
	FitReport	report;
} FittedEncoder;

/*
 * penalised: every level gets a column; else one is the reference.  NULL if a
 * column determines the label and that is to be no error.
 */
extern FittedEncoder *EncoderFit(const FrameStats *stats, const Options *opt,
								 bool penalised);
extern void CheckColumnsExist(const Frame *frame, const Options *opt);
/* are parts of this time columns of their own? */
extern bool FrameHasParts(const Frame *frame, const FrameColumn *time);
extern const ColumnOptions *OptionsForFrameColumn(const Options *opt, const FrameColumn *c);
extern void BadColumnOption(const FrameColumn *c, const char *option, const char *why);
/* screen.c */
extern LeftOut *LeaveOut(const FrameColumn *c, const char *reason,
						 const char *detail);
/* what is left out before encoding, and why; NULL to keep it */
extern const LeftOut *ScreenColumn(const FrameStats *stats, int column,
								   const Options *opt);
extern void ReportDetermines(const LeftOut *l, const Options *opt);
extern void ReportLeftOut(const FitReport *report, const Options *opt);

/* design.c */

/* The design of a frame under an encoder: what LogitSolve() reads. */
typedef struct FrameDesign
{
	DesignSource source;
	double	   *center;			/* per design column; numbers are (x - center) / scale */
	double	   *scale;
	double	   *mean;			/* weighted, on the raw scale; [0] = 1 */
	double	   *sd;
	double		mean_offset;
} FrameDesign;

extern FrameDesign *FrameDesignCreate(const FrameStats *stats,
									  const FittedEncoder *fe, bool scale);
/* the cell that a code of a dictionary stands for */
extern Cell CodeCell(const FrameColumn *c, int code);
extern void FrameDesignDescale(const FrameDesign *d, int p, double *beta,
							   double *cov);

/* fit.c */
extern bytea *FitModel(FrameStats *stats, const Options *opt);
extern bytea *FitUncalibrated(FrameStats *stats, const Options *opt);

/* the least lambda at which this alpha leaves no column; of alpha 0 that of 1 */
extern double FitLambdaMax(FrameStats *stats, const Options *opt);

extern bool Untrainable(const Options *opt, int sqlstate, const char *message,
						const char *detail, const char *hint);
extern bool CheckLabels(const FrameStats *s, const Options *opt);
extern bool CheckColumnsLeft(const FittedEncoder *fe, const Options *opt);
extern void ClassWeights(const FrameStats *s, const Options *opt, LogitOptions *lo);

/* fitshared.c: what fits of the same rows with other options hand on */
typedef struct FitShared
{
	MemoryContext cxt;			/* of the encoders: as long as the statistics last */
	List	   *encoders;
	MemoryContext path_cxt;		/* of the rest */
	Jsonb	   *path;			/* options of the last line, but for lambda */
	double		lambda;
	int			p;
	LogitStart	start;
} FitShared;

/* EncoderFit(), once for all options that encode alike */
extern FittedEncoder *SharedEncoder(const FrameStats *stats, const Options *opt,
									bool penalised);
/* where a fit of p columns may begin, or NULL */
extern const LogitStart *SharedStart(const Options *opt, int p);
extern void ShareStart(const Options *opt, int p, const LogitFit *fit);

/* fitmessages.c: notices and warnings of fits, of which there may be many */
typedef struct FitMessages
{
	MemoryContext cxt;			/* of the list */
	List	   *list;
} FitMessages;

/* detail and hint may be NULL */
extern void FitTell(const Options *opt, int level, const char *message,
					const char *detail, const char *hint);
/*
 * Tell each collected message once: how many of so many folds it came from.  What
 * is among the `known` ones is told already; NULL: none are.
 */
extern void FitMessagesTell(const Options *opt, const FitMessages *m, int folds,
							const FitMessages *known);
/* the same to the user, at once */
extern void FitMessagesSay(const FitMessages *m, int folds);

/* treefit.c */
extern struct TreeData *TreeDataOf(const FrameStats *s, Model *m,
								   const double class_weight[2]);
extern bytea *FitTrees(FrameStats *stats, const Options *opt);

/* What trees tell of their fit. */
typedef struct TreeAccount
{
	const char *family;
	const char *fit;
	const Options *opt;
	const Model *model;
	int			mtry;			/* as it was used */
	int			grown;			/* trees, before those after the best were dropped */
	const char *judged;			/* "out_of_bag", "holdout" or NULL */
	TreeQuality quality;
} TreeAccount;

/* account.c: the JSON of a fit */
typedef struct FitAccount
{
	const FrameStats *stats;
	const Options *opt;
	const FittedEncoder *fe;
	const LogitOptions *logit_options;
	const LogitFit *fit;
	const Model *model;
	double		prior_correction;	/* added to the intercept */
	List	   *separated;			/* of char *: design columns, or NIL */
	bool		full_separation;
	const char *separation_handled; /* "ridge", "firth" or NULL */
	const struct TreeAccount *trees;	/* or NULL; then there is no `fit` */
} FitAccount;

extern char *FitAccountJson(const FitAccount *a);

#endif							/* LEADSCORE_FIT_H */
