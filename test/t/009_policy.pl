# Policies: who may set them and see decisions, whose recipe they run, and a dump that
# brings them back, and goes on.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('policy');
$node->query("CREATE ROLE $_ LOGIN") foreach qw(owner reader trainer);
$node->query('CREATE DATABASE sales OWNER owner');
my %owner = (database => 'sales', user => 'owner');
my %reader = (database => 'sales', user => 'reader');
my %trainer = (database => 'sales', user => 'trainer');
$node->query('CREATE EXTENSION leadscore', %owner);
Leads::create($node, %owner);
$node->query(q{
	ALTER TABLE leads ADD created date;
	UPDATE leads SET created = date '2020-01-01' + id / 10;
	GRANT SELECT ON leads TO reader, trainer;
	SELECT lead_grant('reader', 'reader'), lead_grant('trainer', 'trainer');
	SELECT lead_train_model('main', 'leads', 'won', features => '{city,clicks}', key => 'id', time_column => 'created');
	INSERT INTO leads SELECT id + 10000, city, clicks, visits, NOT won AND id % 2 = 0, created + 300 FROM leads}, %owner);

# ---- who may

is($node->query(q{SELECT lead_set_policy('main', '{"new_outcomes": 1000, "combine": "all"}')}, %trainer), '{"combine": "all", "new_outcomes": 1000}',
	'a trainer sets a policy');
is($node->query(q{SELECT policy->>'new_outcomes', created_by FROM leadscore.policies}, %reader), '1000|trainer', 'a reader sees it');
like($node->error(q{SELECT lead_set_policy('main', NULL)}, %reader), qr/permission denied for table policies/, 'but sets none');
like($node->error(q{SELECT lead_retrain_if_needed('main')}, %reader), qr/permission denied for table/, 'and decides nothing');
# a policy holds numbers only: whoever wrote it, the recipe is what is run
is($node->query(q{SELECT decision IN ('retrained', 'kept'), step FROM lead_retrain_if_needed('main')}, %owner), 't|full', 'the owner decides by it');
is($node->query(q{SELECT decided_by, step FROM leadscore.decisions}, %reader), 'owner|full', 'and all see that');
foreach my $who (\%trainer, \%owner)
{
	like($node->error($_, %$who), qr/permission denied for table decisions/, "$who->{user}: not rewritten: $_")
		foreach 'DELETE FROM leadscore.decisions', 'UPDATE leadscore.decisions SET reasons = NULL';
}

# What a trainer wrote does not run with the owner's rights.
$node->query(q{CREATE TABLE secret (who text)}, %owner);
$node->query(q{CREATE SCHEMA spies AUTHORIZATION trainer}, database => 'sales');
$node->query(q{
	CREATE FUNCTION spies.spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
		IF current_user = 'owner' THEN INSERT INTO public.secret VALUES (current_user); END IF; RETURN true; END $$;
	SELECT lead_train_model('theirs', 'SELECT * FROM leads WHERE spies.spy()', 'won', features => '{city,clicks}', key => 'id', gate => '{"promote": "always"}');
	SELECT lead_set_policy('theirs', '{"new_outcomes": 1}')}, %trainer);
like($node->error($_, %owner), qr/was written by role "trainer"/, "not run with the owner's rights: $_")
	foreach q{SELECT lead_retrain_if_needed('theirs')}, q{SELECT lead_schedule('theirs', 'auto', '30 3 * * *')}, q{CALL lead_run_job('theirs', 'auto')};
is($node->query('SELECT count(*) FROM secret', %owner), '0', 'none of it ran');
is($node->query(q{SELECT decision FROM lead_retrain_if_needed('theirs')}, %trainer), 'kept', 'the trainer runs it');
$node->query(q{DROP SCHEMA spies CASCADE}, database => 'sales');

# ---- a dump

my $all = q{SELECT md5(string_agg(r::text, E'\n' ORDER BY r::text)) FROM (SELECT to_jsonb(p) AS r FROM leadscore.policies AS p
	UNION ALL SELECT to_jsonb(d) FROM leadscore.decisions AS d) AS q};
my $before = $node->query($all, database => 'sales');
my $file = $node->dir . '/sales.dump';
my @to = ('-h', $node->dir, '-U', 'owner');
Cluster::run($node->program('pg_dump'), @to, '-d', 'sales', '-F', 'custom', '-f', $file);
$node->query('CREATE DATABASE restored OWNER owner');
Cluster::run($node->program('pg_restore'), @to, '-d', 'restored', $file);
is($node->query($all, database => 'restored'), $before, 'policies and decisions come back from a dump');
is($node->query(q{SELECT decision_id > (SELECT max(decision_id) FROM leadscore.decisions) AS next, decision FROM lead_retrain_if_needed('main')},
	database => 'restored', user => 'owner'), 't|kept', 'and it goes on there');

done_testing();
