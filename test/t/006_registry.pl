# The registry in a real server: an owner who is no superuser, readers and
# trainers, dump and restore, a standby, a server killed in the middle, two
# trainings at once, the extension dropped and made again.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('registry');
$node->query("CREATE ROLE $_ LOGIN") foreach qw(owner reader trainer stranger);
$node->query('CREATE DATABASE sales OWNER owner');
my %owner = (database => 'sales', user => 'owner');
my %reader = (database => 'sales', user => 'reader');
my %trainer = (database => 'sales', user => 'trainer');
my %stranger = (database => 'sales', user => 'stranger');
my %super = (database => 'sales');

my $train = q{SELECT version, status, live FROM lead_train_model('main', 'public.leads', 'won', key => 'id')};
my $by_name = q{SELECT md5(string_agg(float8send(lead_score('main', l))::text, ',' ORDER BY id)) FROM leads l};

# ---- an owner who is no superuser; readers and trainers

is($node->error('CREATE EXTENSION leadscore', %owner), '', 'the owner of a database creates the extension');
Leads::create($node, %owner);
is($node->query($train, %owner), '1|finished|t', 'trains');
is($node->query(q{SELECT version, status, live FROM lead_retrain('main')}, %owner), '2|finished|t', 'trains again');
is($node->query(q{SELECT version FROM lead_rollback('main')}, %owner), '1', 'rolls back');

foreach my $who (\%reader, \%trainer, \%stranger)
{
	$node->query("GRANT SELECT ON leads TO $who->{user}", %owner);
	like($node->error($by_name, %$who), qr/permission denied for schema leadscore/,
		"$who->{user}: no rights on the registry, no score");
}
$node->query(q{SELECT lead_grant('reader', 'reader'), lead_grant('trainer', 'trainer')}, %owner);
my $scores = $node->query($by_name, %owner);
is($node->query($by_name, %reader), $scores, 'a reader scores');
is($node->query(q{SELECT count(*), bool_or(live) FROM lead_versions('main')}, %reader), '2|t', 'and sees the versions');
is($node->query('SELECT count(*) FROM leadscore.mlflow_runs', %reader), '2', 'and the runs as MLflow shows them');
like($node->error('SELECT count(*) FROM leadscore.holdouts', %reader), qr/permission denied for table holdouts/,
	'a reader does not see the rows held out');
like($node->error(q{SELECT lead_promote('main', 2)}, %reader), qr/permission denied for table/, 'or promote');
like($node->error($train, %reader), qr/permission denied for table/, 'or train');
like($node->error(q{SELECT lead_drop_model('main', true)}, %reader), qr/permission denied for table/, 'or drop');
like($node->error(q{SELECT lead_grant('stranger', 'reader')}, %reader), qr/permission denied to grant rights/, 'or grant');
is($node->query($train, %trainer), '3|finished|t', 'a trainer trains');
is($node->query(q{SELECT version FROM lead_promote('main', 1)}, %trainer), '1', 'and promotes');
like($node->error('DELETE FROM leadscore.deployments', %trainer), qr/permission denied for table deployments/,
	'but does not rewrite the history');
like($node->error('UPDATE leadscore.deployments SET deployed_by = $$nobody$$', %owner),
	qr/permission denied for table deployments/, 'nor does the owner');
is($node->query(q{SELECT deployed_by FROM lead_deployments('main') LIMIT 1}, %owner), 'trainer', 'the history says who');

# The registry opens no table: a trainer without rights on the leads learns nothing.
$node->query('REVOKE SELECT ON leads FROM trainer', %owner);
like($node->error(q{SELECT lead_train_model('other', 'leads', 'won', key => 'id')}, %trainer), qr/^$/,
	'no right on the source: the run fails');
is($node->query(q{SELECT status, error FROM leadscore.runs WHERE model = 'other'}, %trainer),
	'failed|permission denied for table leads', 'and says why');
$node->query('GRANT SELECT ON leads TO trainer', %owner);

# A view of the registry's scores reads it with the rights of who asks.
$node->query(q{CREATE VIEW scored AS SELECT id, lead_score('main', l) AS score FROM leads l;
	GRANT SELECT ON scored TO reader, stranger}, %owner);
is($node->query('SELECT count(score) FROM scored', %reader), '2000', 'a reader reads a view of scores');
like($node->error('SELECT count(score) FROM scored', %stranger), qr/permission denied for schema leadscore/,
	'a stranger does not');

$node->query(q{SELECT lead_revoke('reader')}, %owner);
like($node->error($by_name, %reader), qr/permission denied for schema leadscore/, 'what is revoked is gone');
$node->query(q{SELECT lead_grant('reader', 'reader')}, %owner);
like(($node->psql(q{SELECT lead_revoke('reader')}, %super, options => '-c client_min_messages=warning'))[1], qr/WARNING:  role "reader" still has rights .*given by "owner"/s,
	'what another role gave stays, and that is said');

