# lead_refresh_scores(): what is scored and what is not, in batches, broken off in every way.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('refresh');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
# What training did not see; an index makes the order of the key cheap.
$node->query(q{ALTER TABLE leads ADD note text, ADD PRIMARY KEY (id)});

# Runs the procedure; the last run as "status|read|scored".
sub refresh
{
	my ($arguments, %how) = @_;
	my $error = $node->error("CALL lead_refresh_scores('sales'" . ($arguments ? ", $arguments" : '') . ')', %how);
	return $error || $node->query(q{SELECT status, rows_read, rows_scored FROM leadscore.score_runs
		WHERE name = 'sales' ORDER BY score_run_id DESC LIMIT 1});
}
sub locks { return $node->query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}); }


# Everything at first, then nothing.
is(refresh('batch_size => 300'), 'finished|2000|2000', 'the first time: every lead');
is($node->query('SELECT batches FROM leadscore.score_runs'), 7, 'in batches');
$node->query(q{SELECT lead_create_scored_view('sales')});
is($node->query(q{SELECT count(*), bool_and(t.score = v.score AND t.grade = v.grade AND t.reasons = v.reasons
		AND t.model_version = v.model_version) FROM sales_scores t JOIN sales_scored v USING (id)}), '2000|t',
	'the scores, grades and reasons are those of the view, bit for bit');
is($node->query(q{SELECT rows_a + rows_b + rows_c + rows_d, round((share_a + share_b + share_c + share_d)::numeric, 12),
		abs(mean_score - (SELECT avg(score) FROM sales_scores)) < 1e-12,
		rows_a = (SELECT count(*) FROM sales_scores WHERE grade = 'A'),
		ended_at > started_at AND error IS NULL, target, version, started_by FROM leadscore.score_runs}),
	'2000|1.000000000000|t|t|t|public.sales_scores|1|postgres', 'the run is recorded');
is(refresh(''), 'finished|2000|0', 'the second time: nothing');
is($node->query('SELECT mean_score IS NULL, share_a IS NULL FROM leadscore.score_runs ORDER BY score_run_id DESC LIMIT 1'),
	't|t', 'and nothing has no mean');

# What is new, what has changed, and nothing else.
$node->query(q{
	UPDATE leads SET note = 'called' WHERE id <= 500;
	UPDATE leads SET clicks = clicks + 1 WHERE id IN (7, 8);
	UPDATE leads SET city = NULL WHERE id = 10;
	UPDATE leads SET visits = NULL WHERE id = 9;
	INSERT INTO leads SELECT 3000 + i, 'Pune', i, 1.5, NULL FROM generate_series(1, 2) i});
is(refresh(''), 'finished|2002|6', 'the new and the changed, by the columns that the model looks at');
is($node->query(q{SELECT string_agg(n::text, ',' ORDER BY id) FROM
		(SELECT id, count(*) AS n FROM sales_scores_history WHERE id IN (6, 7, 9, 3001) GROUP BY id) q}), '1,2,2,1',
	'every scoring is in the history');
is($node->query(q{SELECT count(*) FROM sales_scores s WHERE NOT EXISTS (SELECT FROM sales_scores_history h
		WHERE h.id = s.id AND h.scored_at = s.scored_at AND h.score = s.score AND h.model_version = s.model_version
			AND h.grade = s.grade AND h.reasons = s.reasons)}), 0, 'the last one too');
is(refresh('', options => '-c client_min_messages=error -c datestyle=German -c timezone=Asia/Kolkata -c extra_float_digits=-3'),
	'finished|2002|0', 'no setting of a session changes what is new');

# Another version scores all.
Leads::train($node);
is(refresh(''), 'finished|2002|2002', 'another version: every lead');
is($node->query('SELECT DISTINCT model_version FROM sales_scores'), 2, 'by the new version');
is(refresh(q{grades => '{"cuts": [0.1, 0.5, 0.9]}'}), 'finished|2002|2002', 'other grades: every lead');
is($node->query(q{SELECT bool_and(grade = CASE WHEN score >= 0.9 THEN 'A' WHEN score >= 0.5 THEN 'B' WHEN score >= 0.1 THEN 'C' ELSE 'D' END)
	FROM sales_scores}), 't', 'and they are what was asked for');
