/*-------------------------------------------------------------------------
 *
 * facts.h
 *	  What a training set says about its columns, before anything is fitted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FACTS_H
#define LEADSCORE_FACTS_H

#include "fit.h"

/* JSON text, UTF-8; *hopeless: a fit can only fail */
extern char *FrameFacts(const FrameStats *stats, const Options *opt, bool *hopeless);
/* 32 hexadecimal digits, the same for the same rows in any order */
extern char *FrameFingerprint(const Frame *frame);

#endif							/* LEADSCORE_FACTS_H */
