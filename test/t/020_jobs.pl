# Jobs on a real pg_cron: one that fires, one that fails, one that meets another run, one
# in another database, one that is overdue.  pg_cron counts in minutes, so all of them are
# set for the next one.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('jobs');
plan skip_all => 'no pg_cron here: postgresql-15-cron'
	if !$node->query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'});

sub log_of
{
	my ($name, $what) = @_;
	return $node->query("SELECT $what FROM leadscore.job_runs WHERE name = '$name' ORDER BY job_run_id LIMIT 1");
}

for my $database (qw(postgres other))
{
	$node->query("CREATE DATABASE $database") if $database ne 'postgres';
	$node->query('CREATE EXTENSION leadscore', database => $database);
	Leads::create($node, database => $database);
	Leads::train($node, database => $database);
}

# Where pg_cron is not, the error says what to do.
my $error = $node->error(q{SELECT lead_schedule('sales', 'retrain', '30 3 * * *')});
like($error, qr/ERROR:  pg_cron is not in this database\nDETAIL:  It does not run on this server/, 'no pg_cron: an error');
like($error, qr/install the package postgresql-\d+-cron.*shared_preload_libraries = 'pg_cron'.*CREATE EXTENSION pg_cron.*CALL public\.lead_run_job\('sales', 'retrain'\)/s,
	'no pg_cron: what to do, and what any other scheduler can run');
$node->configure("shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = '" . $node->dir . "'\n");
$node->restart;
$error = $node->error(q{SELECT lead_schedule('sales', 'retrain', '30 3 * * *')});
like($error, qr/DETAIL:  It runs on this server for this database, but its extension is missing\.\nHINT:  CREATE EXTENSION pg_cron/,
	'no extension pg_cron: what to do');
$node->query('CREATE EXTENSION pg_cron');
is($node->query('SELECT count(*) FROM leadscore.jobs'), 0, 'what failed left no job');