is(refresh(''), 'finished|2002|0', 'which is remembered');

# In batches, each committed, broken off by an error, by a cancel, by kill -9.
my $slow = q{SELECT l.* FROM leads l, LATERAL (SELECT pg_sleep(0.002 * (l.id > 0)::int)) s};
my $count = q{SELECT count(*) FROM sales_scores WHERE model_version = };
my $version = 2;
# Trains another version and begins a run by it in the background; waits for the first batches.
sub begin_slow_run
{
	Leads::train($node);
	$version++;
	my $pid = $node->background(qq{CALL lead_refresh_scores('sales', source => '$slow', batch_size => 50)});
	ok($node->poll("SELECT count(*) > 100 FROM sales_scores WHERE model_version = $version", 't'), 'batches are seen while the run goes on');
	return $pid;
}
my $backend = q{(SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL lead_refresh_scores%' AND pid <> pg_backend_pid())};
my $last = q{SELECT status, sqlstate, rows_scored FROM leadscore.score_runs ORDER BY score_run_id DESC LIMIT 1};

my $pid = begin_slow_run();
my (undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales')}, options => '-c client_min_messages=notice');
like($notice, qr/NOTICE:  another run of model "sales" is under way/, 'a second run says so and leaves');
$node->query("SELECT pg_cancel_backend($backend)");
waitpid $pid, 0;
my $done = $node->query("$count$version");
is($node->query($last), "failed|57014|$done", 'a cancelled run is recorded with what it did');
is(locks(), 0, 'a cancelled run leaves no lock');
is(refresh(q{source => 'leads'}), 'finished|2002|' . (2002 - $done), 'the next run goes on from there');

$pid = begin_slow_run();
$node->query("SELECT pg_terminate_backend($backend)");
waitpid $pid, 0;
is(locks(), 0, 'a session that was ended leaves no lock');
$done = $node->query("$count$version");
is(refresh(q{source => 'leads'}), 'finished|2002|' . (2002 - $done), 'after the end of a session: goes on');

$pid = begin_slow_run();
kill 'KILL', $node->query($backend);
waitpid $pid, 0;
ok($node->poll('SELECT pg_is_in_recovery()', 'f'), 'kill -9: the server comes back');
$done = $node->query("$count$version");
is($node->query(q{SELECT count(*) FROM sales_scores s WHERE NOT EXISTS (SELECT FROM sales_scores_history h
	WHERE h.id = s.id AND h.scored_at = s.scored_at AND h.score = s.score)}), 0, 'kill -9: nothing half-written');
is(refresh(q{source => 'leads'}), 'finished|2002|' . (2002 - $done), 'kill -9: the next run goes on');
is($node->query(q{SELECT string_agg(status, ',' ORDER BY score_run_id) FROM leadscore.score_runs WHERE status <> 'finished'}),
	'failed,interrupted,interrupted', 'what was broken off is recorded as such');

# Errors: recorded, committed, raised; before the first change where possible.
like(refresh(q{source => 'SELECT * FROM leads UNION ALL SELECT * FROM leads WHERE id = 700'}),
	qr/ERROR:  key column "id" has a value more than once\n.*HINT:  A lead is scored once/s, 'a key twice');
is($node->query($last), 'failed|21000|0', 'and it is recorded');
like(refresh(q{source => 'SELECT nullif(id, 2000) AS id, city, clicks, visits, note FROM leads'}),
	qr/ERROR:  key column "id" is NULL in some rows/, 'a key that is NULL');
like(refresh(q{source => 'SELECT id, clicks, visits, note FROM leads'}), qr/ERROR:  column .*city.* does not exist/, 'a column that is missing');
is(refresh(q{source => 'leads'}), 'finished|2002|0', 'the scores are as they were');
like($node->error(q{BEGIN; CALL lead_refresh_scores('sales')}), qr/invalid transaction termination/, 'not in a transaction block');
like($node->error(q{CALL lead_refresh_scores('nobody')}), qr/model "nobody" does not exist/, 'an unknown model');
like($node->error(q{CALL lead_refresh_scores('sales@1')}), qr/without "@"/, 'a version');
like($node->error(q{CALL lead_refresh_scores('sales', batch_size => 0)}), qr/batch_size must be at least 1/, 'no batch');
like($node->error(q{CALL lead_refresh_scores('sales', grades => '{"cuts": [3, 2, 1]}')}), qr/"cuts" of grades must ascend/, 'grades');
is(locks(), 0, 'no lock is left');
is(refresh(''), 'finished|2002|0', 'and nothing of it was kept');

# What a call that fails was told is not kept: the next ones do as before.
my $kept = q{SELECT source, target, grades FROM leadscore.score_tables WHERE name = 'sales'};
my $before = $node->query($kept);
$node->query(q{CREATE TABLE keyless (LIKE sales_scores); CREATE VIEW scores_view AS TABLE sales_scores});
for my $wrong (
	[ q{target => 'leads'}, qr/ERROR:  "leads" is not a table of scores\nDETAIL:  It has no column "score" of type double precision\./ ],
	[ q{target => 'keyless'}, qr/ERROR:  "keyless" is not a table of scores\nDETAIL:  It has no unique index on column "id" alone\./ ],
	[ q{target => 'scores_view'}, qr/ERROR:  "scores_view" is not a table of scores\nDETAIL:  It is not a table\./ ],
	[ q{source => 'SELECT city, clicks, visits FROM leads'}, qr/ERROR:  column "id" of model "sales" does not exist in the source\nDETAIL:  Columns needed: id, city, clicks, visits, note\./ ],
	[ q{source => 'SELECT id, clicks, visits FROM leads', target => 'other'}, qr/ERROR:  column "city" of model "sales" does not exist in the source/ ],
	[ q{source => 'TABLE leads UNION ALL TABLE leads', target => 'other'}, qr/ERROR:  key column "id" has a value more than once\nDETAIL:  .*what the call was told is not kept/ ],
	[ q{source => 'SELECT id, city, clicks / (id - 900) AS clicks, visits, note FROM leads', batch_size => 300}, qr/ERROR:  division by zero\nDETAIL:  .*what the call was told is not kept/ ])
{
	like(refresh($wrong->[0]), $wrong->[1], "$wrong->[0]: an error");
	is($node->query($kept), $before, 'nothing of it is kept');
}
$node->query(q{CALL lead_run_job('sales', 'score')});
is($node->query(q{SELECT status FROM leadscore.job_runs ORDER BY job_run_id DESC LIMIT 1}), 'succeeded', 'and the job goes on');
is(refresh(''), 'finished|2002|0', 'with the leads it had');
$node->query(q{SELECT lead_train_model('fresh', 'SELECT id, city, clicks, visits, won FROM leads WHERE won IS NOT NULL', 'won', key => 'id')});
like($node->error(q{CALL lead_refresh_scores('fresh', source => 'TABLE leads UNION ALL TABLE leads')}), qr/more than once/, 'a first call that fails');
is($node->query(q{SELECT count(*) FROM leadscore.score_tables WHERE name = 'fresh'}), 0, 'is as if it had never been');
is($node->error(q{CALL lead_refresh_scores('fresh')}), '', 'so that the next one takes what the model was trained on');

# A table that was dropped is made anew; its history goes on if it fits.
my $scorings = $node->query('SELECT count(*) FROM sales_scores_history');
$node->query('DROP TABLE sales_scores CASCADE');
is(refresh(''), 'finished|2002|2002', 'without its table: every lead');
is($node->query('SELECT count(*) FROM sales_scores_history'), $scorings + 2002, 'in the same history');
$node->query('DROP TABLE sales_scores; ALTER TABLE sales_scores_history ALTER id TYPE bigint');
like(refresh(''), qr/ERROR:  "sales_scores_history" is not a history of "sales_scores"\nDETAIL:  It has no column "id" of type integer\.\nHINT:  .*rename or drop/,
	'a history with other columns');
is($node->query(q{SELECT to_regclass('sales_scores') IS NULL}), 't', 'and nothing is made');
$node->query('DROP TABLE sales_scores_history');
is(refresh(''), 'finished|2002|2002', 'without both: every lead');
$node->query('DROP TABLE sales_scores_history; UPDATE leads SET clicks = clicks + 1 WHERE id = 11');
is(refresh(''), 'finished|2002|1', 'without a history: what has changed');
is($node->query('SELECT count(*) FROM sales_scores_history'), 1, 'in a new one');
$node->query('DROP TABLE sales_scores');
is($node->error(q{CALL lead_run_job('sales', 'score')}), '', 'the job makes a table anew, too');
is($node->query('SELECT count(*) FROM sales_scores'), 2002, 'with every lead');
$node->query('ALTER TABLE sales_scores_history ADD seen boolean; ALTER TABLE sales_scores ADD called boolean');
is(refresh(''), 'finished|2002|0', 'columns of your own are no hindrance');

# Another source or target than before is told of, for the job follows.
my @notices = (options => '-c client_min_messages=notice');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', 'elsewhere', 'SELECT * FROM leads WHERE id <= 50')}, @notices);
like($notice, qr/NOTICE:  target changed from public\.sales_scores to public\.elsewhere\nDETAIL:  Calls that name none, and the job "score" of model "sales", write there from now on\./, 'another target');
like($notice, qr/NOTICE:  source changed from public\.leads to \( *SELECT.*read it from now on\./s, 'another source');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', 'sales_scores', 'leads')}, @notices);
like($notice, qr/target changed from public\.elsewhere to public\.sales_scores/, 'and back');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', 'sales_scores', 'leads')}, @notices);
unlike($notice, qr/changed/, 'the same as before: not a word');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales')}, @notices);
unlike($notice, qr/changed/, 'nor where none is named');

# Without an index in the order of the key each batch reads all: that is told.
$node->query(q{CREATE TABLE heap AS TABLE leads; CREATE INDEX ON heap (id) WHERE id > 5; CREATE INDEX ON heap USING hash (id); CREATE INDEX ON heap (city, id)});
my $slowly = qr/NOTICE:  source public\.heap has no index on "id": each batch of 500 reads all of it\nHINT:  CREATE INDEX ON public\.heap \(id\), or give a greater batch_size\./;
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', source => 'heap', batch_size => 500)}, @notices);
like($notice, $slowly, 'no index, four batches');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', batch_size => 2002)}, @notices);
unlike($notice, qr/no index/, 'no index, one batch');
$node->query('CREATE INDEX ON heap (id, city)');
(undef, $notice) = $node->psql(q{CALL lead_refresh_scores('sales', batch_size => 500)}, @notices);
unlike($notice, qr/no index/, 'an index that begins with the key');
is(refresh(q{source => 'leads'}), 'finished|2002|0', 'the scores are the same');

# Keys of any type that has an order, names of any kind.
for my $key ('uuid', 'text', 'date', 'numeric')
{
	my $value = { uuid => 'md5(id::text)::uuid', date => q{date '2020-01-01' + id}, numeric => 'id / 7.0' }->{$key}
		|| q{'L''"' || id};
	$node->query(qq{CREATE TABLE "by $key" AS SELECT $value AS "the ""key", city, clicks, visits, won FROM leads WHERE won IS NOT NULL});
	$node->query(qq{SELECT lead_train_model('it''s "$key"; --', '"by $key"', 'won', key => 'the "key')});
	$node->query(qq{CALL lead_refresh_scores('it''s "$key"; --', 'public."the ""scores"" $key"', batch_size => 77)});
	is($node->query(qq{SELECT count(*), count(DISTINCT "the ""key"), bool_and(pg_typeof("the ""key")::text =
			(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '"by $key"'::regclass AND attnum = 1))
		FROM "the ""scores"" $key"}), '2000|2000|t', "a key of type $key, names with quotes");
	$node->query(qq{CALL lead_refresh_scores('it''s "$key"; --')});
	is($node->query('SELECT status, rows_read, rows_scored FROM leadscore.score_runs ORDER BY score_run_id DESC LIMIT 1'),
		'finished|2000|0', "a key of type $key: nothing new");
}

# A source is found by the caller's search_path once, and then for ever.
$node->query(q{CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.people AS TABLE leads; CREATE TABLE b.people (LIKE leads)});
is(refresh(q{source => 'people', target => 'people_scores'}, options => '-c client_min_messages=error -c search_path=a,public'),
	'finished|2002|2002', 'a source and a target in the search_path');
is($node->query(q{SELECT source, target FROM leadscore.score_tables WHERE name = 'sales'}), 'a.people|a.people_scores', 'are kept qualified');
is(refresh('', options => '-c client_min_messages=error -c search_path=b,public'), 'finished|2002|0', 'and mean the same later');

# Someone else's operators, functions and types stand first in search_path: none of them is called.
$node->query('CREATE SCHEMA hostile');
$node->query($_) for split /\n/, $node->query(q{
	SELECT format('CREATE FUNCTION hostile.boom%5$s(%1$s, %2$s) RETURNS %3$s LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION $$hostile$$; END $f$;
		CREATE OPERATOR hostile.%4$s (FUNCTION = hostile.boom%5$s, LEFTARG = %1$s, RIGHTARG = %2$s)', l, r, t, o, row_number() OVER ())
	FROM (VALUES ('text', 'text', 'boolean', '='), ('text', 'text', 'text', '||'), ('integer', 'integer', 'boolean', '>'), ('integer', 'integer', 'boolean', '='),
		('integer', 'integer', 'boolean', '<'), ('integer', 'integer', 'boolean', '<>'), ('bigint', 'bigint', 'boolean', '<>'), ('bigint', 'bigint', 'bigint', '-'),
		('bigint', 'integer', 'boolean', '>'), ('jsonb', 'text', 'text', '->>'), ('jsonb', 'text', 'boolean', '?'),
		('timestamptz', 'interval', 'timestamptz', '-'), ('float8', 'float8', 'float8', '*'), ('float8', 'float8', 'boolean', '>=')) AS v(l, r, t, o)
	UNION ALL
	SELECT format('CREATE FUNCTION hostile.%s LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION $$hostile$$; END $f$', f)
	FROM unnest('{"now() RETURNS timestamptz", "lead_model(text) RETURNS bytea", "lead_grade(float8, float8[]) RETURNS text", "lead_score(bytea, record) RETURNS float8",
		"count(bigint) RETURNS bigint", "format(text, text) RETURNS text", "concat(text) RETURNS text", "current_schema() RETURNS name", "jsonb_build_object(text, text) RETURNS jsonb"}'::text[]) AS f
	UNION ALL
	SELECT format('CREATE TYPE hostile.%I AS (a integer)', t) FROM unnest('{text,jsonb,int4,int8,bool,float8,timestamptz,lead_run,regclass}'::text[]) AS t} =~ s/\n\s*/ /gr);
my @hostile = (options => '-c client_min_messages=error -c search_path=hostile,pg_catalog,public');
is($node->query(q{SELECT pg_catalog.concat_ws(' ', r.status, r.error) FROM public.lead_train_model('h', 'public.leads', 'won', key => 'id', exclude => '{note}') AS r}, @hostile), 'finished', 'hostile names: a training');
is($node->error(q{SELECT public.lead_create_scored_view('h', 'public.leads', 'public.h_view')}, @hostile), '', 'hostile names: a view');
is($node->error(q{CALL public.lead_refresh_scores('h', 'public.h_table', 'SELECT * FROM public.leads', batch_size => 500)}, @hostile), '', 'hostile names: a table');
is($node->query('SELECT string_agg(DISTINCT (t.score = v.score AND t.grade = v.grade)::text, $$,$$) FROM h_table t JOIN h_view v USING (id)'), 'true', 'hostile names: the same scores');
is($node->error("CALL public.lead_run_job('h', '$_')", @hostile), '', "hostile names: $_") for qw(retrain score monitor prune);
is($node->query(q{SELECT string_agg(action || ' ' || status, ', ' ORDER BY job_run_id) FROM leadscore.job_runs WHERE name = 'h'}),
	'retrain succeeded, score succeeded, monitor succeeded, prune succeeded', 'hostile names: all is logged');
$node->query('DROP SCHEMA hostile CASCADE');

# Restored from a dump, the views and tables are there once, and nothing is new.
$node->query('CREATE DATABASE restored');
my $dump = $node->dir . '/dump.sql';
Cluster::run(Cluster->program('pg_dump'), '-h', $node->dir, '-U', 'postgres', '-f', $dump, 'postgres');
Cluster::run(Cluster->program('psql'), qw(-Xq -v ON_ERROR_STOP=1 -U postgres -h), $node->dir, '-d', 'restored', '-o', '/dev/null', '-f', $dump);
my $content = q{SELECT (SELECT count(*) FROM leadscore.score_runs), (SELECT count(*) FROM leadscore.score_tables),
	(SELECT md5(string_agg(q::text, ',' ORDER BY name, version)) FROM leadscore.score_quantiles q),
	(SELECT md5(string_agg(v::text, ',' ORDER BY id)) FROM sales_scored v)};
is($node->query($content, database => 'restored'), $node->query($content), 'a dump brings runs, tables and views back');
$node->query(q{CALL lead_refresh_scores('sales')}, database => 'restored');
is($node->query('SELECT status, rows_read, rows_scored FROM leadscore.score_runs ORDER BY score_run_id DESC LIMIT 1', database => 'restored'),
	'finished|2002|0', 'and what was scored before the dump is scored after it');

# A hot standby shows the view.
my $copy = $node->replica('refresh_copy');
my $scores = 'SELECT md5(string_agg(v::text, \',\' ORDER BY id)) FROM sales_scored v';
ok($node->catch_up($copy), 'a standby follows');
is($copy->query($scores), $node->query($scores), 'a standby shows the scores of the view');
like($copy->error(q{CALL lead_refresh_scores('sales')}), qr/read-only transaction|during recovery/, 'and keeps no table');

# Everything works for one who is no superuser and owns the database.
$node->query('CREATE ROLE analyst LOGIN');
$node->query('CREATE DATABASE theirs OWNER analyst');
my @them = (database => 'theirs', user => 'analyst');
$node->query('CREATE EXTENSION leadscore', @them);
Leads::create($node, @them);
Leads::train($node, @them);
$node->query(q{SELECT lead_create_scored_view('sales')}, @them);
is($node->query('SELECT count(score), count(grade) FROM sales_scored', @them), '2000|2000', 'an owner of a database has a view');
$node->query(q{CALL lead_refresh_scores('sales')}, @them);
$node->query(q{CALL lead_run_job('sales', 'score')}, @them);
is($node->query('SELECT count(*) FROM sales_scores', @them), 2000, 'and a table of scores');
is($node->query(q{SELECT action, status, result FROM leadscore.job_runs}, @them),
	'score|succeeded|0 of 2000 leads scored by version 1, in public.sales_scores', 'and jobs');
is($node->query('SELECT count(*) FROM leadscore.lead_jobs', @them), 0, 'and looks at them');
$node->query('CREATE ROLE trainer LOGIN');
$node->query(q{SELECT lead_grant('trainer', 'trainer'); GRANT SELECT ON leads TO trainer; CREATE SCHEMA AUTHORIZATION trainer}, user => 'postgres', database => 'theirs');
$node->query(q{CALL lead_refresh_scores('sales', 'trainer.scores')}, database => 'theirs', user => 'trainer');
is($node->query('SELECT count(*) FROM trainer.scores', database => 'theirs', user => 'trainer'), 2000, 'a trainer has scores of their own');
is($node->query(q{SELECT status FROM (SELECT (lead_retrain('sales')).*) r}, database => 'theirs', user => 'trainer'), 'finished', 'and retrains');

done_testing();
