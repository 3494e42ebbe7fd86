/*-------------------------------------------------------------------------
 *
 * drift.h
 *	  What changed between two profiles, column by column.
 *
 *	driftoptions.c	options of a call
 *	driftcells.c	the values of a column on both sides, as cells of rows
 *	driftmeasure.c	which method fits the cells, and what it says
 *	driftimpact.c	how far the change moves the score
 *	drift.c			the functions
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_DRIFT_H
#define LEADSCORE_DRIFT_H

#include "leadprofile.h"

/* ---- options ---- */

typedef enum Method
{
	METHOD_AUTO = 0,
	METHOD_PSI,
	METHOD_JENSENSHANNON,
	METHOD_WASSERSTEIN,
	METHOD_KS,
	METHOD_CHISQUARE,
	METHOD_Z
} Method;

extern const char *const drift_method_names[METHOD_Z + 1];

typedef struct ColumnChoice
{
	char	   *column;			/* NULL: all others */
	bool		chosen;			/* a method was given, if only "auto" */
	Method		method;
	double		threshold;		/* NaN: the method's */
} ColumnChoice;

typedef struct DriftOptions
{
	ColumnChoice all;
	int			nchoices;
	ColumnChoice *choices;
	double		alpha;
} DriftOptions;

extern DriftOptions *DriftOptionsParse(Jsonb *given);	/* NULL: defaults */
extern void DriftOptionsCheckColumns(const DriftOptions *opt, const Profile *ref,
									 const Profile *cur);
extern ColumnChoice DriftChoice(const DriftOptions *opt, const char *column);

/* ---- cells ---- */

/* One cell per value; a: the reference. */
typedef struct Cells
{
	int			n;
	double	   *x;				/* numbers, ascending; else NULL */
	int64	   *a;
	int64	   *b;
	int64		rows_a;
	int64		rows_b;
	bool		approximate;	/* hashed levels, or levels not listed */
} Cells;

extern void CellsAllocate(Cells *c, int most, bool numbers);
/* false if there is nothing to compare */
extern bool CellsMake(Cells *c, const ProfileColumn *a, const ProfileColumn *b);
extern Cells CellsBinned(const Cells *c);

/* ---- measures ---- */

/* NaN: unknown */
typedef struct Measured
{
	Method		method;
	double		statistic;
	double		p;
	double		threshold;
	bool		drifted;
	double		chance;			/* the statistic that chance exceeds with alpha */
	double		chance_p;		/* of two samples, for the control over the columns */
} Measured;

extern Measured DriftMeasure(const Cells *values, const ProfileColumn *column,
							 const ColumnChoice *choice, double alpha);

/* ---- impact ---- */

/* The model that the user handed over. */
typedef struct DriftModel
{
	Model	   *model;
	uint32		checksum;		/* as profiles made with it have them */
	uint32		bytes;
	bool		training[2];	/* reference, current: is it what was trained on? */
} DriftModel;

/* Log-odds; NaN: unknown. */
typedef struct Impact
{
	double		log_odds;
	bool		concerned;		/* the model needs the column */
	bool		exact;			/* known, and no value was rounded */
	bool		against_training;	/* instead of the reference */
} Impact;

extern DriftModel *DriftModelRead(bytea *bytes, const Profile *ref, const Profile *cur);
/* m NULL: what the profiles know by themselves */
extern Impact DriftImpact(const DriftModel *m, const Profile *ref, const Profile *cur,
						  const char *column);
/* 100 times the mean of p(1 - p): of the reference, if it has scores; NaN unknown */
extern double DriftPointsPerLogOdds(const DriftModel *m, const Profile *ref,
									const Profile *cur);

#endif							/* LEADSCORE_DRIFT_H */
