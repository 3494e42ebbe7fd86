/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  Models by name, for scoring.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_REGISTRY_H
#define LEADSCORE_REGISTRY_H

#include "leadscore.h"

/* Tells one view of the database from another; compared as bytes. */
typedef struct SnapshotMark
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	uint32		flags;
	CommandId	curcid;
	LocalTransactionId lxid;
	Oid			user;
	uint64		aborted;		/* subtransactions of this session so far */
} SnapshotMark;

/* A reference and what it meant; all zero to begin with. */
typedef struct NamedModel
{
	MemoryContext cxt;
	char	   *reference;		/* NULL: nothing is remembered */
	int			length;
	SnapshotMark mark;
	struct varlena *model;
	int			version;
} NamedModel;

extern void RegistryInit(void);
extern void RunLockInit(void);
/* errors if there is no such model; what is returned lives in `cxt` */
extern Datum NamedModelGet(NamedModel *named, Datum reference, MemoryContext cxt);

#endif							/* LEADSCORE_REGISTRY_H */
