/*-------------------------------------------------------------------------
 *
 * page.c
 *	  The files that the service hands out, built in: make turns each into a
 *	  list of bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

static const char html[] = {
#include "page.html.inc"
};
static const char css[] = {
#include "page.css.inc"
};
static const char js[] = {
#include "page.js.inc"
};
static const char openapi[] = {
#include "openapi.json.inc"
};

const Asset assets[] = {
	{"/", "text/html; charset=utf-8", html, sizeof(html)},
	{"/page.css", "text/css; charset=utf-8", css, sizeof(css)},
	{"/page.js", "text/javascript; charset=utf-8", js, sizeof(js)},
	{"/openapi.json", "application/json", openapi, sizeof(openapi)},
	{0}
};