# Jobs of a role that is no superuser.
$node->query('CREATE ROLE planner LOGIN; GRANT USAGE ON SCHEMA leadscore TO planner;
	GRANT ALL ON ALL TABLES IN SCHEMA leadscore TO planner; GRANT ALL ON ALL SEQUENCES IN SCHEMA leadscore TO planner');
like($node->error(q{SELECT lead_schedule('sales', 'score', '* * * * *')}, user => 'planner'),
	qr/permission denied for schema cron\nHINT:  As an administrator: GRANT USAGE ON SCHEMA cron TO planner/, 'no right on pg_cron: what to do');
$node->query('GRANT USAGE ON SCHEMA cron TO planner');
is($node->query(q{SELECT state FROM lead_schedule('sales', 'prune', '0 0 1 1 *')}, user => 'planner'), 'scheduled',
	'with the right a role that is no superuser has its job');
is($node->query(q{SELECT username, schedule, command FROM cron.job}),
	"planner|0 0 1 1 *|CALL public.lead_run_job('sales', 'prune')", 'its job in pg_cron runs as this role');
is($node->query(q{SELECT state FROM lead_schedule('sales', 'prune', '0 0 2 1 *')}), 'scheduled', 'a superuser takes it over');
is($node->query(q{SELECT username, schedule FROM cron.job}), 'postgres|0 0 2 1 *', 'and it is there once');
like($node->error(q{SELECT lead_schedule('sales', 'prune', '0 0 3 1 *')}, user => 'planner'),
	qr/this job was scheduled by role "postgres"/, 'the other way round it is an error');

# All for the next minute.
$node->query(q{
	CREATE TABLE lost AS TABLE leads;
	CREATE TABLE held AS TABLE leads;
	SELECT lead_train_model('broken', 'lost', 'won', key => 'id');
	SELECT lead_train_model('busy', 'held', 'won', key => 'id');
	SELECT lead_train_model('idle', 'leads', 'won', key => 'id');
	SELECT lead_train_model('scored', 'leads', 'won', key => 'id');
	CREATE TABLE changing AS TABLE leads;
	SELECT lead_train_model('watched', 'changing', 'won', key => 'id'), lead_train_model('blind', 'lost', 'won', key => 'id');
	INSERT INTO changing SELECT (jsonb_populate_record(l, jsonb_build_object('id', l.id + 10000))).* FROM leads AS l;
	SELECT lead_set_policy('watched', '{"new_outcomes": 2000}'), lead_set_policy('blind', '{"max_age": "1 day"}');
	DROP TABLE lost;
	SELECT lead_schedule('watched', 'auto', '* * * * *');
	SELECT lead_schedule('blind', 'auto', '* * * * *');
	CREATE TABLE moved AS TABLE leads;
	SELECT lead_train_model('moved', 'moved', 'won', key => 'id');
	UPDATE moved SET clicks = 10, visits = NULL;
	SELECT lead_schedule('moved', 'monitor', '* * * * *');
	SELECT lead_schedule('sales', 'retrain', '* * * * *');
	SELECT lead_schedule('broken', 'retrain', '* * * * *');
	SELECT lead_schedule('busy', 'score', '* * * * *');
	SELECT lead_schedule('idle', 'monitor', '* * * * *');
	SELECT lead_schedule('scored', 'score', '* * * * *')});
my $holder = $node->background(q{SELECT pg_advisory_lock(class, object), pg_sleep(300) FROM leadscore.job_lock_key('busy')});

my ($state, $statement) = split /\|/, $node->query(q{SELECT state, statement FROM lead_schedule('sales', 'monitor', '* * * * *')},
	database => 'other');
is($state, 'to be scheduled in database postgres', 'pg_cron in another database: it says where');
like($statement, qr/^SELECT cron\.schedule_in_database\('leadscore \d+ in other', '\* \* \* \* \*', '.*', 'other', 'postgres'\);$/,
	'and what to run there');
is($node->error($statement), '', 'the statement runs there');

# A job that pg_cron has lost, ten minutes ago.
$node->query(q{SELECT cron.unschedule(jobid) FROM cron.job WHERE command LIKE '%idle%'});
is($node->query(q{SELECT overdue FROM leadscore.lead_jobs WHERE model = 'idle'}), 'f', 'not overdue at once');
$node->query(q{UPDATE leadscore.jobs SET scheduled_at = scheduled_at - interval '10 minutes' WHERE name = 'idle'});

ok($node->poll(q{SELECT count(DISTINCT name) FROM leadscore.job_runs WHERE ended_at IS NOT NULL
	AND name IN ('sales', 'broken', 'busy', 'scored', 'moved', 'watched', 'blind')}, 7, 90), 'the jobs fire');
is(log_of('sales', 'action, status, error'), 'retrain|succeeded|', 'a retraining: in the log');
like(log_of('sales', 'result'), qr/^version 2, AUC 0\.\d+, /, 'with its version and how good it is');
ok($node->query(q{SELECT max(version) >= 2 FROM leadscore.versions WHERE name = 'sales'}) eq 't', 'and a version was made');
is(log_of('scored', 'action, status, result'),
	'score|succeeded|2000 of 2000 leads scored by version 1, in public.scored_scores', 'a scoring: in the log');
is($node->query('SELECT count(*) FROM scored_scores'), 2000, 'and the scores are there');
is($node->query(q{SELECT status, overdue, error IS NULL, duration > interval '0' FROM leadscore.lead_jobs WHERE model = 'scored'}),
	'succeeded|f|t|t', 'and lead_jobs tells so');

is(log_of('broken', 'status'), 'failed', 'a failing job: in the log');
my ($failed) = $node->error(q{CALL lead_run_job('broken', 'retrain')}) =~ /(ERROR:.*)/s;
like($failed, qr/^ERROR:  .*does not exist\nDETAIL:  The training is recorded with this error\.\nHINT:  See leadscore\.runs and leadscore\.checks\./, 'by hand the error is in one line, and says where its record is');
like($node->query(q{SELECT status, error FROM leadscore.lead_jobs WHERE model = 'broken'}), qr/^failed\|.*lost.* does not exist/,
	'a failing job: lead_jobs tells why');
ok($node->poll(q{SELECT count(*) > 0 FROM cron.job_run_details WHERE command LIKE '%broken%' AND status = 'failed'
	AND return_message LIKE 'ERROR%lost%does not exist%'}, 't', 10), 'a failing job: pg_cron shows it too');
is($node->query(q{SELECT count(*) FROM leadscore.runs WHERE model = 'broken' AND status = 'failed'}) > 0, 1,
	'a failing job: its run is kept');

like(log_of('watched', 'action, status, result'),
	qr/^auto\|succeeded\|(kept|recalibrated|retrained).*: number of new outcomes 2000 has reached 2000; \d+ new outcomes \(\d+ more are held out\) ask for /,
	'a model is held against its policy: in the log');
is($node->query(q{SELECT count(*) FROM leadscore.decisions AS d JOIN leadscore.monitor_run AS m USING (monitor_run_id) WHERE d.name = 'watched'}) > 0, 1,
	'and in the decisions, with the look that it was made by');
like(log_of('blind', 'action, status, error'), qr/^auto\|failed\|.*public\.lost.* does not exist/, 'no source: the job fails');
is($node->query(q{SELECT DISTINCT decision FROM leadscore.decisions WHERE name = 'blind'}), 'failed', 'and the decision says so');
like($node->query(q{SELECT status, error FROM leadscore.lead_jobs WHERE model = 'moved'}), qr/^failed\|model "moved" fails \d checks: missing_rise of column "visits", /,
	'a model whose leads have drifted fails its rules, and the job with it');
ok($node->poll(q{SELECT count(*) > 0 FROM cron.job_run_details WHERE command LIKE '%moved%' AND status = 'failed'
	AND return_message LIKE '%missing_rise of column "visits"%score_drift%'}, 't', 10), 'pg_cron shows which');
is($node->query(q{SELECT drifted, rows FROM leadscore.monitor_run WHERE name = 'moved' ORDER BY monitor_run_id LIMIT 1}), 't|2000', 'the look is kept');

is(log_of('busy', 'status, result'), 'skipped|another run of the model was under way', 'a second run says so and leaves');
is($node->query('SELECT to_regclass(\'busy_scores\')'), '', 'and has done nothing');
ok($node->poll(q{SELECT count(*) > 0 FROM cron.job_run_details WHERE command LIKE '%busy%' AND status = 'succeeded'}, 't', 10),
	'which is no failure');
is($node->query(q{SELECT status, overdue FROM leadscore.lead_jobs WHERE model = 'idle'}), '|t', 'a job that did not fire is overdue');
ok($node->query(q{SELECT NOT overdue FROM leadscore.lead_jobs WHERE model = 'sales' AND action = 'retrain'}) eq 't', 'one that fired is not');
is($node->query(q{SELECT action, status FROM leadscore.job_runs ORDER BY job_run_id LIMIT 1}, database => 'other'),
	'monitor|succeeded', 'the job in the other database fired');

$node->query(q{SELECT lead_drop_model('scored', force => true)});
is($node->query(q{SELECT count(*) FROM cron.job WHERE command LIKE '%scored%'}), 0, 'a model that is dropped takes its jobs along');
$node->query(q{SELECT lead_unschedule(model, action) FROM leadscore.lead_jobs WHERE model <> 'idle'});
is($node->query(q{SELECT string_agg(database, ',') FROM cron.job}), 'other', 'unscheduled is gone from pg_cron');
like($node->error(q{SELECT lead_unschedule('sales', 'retrain')}), qr/model "sales" has no job "retrain"/, 'twice is an error');
is($node->query(q{SELECT statement FROM lead_unschedule('sales', 'monitor')}, database => 'other'),
	q{SELECT cron.unschedule('leadscore 1 in other');}, 'in another database: what to run there');

# A run whose session was ended is interrupted; the lock is free for the next one.
kill 'TERM', $holder;
waitpid $holder, 0;
$node->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE query LIKE '%pg_advisory_lock(class%' AND pid <> pg_backend_pid()});
$node->query(q{SELECT lead_schedule('busy', 'score', '0 0 1 1 *');
	ALTER TABLE held RENAME TO kept;
	CREATE VIEW held AS SELECT kept.* FROM kept, pg_sleep(0.01 + id * 0)});
