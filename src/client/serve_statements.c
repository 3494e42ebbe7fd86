/*-------------------------------------------------------------------------
 *
 * serve_statements.c
 *	  What the service asks the database.
 *
 * Each is one statement, so that score, version and grade are of one snapshot:
 * a promotion falls before an answer or behind it, never into it.  The document
 * goes in as it came; PostgreSQL reads its JSON once, and nobody else does.
 *
 *-------------------------------------------------------------------------
 */
#include "serve_statements.h"

#include <stdlib.h>
#include <string.h>

#define INT4OID		23
#define TEXTOID		25
#define JSONBOID	3802
#define JSONBARRAYOID	3807

/*
 * $1 reference, $2 document or array, $3 name.  The quantiles' xmin changes
 * whenever they do: by it the service knows the cuts of the grades.  The CASE
 * holds no column and so is decided before anything is scored.
 */
#define SCORED \
	" FROM @.lead_score_array($1, $2) AS s" \
	" LEFT JOIN leadscore.score_quantiles AS q ON q.name = $3 AND q.version = s.version"
#define SCORE_COLUMNS "SELECT s.version, q.xmin, s.scores, % AS keys"
#define WITHIN_LIMIT \
	" WHERE CASE pg_catalog.jsonb_typeof($2) WHEN 'array'" \
	" THEN pg_catalog.jsonb_array_length($2) <= # ELSE true END"
/* after the scores, whose errors say which document they are about */
#define DOCUMENTS \
	"pg_catalog.jsonb_array_elements(CASE WHEN s.version IS NULL THEN '[]'" \
	" WHEN pg_catalog.jsonb_typeof($2) = 'array' THEN $2" \
	" ELSE pg_catalog.jsonb_build_array($2) END) WITH ORDINALITY AS a(e, o)"

#define ELEMENTS	"pg_catalog.unnest($2) WITH ORDINALITY AS a(e, o)"

const StatementPlan statement_plans[STATEMENTS] = {
	[STATEMENT_READY] = {"ready", 0, {0}, "SELECT FROM leadscore.models LIMIT 0"},
	[STATEMENT_SCORE] = {"score", 3, {TEXTOID, JSONBOID, TEXTOID},
	SCORE_COLUMNS SCORED WITHIN_LIMIT},
	/* $2: documents as a jsonb[], each read by itself */
	[STATEMENT_GROUP] = {"group", 3, {TEXTOID, JSONBARRAYOID, TEXTOID},
		"SELECT s.version, q.xmin, s.scores, & AS keys"
		" FROM @.lead_score_array($1, pg_catalog.to_jsonb($2)) AS s"
	" LEFT JOIN leadscore.score_quantiles AS q ON q.name = $3 AND q.version = s.version"},
	[STATEMENT_REASONS] = {"reasons", 4, {TEXTOID, JSONBOID, TEXTOID, INT4OID},
		SCORE_COLUMNS ", (SELECT pg_catalog.json_agg(@.lead_reasons($1, a.e, $4) ORDER BY a.o) FROM " DOCUMENTS ")"
	SCORED WITHIN_LIMIT},
	[STATEMENT_EXPLAIN] = {"explain", 3, {TEXTOID, JSONBOID, TEXTOID},
		"SELECT s.version, q.xmin, s.scores[1], e.\"column\", e.value, e.contribution, e.unit, % AS keys"
		SCORED
		" CROSS JOIN LATERAL @.lead_explain(CASE WHEN s.version IS NOT NULL THEN $1 END, $2)"
		" WITH ORDINALITY AS e(\"column\", value, contribution, unit, o)"
	" WHERE pg_catalog.jsonb_typeof($2) = 'object' ORDER BY e.o"},
	/* $1 name, $2 version, $3 grades */
	[STATEMENT_CUTS] = {"cuts", 3, {TEXTOID, INT4OID, JSONBOID},
		"SELECT c.cuts[1], c.cuts[2], c.cuts[3],"
		" (SELECT q.xmin FROM leadscore.score_quantiles AS q WHERE q.name = $1 AND q.version = $2)"
	" FROM @.lead_grade_cuts($1 || '@' || $2, $3) AS c(cuts)"},
	[STATEMENT_MODELS] = {"models", 0, {0},
		"SELECT pg_catalog.json_build_object('models', coalesce(pg_catalog.json_agg(pg_catalog.json_build_object("
		"'model', m.name, 'description', m.description,"
		" 'champion', (SELECT a.version FROM leadscore.aliases AS a WHERE a.name = m.name AND a.alias = 'champion'),"
		" 'aliases', (SELECT coalesce(pg_catalog.json_object_agg(a.alias, a.version ORDER BY a.alias), '{}')"
		" FROM leadscore.aliases AS a WHERE a.name = m.name),"
		" 'versions', (SELECT coalesce(pg_catalog.json_agg(v.version ORDER BY v.version), '[]')"
		" FROM leadscore.versions AS v WHERE v.name = m.name)) ORDER BY m.name), '[]'))"
	" FROM leadscore.models AS m"},
	/* $1 reference, $2 name; a column of several parts is told once */
	[STATEMENT_MODEL] = {"model", 2, {TEXTOID, TEXTOID},
		"SELECT pg_catalog.json_build_object('model', $2, 'version', i.version, 'family', i.info->>'family',"
		" 'trained_rows', i.info->'rows', 'columns', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object("
		"'column', s.source, 'type', s.c->>'type', 'kind', s.c->>'kind', 'typical', s.c->'fill', 'levels',"
		" CASE WHEN s.c->>'transform' = 'none' THEN (SELECT pg_catalog.json_agg(l.e->'level' ORDER BY l.o)"
		" FROM pg_catalog.jsonb_array_elements(s.c->'levels') WITH ORDINALITY AS l(e, o) WHERE l.o <= 1000) END)"
		" ORDER BY s.o), '[]')"
		" FROM (SELECT DISTINCT ON (f.c->>'source') f.c->>'source' AS source, f.c, f.o"
		" FROM pg_catalog.jsonb_array_elements(i.info->'columns') WITH ORDINALITY AS f(c, o)"
		" ORDER BY f.c->>'source', f.o) AS s))"
		" FROM (SELECT @.lead_info($1) AS info, @.lead_model_version($1) AS version OFFSET 0) AS i"},
};

/* % and & stand for the documents' keys, where the decisions want them. */
static char *
Keys(PGconn *conn, const char *documents)
{
	char	   *literal;
	char	   *sql;

	if (serve.decision_key == NULL)
		return Copy("NULL::json");
	literal = PQescapeLiteral(conn, serve.decision_key, strlen(serve.decision_key));
	sql = Format("(SELECT pg_catalog.json_agg(a.e->>%s ORDER BY a.o) FROM %s)",
				 literal ? literal : "NULL", documents);
	PQfreemem(literal);
	return sql;
}

char *
StatementText(Statement statement, const char *schema, PGconn *conn)
{
	Text		sql = {NULL};

	for (const char *s = statement_plans[statement].sql; *s != '\0'; s++)
	{
		if (*s == '%' || *s == '&')
		{
			char	   *keys = Keys(conn, *s == '%' ? DOCUMENTS : ELEMENTS);

			TextAdd(&sql, keys);
			free(keys);
		}
		else if (*s == '#')
			TextFormat(&sql, "%d", serve.max_batch);
		else if (*s == '@' && s[1] == '.')
			TextAdd(&sql, schema);
		else
			TextBytes(&sql, s, 1);
	}
	return sql.data;
}
