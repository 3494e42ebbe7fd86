/*-------------------------------------------------------------------------
 *
 * radix.h
 *	  Sorting 64-bit keys by their digits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_RADIX_H
#define LEADSCORE_RADIX_H

#include "postgres.h"

extern void RadixSortU64(uint64 *keys, uint64 *scratch, int64 n);
extern void RadixSortUpper32(uint64 *keys, uint64 *scratch, int64 n);

#endif							/* LEADSCORE_RADIX_H */