my $run = $node->background(q{CALL lead_run_job('busy', 'score')});
ok($node->poll(q{SELECT status FROM leadscore.score_runs WHERE name = 'busy'}, 'running'), 'a run is under way');
is($node->query(q{SELECT status FROM leadscore.lead_jobs WHERE model = 'busy'}), 'running', 'and lead_jobs says so');
$node->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL lead_run_job%' AND pid <> pg_backend_pid()});
waitpid $run, 0;
is($node->query(q{SELECT status FROM leadscore.lead_jobs WHERE model = 'busy'}), 'interrupted', 'a run whose session was ended is interrupted');
$node->query('DROP VIEW held; ALTER TABLE kept RENAME TO held');
$node->query(q{CALL lead_run_job('busy', 'score')});
is($node->query(q{SELECT status, result FROM leadscore.lead_jobs WHERE model = 'busy'}),
	'succeeded|2000 of 2000 leads scored by version 1, in public.busy_scores', 'the next run does what there was to do');
is($node->query(q{SELECT string_agg(status, ',' ORDER BY score_run_id) FROM leadscore.score_runs WHERE name = 'busy'}),
	'interrupted,finished', 'and the log of scorings says so');


# A retraining meets a training by hand.
my $training = $node->background(q{BEGIN; SELECT leadscore.lock('busy'); SELECT pg_sleep(300)});
ok($node->poll(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}, 1), 'somebody trains');
my (undef, $notice) = $node->psql(q{CALL lead_run_job('busy', 'retrain')}, options => '-c client_min_messages=notice');
like($notice, qr/NOTICE:  a training of model "busy" is under way/, 'a retraining says so');
is($node->query(q{SELECT status, result FROM leadscore.job_runs ORDER BY job_run_id DESC LIMIT 1}), 'skipped|a training was under way', 'and leaves');
$node->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(300)%' AND pid <> pg_backend_pid()});
waitpid $training, 0;