# ---- dump and restore, by the owner

my $everything = q{SELECT
	(SELECT count(*) FROM leadscore.models) || ' ' || (SELECT count(*) FROM leadscore.runs) || ' ' ||
	(SELECT count(*) FROM leadscore.metrics) || ' ' || (SELECT count(*) FROM leadscore.aliases) || ' ' ||
	(SELECT md5(string_agg(d::text, ',' ORDER BY deployment_id)) FROM leadscore.deployments d) || ' ' ||
	(SELECT md5(string_agg(v::text, ',' ORDER BY name, version)) FROM leadscore.versions v) || ' ' ||
	(SELECT md5(string_agg(h::text, ',' ORDER BY name, version)) FROM leadscore.holdouts h)};
my $before = $node->query($everything, %owner);
$scores = $node->query($by_name, %owner);
my @to = ('-h', $node->dir, '-U', 'owner');
foreach my $format ('custom', 'plain')
{
	my $file = $node->dir . "/$format.dump";
	my %copy = (database => "from_$format", user => 'owner');
	Cluster::run($node->program('pg_dump'), @to, '-d', 'sales', '-F', $format, '-f', $file);
	$node->query("CREATE DATABASE $copy{database} OWNER owner");
	Cluster::run($format eq 'custom'
		? ($node->program('pg_restore'), @to, '-d', $copy{database}, $file)
		: ($node->program('psql'), @to, '-d', $copy{database}, '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file));
	is($node->query($everything, %copy), $before, "pg_dump -F $format by the owner: everything is back, once");
	is($node->query($by_name, %copy), $scores, 'the same scores by name');
	is($node->query($by_name, database => $copy{database}, user => 'reader'), $scores, 'and the same rights');
	is($node->query($train, %copy), '4|finished|t', 'training goes on');
	is($node->query(q{SELECT count(*) = 6 AND max(deployment_id) = 6 FROM leadscore.deployments},
			%copy), 't', 'and so do the sequences');
}

# ---- a hot standby scores by name

my $standby = $node->replica('registry_standby');
$node->catch_up($standby);
is($standby->query($by_name, %reader), $scores, 'a standby scores by name');
$node->query(q{SELECT lead_promote('main', 3)}, %owner);
$node->catch_up($standby);
is($standby->query(q{SELECT lead_model_version('main')}, %reader), '3', 'and follows a promotion');
like($standby->error($train, %trainer), qr/read-only transaction/, 'it does not train');
$standby->stop('immediate');

# ---- another session promotes while this one scores

# What a session sees, one letter per look: version 1 or 2, at the isolation given.
sub watch
{
	my ($isolation) = @_;
	return $node->query(qq{
		BEGIN ISOLATION LEVEL $isolation;
		CREATE TEMP TABLE seen (n serial, version text) ON COMMIT DROP;
		DO \$\$
		DECLARE
			lead leads;
			one float8;
			three float8;
			score float8;
		BEGIN
			SELECT * INTO lead FROM leads WHERE id = 11;
			one := lead_score(lead_model('main', 1), lead);
			three := lead_score(lead_model('main', 3), lead);
			PERFORM pg_notify('ready', '');
			FOR i IN 1 .. 60 LOOP
				score := lead_score('main', lead);
				INSERT INTO seen (version) VALUES (CASE score WHEN one THEN 'a' WHEN three THEN 'c' ELSE '?' END);
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$;
		SELECT string_agg(version, '' ORDER BY n) FROM seen;
		COMMIT}, %owner);
}
$node->query(q{SELECT lead_train_model('main', 'leads', 'won', key => 'id', features => '{city}', gate => '{"promote": "never"}')}, %owner);
$node->query(q{SELECT lead_promote('main', 1)}, %owner);
$node->query(q{UPDATE leadscore.versions SET model = (SELECT model FROM leadscore.versions WHERE name = 'main' AND version = 4)
	WHERE name = 'main' AND version = 3}, %super);
foreach my $isolation ('READ COMMITTED', 'REPEATABLE READ')
{
	my $promoter = $node->background(q{SELECT pg_sleep(0.6); SELECT lead_promote('main', 3)}, %owner);
	my $seen = watch($isolation);
	waitpid $promoter, 0;
	like($seen, $isolation eq 'READ COMMITTED' ? qr/^a+c+$/ : qr/^a+$/,
		"$isolation: a promotion by another session is " . ($isolation eq 'READ COMMITTED' ? 'seen at once' : 'not seen'));
	$node->query(q{SELECT lead_rollback('main')}, %owner);
}

# A snapshot that stays, and a subtransaction that is undone: only the count of
# aborted subtransactions tells the two looks apart.
is($node->query(q{
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	CREATE FUNCTION pg_temp.look() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		lead leads;
		seen text := '';
		score float8;
	BEGIN
		SELECT * INTO lead FROM leads WHERE id = 11;
		FOR i IN 1 .. 4 LOOP
			BEGIN
				IF i % 2 = 0 THEN
					PERFORM lead_promote('main', 3);
				END IF;
				score := lead_score('main', lead);
				seen := seen || CASE score WHEN lead_score('main@1', lead) THEN 'a' WHEN lead_score('main@3', lead) THEN 'c' END;
				IF i % 2 = 0 THEN
					RAISE EXCEPTION 'undo';
				END IF;
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
			score := lead_score('main', lead);
			seen := seen || CASE score WHEN lead_score('main@1', lead) THEN 'a' WHEN lead_score('main@3', lead) THEN 'c' END;
		END LOOP;
		RETURN seen;
	END $$;
	SELECT pg_temp.look();
	COMMIT}, %owner), 'aacaaaca', 'REPEATABLE READ: a promotion that was undone is not seen');

# ---- two trainings at once

my $hold = q{BEGIN; SELECT lead_retrain('main'); SELECT pg_sleep(1.5); COMMIT};
my $pid = $node->background($hold, %trainer);
$node->poll(q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted}, 't');
my ($ok, $text) = $node->psql(q{SELECT version FROM lead_retrain('main')}, %owner, options => '-c client_min_messages=notice');
like($text, qr/model "main" is being changed by another session: waiting/, 'the second training says that it waits');
like($text, qr/^6$/m, 'and makes the version after the first');
waitpid $pid, 0;
is($node->query(q{SELECT string_agg(version::text, ',' ORDER BY version) FROM leadscore.versions WHERE name = 'main'}, %owner),
	'1,2,3,4,5,6', 'none is lost or twice');
is($node->query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');

# ---- killed with -9 during a training, and during a promotion

my $state = $node->query($everything, %super);
my $slow = q{SELECT lead_train_model('slow', 'SELECT * FROM leads WHERE pg_sleep(0.01) IS NOT NULL', 'won', key => 'id')};
foreach my $what (q{SELECT lead_retrain('main')}, q{SELECT lead_promote('main', 2)}, $slow)
{
	my $background = $node->background("BEGIN; $what; SELECT pg_sleep(60); COMMIT", %owner);
	$node->poll(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()
		AND wait_event = 'PgSleep'}, 't');
	my $backend = $node->query(q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	kill 'KILL', $backend;
	waitpid $background, 0;
	sleep 1;
	$node->poll('SELECT 1', '1');
	is($node->query($everything, %super), $state, "killed during $what: nothing half-written");
	is($node->query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
}
is($node->query(q{SELECT version, status FROM lead_retrain('main')}, %owner), '7|finished', 'training goes on');

# cancelled in the middle: as if it had never begun
$state = $node->query($everything, %super);
my $cancelled = $node->background($slow, %owner);
$node->poll(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}, '1');
$node->query(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
waitpid $cancelled, 0;
isnt($?, 0, 'a training can be cancelled');
is($node->query($everything, %super), $state, 'and leaves nothing');

# ---- dropped and made again

$node->query('DROP EXTENSION leadscore CASCADE', %owner);
is($node->query(q{SELECT count(*) FROM pg_namespace WHERE nspname = 'leadscore'}, %owner), '0', 'DROP EXTENSION leaves nothing');
$node->query('CREATE EXTENSION leadscore', %owner);
is($node->query($train, %owner), '1|finished|t', 'made again, it trains');
is($node->query('SELECT count(*) FROM (SELECT lead_score($$main$$, l) FROM leads l) s', %owner), '2000', 'and scores');

# ---- in a schema of its own, which search_path does not name

$node->query('CREATE DATABASE elsewhere OWNER owner');
my %elsewhere = (database => 'elsewhere', user => 'owner');
$node->query('CREATE SCHEMA scoring; CREATE EXTENSION leadscore SCHEMA scoring', %elsewhere);
Leads::create($node, %elsewhere);
is($node->query(q{SELECT status, live FROM scoring.lead_train_model('main', 'leads', 'won', key => 'id', time_column => 'id')}, %elsewhere),
	'finished|t', 'in another schema: trains');
is($node->query(q{SELECT status, verdict FROM scoring.lead_retrain('main')}, %elsewhere), 'finished|good enough', 'trains again');
is($node->query(q{SELECT count(scoring.lead_score('main', l)), count(scoring.lead_summary('main@1')) FROM leads l}, %elsewhere),
	'2000|2000', 'scores');
is($node->query(q{SELECT count(*) FROM scoring.lead_validate('main') WHERE severity = 'error'}, %elsewhere), '0', 'validates');

done_testing();
