/*-------------------------------------------------------------------------
 *
 * distance.h
 *	  How far two distributions are apart: counts in, numbers out.
 *
 * Cells are the same on both sides, a[i] rows of one and b[i] of the other; a is
 * the reference.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_DISTANCE_H
#define LEADSCORE_DISTANCE_H

#include "postgres.h"

/* Σ (p - q)·ln(p/q) of the shares, zeros filled as Evidently does, also where both sides have none */
extern double PopulationStability(const int64 *a, const int64 *b, int n);
/* the distance, natural logarithm: at most √ln 2 */
extern double JensenShannon(const int64 *a, const int64 *b, int n);
/* ∫|F - G| over the standard deviation of the reference, at least 0.001 */
extern double WassersteinNormed(const double *x, const int64 *a, const int64 *b, int n);

/* Kolmogorov and Smirnov; cells in the order of their numbers */
extern double KolmogorovSmirnov(const int64 *a, const int64 *b, int n, double *p);
/* goodness of fit of b to the shares of a */
extern double ChiSquareFit(const int64 *a, const int64 *b, int n, double *p);
/* pooled z of two shares, two-sided */
extern double TwoShares(int64 hits_a, int64 rows_a, int64 hits_b, int64 rows_b, double *p);

/* kolmogorov.c: P(D ≥ h / (n·m)) for two samples, P(D_n ≥ d) for one */
extern double KolmogorovTwoSamples(int64 n, int64 m, int64 h);
extern double KolmogorovTail(int64 n, double d);

/* P(X ≥ x) of a chi-square with df degrees of freedom, and its inverse */
extern double ChiSquareTail(double x, double df);
extern double ChiSquareAbove(double p, double df);

/*
 * Cells that are few rows on both sides together become one; returns how many
 * are left, in `a` and `b`.
 */
extern int	PoolSparse(int64 *a, int64 *b, int n);

/*
 * What the two distances exceed with probability alpha where chance alone has
 * shared out the rows of every cell; zeros filled as they are here.
 */
extern double StabilityByChance(const int64 *a, const int64 *b, int n, double alpha);
extern double ShannonByChance(const int64 *a, const int64 *b, int n, double alpha);

/* Benjamini and Hochberg: p-values adjusted in place, NaN passed over */
extern void AdjustFalseDiscovery(double *p, int n);

#endif							/* LEADSCORE_DISTANCE_H */
