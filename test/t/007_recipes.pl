# A recipe runs with the rights of whoever trains by it: what another role wrote
# is refused.  Locks of runs go with an error.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('recipes');
$node->query("CREATE ROLE $_ LOGIN") foreach qw(owner reader trainer);
$node->query('CREATE DATABASE sales OWNER owner');
my %owner = (database => 'sales', user => 'owner');
my %reader = (database => 'sales', user => 'reader');
my %trainer = (database => 'sales', user => 'trainer');
my %super = (database => 'sales');
$node->query('CREATE EXTENSION leadscore', %owner);
Leads::create($node, %owner);
$node->query(q{GRANT SELECT ON leads TO reader, trainer;
	SELECT lead_grant('reader', 'reader'), lead_grant('trainer', 'trainer')}, %owner);

# What a trainer wrote does not run with the rights of another, unless that one says so.
$node->query(q{CREATE TABLE secret (who text); GRANT CREATE ON SCHEMA public TO trainer;
	SELECT lead_train_model('shared', 'leads', 'won', key => 'id')}, %owner);
$node->query(q{
	CREATE FUNCTION spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
		IF current_user = 'owner' THEN INSERT INTO public.secret VALUES (current_user); END IF; RETURN true; END $$;
	SELECT lead_train_model('shared', 'SELECT * FROM leads WHERE public.spy()', 'won', key => 'id', gate => '{"promote": "always"}')}, %trainer);
foreach my $call (q{SELECT lead_retrain('shared')}, q{SELECT * FROM lead_validate('shared')}, q{CALL lead_run_job('shared', 'retrain')},
	q{SELECT lead_create_scored_view('shared')}, q{CALL lead_refresh_scores('shared')})
{
	like($node->error($call, %owner), qr/was written by role "trainer"/, "not run with the owner's rights: $call");
}
is($node->query('SELECT count(*) FROM secret', %owner), '0', 'none of it ran');
like($node->error(q{UPDATE leadscore.runs SET started_by = 'owner' WHERE model = 'shared'}, %trainer), qr/permission denied for table runs/,
	'who wrote a recipe is not to be forged');
like($node->error(q{UPDATE leadscore.runs SET spec = '{}' WHERE model = 'shared'}, %trainer), qr/permission denied for table runs/,
	'nor what another wrote');
like($node->error(q{INSERT INTO leadscore.runs (experiment_id, model, action, status, spec, extension_version, started_by)
	SELECT experiment_id, model, action, status, spec, extension_version, 'owner' FROM leadscore.runs LIMIT 1}, %trainer),
	qr/permission denied for table runs/, 'nor a new one');
$node->query(q{CREATE SCHEMA AUTHORIZATION trainer}, %super);
is($node->error(q{CALL lead_refresh_scores('shared', 'trainer.scores', 'SELECT * FROM leads WHERE public.spy()')}, %trainer), '', 'a trainer keeps scores');
like($node->error(q{CALL lead_run_job('shared', 'score')}, %owner), qr/was written by role "trainer"/, 'which the job of another does not run');
like($node->error(q{CALL lead_refresh_scores('shared')}, %owner), qr/was written by role "trainer"/, 'nor a call that names no source');
is($node->error(q{CALL lead_refresh_scores('shared', 'shared_scores', 'leads')}, %owner), '', 'the owner says where from and where to');
is($node->error(q{CALL lead_run_job('shared', 'score')}, %owner), '', 'and the job runs');
is($node->query('SELECT count(*) FROM secret', %owner), '0', 'still nothing ran');
is($node->query(q{SELECT status FROM lead_retrain('shared', adopt => true)}, %owner), 'finished', 'a recipe can be adopted');
isnt($node->query('SELECT count(*) FROM secret', %owner), '0', 'and then does what its author wrote');
is($node->query(q{SELECT status FROM lead_retrain('shared')}, %trainer), 'finished', 'whoever gives the rights is trusted');

# The same words as one's own are no danger, whoever trained by them last.
$node->query(q{SELECT lead_train_model('plain', 'leads', 'won', key => 'id')}, %owner);
is($node->query(q{SELECT status FROM lead_train_model('plain', 'leads', 'won', key => 'id', options => '{"lambda": 1}')}, %trainer), 'finished',
	'a trainer trains by the same source and label');
is($node->query(q{SELECT status FROM lead_retrain('plain')}, %owner), 'finished', 'and the owner goes on');

# Whatever ends a run, its session lets the model go: a right that is missing, a cancel between two batches.
my $locks = q{SELECT concat('locks: ', count(*)) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()};
sub session
{
	my ($how, @statements) = @_;
	return Cluster::run($node->psql_command(%$how), '-v', 'ON_ERROR_STOP=0', map { ('-c', $_) } @statements);
}
like(session(\%reader, q{CALL lead_refresh_scores('shared')}, $locks), qr/permission denied for table score_runs.*locks: 0/s,
	'no lock is left by an error that is not caught');
like(session(\%owner, q{CALL lead_run_job('shared', 'score')}, $locks, q{CALL lead_run_job('shared', 'prune')}, $locks), qr/locks: 0.*locks: 0/s,
	'nor by runs that go well');
like(session(\%super, q{SELECT leadscore.take_job_lock('shared')}, q{SELECT leadscore.take_job_lock('shared')}, $locks,
		q{SELECT 1 / 0}, $locks, q{SELECT leadscore.take_job_lock('shared')}, q{SELECT leadscore.give_job_lock()}, $locks),
	qr/^t\nf\nlocks: 1\n.*division by zero\nlocks: 0\nt\n\nlocks: 0$/s, 'one at a time, kept over a commit, gone with an error');

# A model that is dropped while a retraining waits stays dropped.
$node->query(q{SELECT lead_train_model('going', 'leads', 'won', key => 'id')}, %owner);
my $drop = $node->background(q{BEGIN; SELECT lead_drop_model('going', true); SELECT pg_sleep(1.5); COMMIT}, %owner);
ok($node->poll(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%lead_drop_model%pg_sleep%' AND wait_event = 'PgSleep'}, 't'), 'a model is being dropped');
like($node->error(q{SELECT lead_retrain('going')}, %owner), qr/model "going" does not exist/, 'a retraining does not bring it back');
waitpid $drop, 0;

done_testing();
