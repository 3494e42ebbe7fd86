/*-------------------------------------------------------------------------
 *
 * quad.h
 *	  Four doubles side by side, for the inner loops of the solver.
 *
 * A loop is compiled twice where the processor may or may not have AVX2.  As
 * additions and multiplications are never fused and their order is written
 * out, both give the same bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef QUAD_H
#define QUAD_H

/* At any address of a double. */
typedef double Quad __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64 QuadBits __attribute__((vector_size(32), aligned(8), may_alias));

#define QUAD(x)			(*(Quad *) (x))
#define CONSTQUAD(x)	(*(const Quad *) (x))
#define ALL(x)			((Quad) {(x), (x), (x), (x)})
#define SUM(q)			(((q)[0] + (q)[1]) + ((q)[2] + (q)[3]))
#define SELECT(mask, a, b) \
	((Quad) (((mask) & (QuadBits) (a)) | (~(mask) & (QuadBits) (b))))

/*
 * KERNEL(scope, type, f, parameters, arguments) makes f() of the inline function
 * fBody(), with AVX2 where there is any.
 */
#define BODY static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define KERNEL(scope, type, name, parameters, arguments) \
	static __attribute__((target("avx2"))) type \
	name##Avx2 parameters { return name##Body arguments; } \
	scope type \
	name parameters \
	{ \
		if (__builtin_cpu_supports("avx2")) \
			return name##Avx2 arguments; \
		return name##Body arguments; \
	}
#else
#define KERNEL(scope, type, name, parameters, arguments) \
	scope type \
	name parameters { return name##Body arguments; }
#endif

#endif							/* QUAD_H */
