/*-------------------------------------------------------------------------
 *
 * model_bytes.h
 *	  The layout of a model's bytes, for model.c and model_read.c alone.
 *
 * A model is a bytea that people copy between servers, keep for years and may
 * forge.  All numbers are little-endian, doubles are IEEE 754, text is UTF-8
 * with a length before it and nothing after it.
 *
 *	header, 40 bytes
 *	   0  char[8]  magic, "LSmodel\n"
 *	   8  u32	   format version: 1 a line, 2 trees, 3 either with a calibration
 *	  12  u32	   total length, the header included
 *	  16  u32	   length of the scoring part
 *	  20  u32	   CRC-32C of the scoring part
 *	  24  u32	   length of the statistics part
 *	  28  u32	   CRC-32C of the statistics part
 *	  32  u64	   reserved, 0
 *
 *	scoring part
 *	  u32 n, then per source   u8 CellType, text name
 *	  u32 n, then per feature  u32 source, u8 FeatureKind, u8 Transform,
 *							   text name, and by kind
 *		number	f64 fill, slot null
 *		levels	u32 n, u8 text?, n × (slot, text or f64), slot other, slot null
 *		bins	u32 n, n × f64 edge, (n + 1) × slot, slot null
 *		offset	nothing
 *	  text time zone ("" is none)
 *	  u32 p, p × f64 coefficient, p × u8 aliased, p × f64 mean, f64 mean offset
 *
 *	statistics part
 *	  u8 Inference, u8 flags (STORED_*), u16 reserved (0), f64 confidence
 *	  p × f64 sd
 *	  p × f64 standard error, per feature f64 vif, p (p + 1) / 2 × f64 covariance:
 *	  each only if its flag is set
 *	  text info (JSON; "" is none)
 *
 * In format 2 what follows the time zone is what treebytes.c says, and the
 * statistics part is, per feature, f64 gain; text info.
 *
 * In format 3 the scoring part is u8, the format that the model has without its
 * calibration (1 or 2); the scoring part of that; what scoremapbytes.c says.
 *
 *	text is u32 length, bytes.  A slot is one byte: 0 has a design column,
 *	1 reference, 2 average, 3 error, 4 (null only) counts as other.  Column
 *	numbers follow from the order and are not stored.
 *
 * The scoring part stands first and has a checksum of its own, so that a lead
 * can be scored from the first slice of an out-of-line value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_BYTES_H
#define MODEL_BYTES_H

#include "bytes.h"
#include "leadscore.h"

#define MODEL_MAGIC			"LSmodel\n"
#define MODEL_MAGIC_SIZE	8
#define MODEL_FORMAT_LINE	1
#define MODEL_FORMAT_TREES	2
#define MODEL_FORMAT_CALIBRATED	3
#define MODEL_FORMAT		3		/* the latest that can be read */

#define STORED_STD_ERROR	0x01
#define STORED_VIF			0x02
#define STORED_COV			0x04
#define STORED_ALL			0x07

#endif							/* MODEL_BYTES_H */
