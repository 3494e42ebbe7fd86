/*-------------------------------------------------------------------------
 *
 * scoremap.h
 *	  The calibration of a model's scores: a map from the raw score, which the
 *	  model itself gives, to the score that is shown.  It never falls.
 *
 *	platt		sigmoid(intercept + slope × log-odds of the raw score)
 *	isotonic	through points, straight between them, level beyond the ends
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_SCOREMAP_H
#define LEADSCORE_SCOREMAP_H

#include <math.h>

#include "metrics.h"
#include "treemodel.h"

#define MAP_MAX_POINTS		8192
#define MAP_MAX_FOLDS		1000

/*
 * Raw scores nearer to 0 or 1 than 1e-6 count as 1e-6 under platt: a forest has
 * scores of 0 and 1, whose log-odds would be all that the fit looks at.
 */
#define MAP_MAX_LOG_ODDS	13.815509557963773

typedef enum MapMethod
{
	MAP_NONE = 0,
	MAP_PLATT,
	MAP_ISOTONIC
} MapMethod;

#define MAP_METHOD_LAST		MAP_ISOTONIC

typedef struct ScoreMap
{
	MapMethod	method;
	/* MAP_PLATT */
	double		intercept;
	double		slope;			/* not negative */
	/* MAP_ISOTONIC */
	int			npoints;
	double	   *raw;			/* ascending */
	double	   *score;			/* never falling */
	/* what it was fitted to; 0 if nobody says */
	int64		rows;
	int64		positives;
	int			folds;			/* of out-of-fold scores */
} ScoreMap;

/* scoremap.c */
extern const char *const map_method_names[];	/* by MapMethod */
/* both classes are there, all scores are probabilities; in the current context */
extern ScoreMap *ScoreMapFit(const Ties *ties, MapMethod method);
/* does it make all scores equal? */
extern bool ScoreMapIsFlat(const ScoreMap *map);
/* what is wrong with a map from outside, or NULL */
extern const char *ScoreMapProblem(const ScoreMap *map);
extern double ScoreMapIsotonic(const ScoreMap *map, double raw);

/* scoremapbytes.c */
struct Reader;
extern void ScoreMapWrite(StringInfo out, const ScoreMap *map);
extern ScoreMap *ScoreMapRead(struct Reader *r);
extern void ScoreMapJson(StringInfo out, const ScoreMap *map);
extern ScoreMap *ScoreMapFromJson(const Jsonb *json);	/* or an error */

/* calibrate.c */
struct Frame;
struct Options;
struct FitMessages;
extern bytea *CalibrateByFolds(bytea *model, const struct Frame *frame,
							   const struct Options *opt,
							   const struct FitMessages *known);
/* an error if the model has a calibration */
extern void RefuseCalibrated(const Model *model, const char *function);

/* Platt's log-odds of a raw score that has these. */
static inline double
ScoreMapPlatt(const ScoreMap *map, double raw_log_odds)
{
	return map->intercept +
		map->slope * Max(Min(raw_log_odds, MAP_MAX_LOG_ODDS), -MAP_MAX_LOG_ODDS);
}

/*
 * The score of what ModelOutput() gives, and its log-odds.
 */
static inline double
ModelScore(const Model *model, double output)
{
	if (likely(model->map == NULL))
		return ModelProbability(model, output);
	if (model->map->method == MAP_PLATT)
		return Sigmoid(ScoreMapPlatt(model->map, ModelLogit(model, output)));
	return ScoreMapIsotonic(model->map, ModelProbability(model, output));
}

static inline double
ModelScoreLogOdds(const Model *model, double output)
{
	double		score;

	if (likely(model->map == NULL))
		return ModelLogit(model, output);
	if (model->map->method == MAP_PLATT)
		return ScoreMapPlatt(model->map, ModelLogit(model, output));
	score = ScoreMapIsotonic(model->map, ModelProbability(model, output));
	return log(score) - log1p(-score);
}

#endif							/* LEADSCORE_SCOREMAP_H */
