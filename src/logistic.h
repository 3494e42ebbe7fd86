/*-------------------------------------------------------------------------
 *
 * logistic.h
 *	  What the files of the solver share: the state of a fit, the pass over
 *	  the rows, and a little linear algebra.
 *
 * Symmetric matrices are packed: the lower triangle row by row, so that a row
 * is contiguous and row i starts at Tri(i).  That halves the memory of the
 * Hessian, which is what limits the number of design columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LOGISTIC_H
#define LOGISTIC_H

#include "leadscore.h"

#define Tri(i)	((size_t) (i) * ((size_t) (i) + 1) / 2)

/* A fit under way.  Arrays of p unless said otherwise. */
typedef struct LogitWork
{
	const DesignSource *design;
	const LogitOptions *options;
	const LogitFit *fit;		/* as far as it is */
	int			p;
	double		lambda1;		/* of the absolute values, 0 but for lasso */
	double	   *ridge;			/* of half the squares, per column; [0] = 0 */
	bool	   *dropped;		/* aliased or without a row: stays 0 */
	bool		has_dropped;

	/* Passes read a block of every `stride` rows, from `first` on */
	int64		first;
	int64		stride;

	double		null_intercept; /* of the model without columns */
	double	   *beta;
	double	   *trial;
	double	   *step;
	double	   *unit;			/* error of a coefficient alone, at the start */
	double	   *gradient;		/* of loss and ridge */
	double	   *hessian;		/* of loss and ridge, packed */
	double	   *factor;			/* Cholesky factor of the scaled Hessian, packed */
	double	   *scale;			/* unit diagonal: scale[i] scale[j] hessian[i, j] */

	/* Sums of the last pass */
	double		loss;			/* weighted log loss, no penalty */
	double		positive;		/* total weight of the positives */
	double		negative;

	/* One block of rows, DESIGN_BLOCK_ROWS each */
	double	   *positives;		/* weight of a row's positives, class included */
	double	   *negatives;
	double	   *eta;
	double	   *residual;
	double	   *weight;
	double	   *weighted;		/* dense columns times weight */
	double	   *lines;			/* the same by row: CrossWidth() each */

	/* Sums of a pass that involve dense columns, put in place by GramEnd() */
	double	   *dense_beta;
	double	   *dense_gradient; /* the intercept, then the dense columns */
	double	   *dense_gram;		/* packed */
	double	   *cross;			/* p × CrossWidth(): sparse with dense */

	/* One row: p each */
	int		   *row_index;
	double	   *row_value;
} LogitWork;

/* A line of sums of a sparse column: with residual, weight, dense columns. */
#define CrossWidth(ndense) \
	(((ndense) + 2 + DESIGN_LANES - 1) / DESIGN_LANES * DESIGN_LANES)

/* Where a pass stands. */
typedef struct RowCursor
{
	int64		next;
	DesignBlock block;
} RowCursor;

/* blocks.c */
extern bool NextBlock(LogitWork *w, RowCursor *cursor);
extern void BlockDots(LogitWork *w, const DesignBlock *b, const double *beta,
					  double *dot);
extern int	BlockRow(LogitWork *w, const DesignBlock *b, int row);
extern void GramBegin(LogitWork *w);
extern void BlockGram(LogitWork *w, const DesignBlock *b, const double *residual,
					  const double *weight, double *gram);
extern void GramEnd(LogitWork *w, double *gradient, double *gram);

/* kernels.c */
typedef struct LossSums
{
	double		loss;
	double		positive;		/* weights */
	double		negative;
} LossSums;

extern void BlockLoss(int n, const double *eta, const double *positive,
					  const double *negative, double *residual, double *weight,
					  LossSums *sums);
extern void DenseDots(const double *dense, const double *coefficient, int ncolumns,
					  int n, double *out);
extern void DenseGram(const double *dense, int ncolumns, int n,
					  const double *residual, const double *weight,
					  double *weighted, double *gradient, double *gram);
extern void SparseGram(const DesignBlock *b, int ncolumns, const double *residual,
					   const double *weight, const double *weighted,
					   double *lines, double *cross, double *gram);

/*
 * Where estimates alone matter a step of this size is the last of a penalised fit: it
 * squares the error, and nobody asks for a Hessian after it.
 */
#define ESTIMATE_STEP	1e-5

/* From here on parts of the rows are worth their while, and passes dear. */
#define MANY_ROWS	50000

/* logistic.c */
extern void BlockEta(LogitWork *w, const DesignBlock *b, const double *beta);
extern void AddPass(LogitWork *w, const double *beta);
extern double LogitPass(LogitWork *w, const double *beta);
extern double SolveStep(LogitWork *w);
extern LogitStop Newton(LogitWork *w, LogitFit *fit, int max_iterations,
						double tolerance);
extern double LogitPenalty(const LogitWork *w, const double *beta);
extern void SetUnits(LogitWork *w, double share);
extern double StepSize(const LogitWork *w);
extern void HessianFactor(LogitWork *w);
extern double MaxGradient(const LogitWork *w);

/* start.c */
extern void StartFromSamples(LogitWork *w);

/* aliasing.c */
extern void FindAliased(LogitWork *w);

/* penalised.c */
extern LogitStop PenalisedDescent(LogitWork *w, LogitFit *fit,
								  int max_iterations, double tolerance);

/* firth.c */
extern LogitStop FirthScoring(LogitWork *w, LogitFit *fit,
							  int max_iterations, double tolerance);

/* separation.c */
extern bool FindSeparation(LogitWork *w, LogitFit *fit);

/* inference.c */
extern void LogitCovariance(LogitWork *w, LogitFit *fit);

/* linalg.c */
extern void *HugeAlloc0(size_t count, size_t size);
extern double Dot(const double *x, const double *y, int n);
extern void AddMultiple(double *y, double a, const double *x, int n);
extern bool CholeskyFactor(double *l, double *scale, bool *dropped,
						   double *pivot, const double *a, int p,
						   double tolerance, bool drop);
extern void CholeskySolve(const double *l, const double *scale, double *x,
						  int n);
extern void CholeskyInverse(double *l, const double *scale,
							const bool *dropped, double *inverse, int p);
extern double ScaledCondition(const double *a, const double *l,
							  const double *scale, const bool *dropped, int p);

#endif							/* LOGISTIC_H */