# What came of it is said.
(undef, $notice) = $node->psql(q{CALL lead_run_job('sales', 'retrain')}, options => '-c client_min_messages=notice');
like($notice, qr/NOTICE:  retrain of model "sales": version \d+, AUC 0\.\d+, /, 'a run by hand tells its result');
$node->query('ALTER TABLE held RENAME clicks TO klicks');
like($node->error(q{CALL lead_run_job('busy', 'monitor')}),
	qr/ERROR:  an error in the data of model "busy": error: column "clicks": the source has lost it; .* fails \d checks: source, missing_rise of column "clicks"/,
	'a monitor that fails says which column and which rules');
$node->query('ALTER TABLE held RENAME klicks TO clicks');

# Names of any kind are names and nothing else.
my $odd = q{it''s "odd"; DROP TABLE held; --};
$node->query(qq{SELECT lead_train_model('$odd', 'held', 'won', key => 'id')});
$node->query(qq{SELECT lead_schedule('$odd', 'monitor', '0 0 1 1 *')});
$node->query($node->query(q{SELECT command FROM cron.job WHERE command LIKE '%odd%'}));
is($node->query(q{SELECT status FROM leadscore.lead_jobs WHERE model LIKE '%odd%'}), 'succeeded', 'a model with an odd name has jobs');
is($node->query('SELECT count(*) FROM held'), 2000, 'and drops nothing');

done_testing();
