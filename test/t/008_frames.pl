# Kept frames hold data: who may see, keep and forget; a job that keeps them; a dump
# that brings them back, and goes on.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('frames');
$node->query("CREATE ROLE $_ LOGIN") foreach qw(owner reader trainer);
$node->query('CREATE DATABASE sales OWNER owner');
my %owner = (database => 'sales', user => 'owner');
my %reader = (database => 'sales', user => 'reader');
my %trainer = (database => 'sales', user => 'trainer');
$node->query('CREATE EXTENSION leadscore', %owner);
Leads::create($node, %owner);
$node->query(q{
	ALTER TABLE leads ADD created timestamptz;
	UPDATE leads SET created = now() - interval '60 days' + id * interval '43 minutes';
	GRANT SELECT ON leads TO reader, trainer;
	SELECT lead_grant('reader', 'reader'), lead_grant('trainer', 'trainer');
	SELECT lead_train_model('main', 'leads', 'won', key => 'id', time_column => 'created')}, %owner);

# ---- who may

is($node->query(q{SELECT count(*) > 30 FROM lead_keep_frames('main', maturity => '2 days')}, %trainer), 't', 'a trainer keeps frames by a recipe of the owner');
like($node->error('SELECT count(*) FROM leadscore.kept_frames', %reader), qr/permission denied for table kept_frames/, 'a reader does not see the frames');
is($node->query('SELECT period, maturity FROM leadscore.frame_keeping', %reader), 'day|2 days', 'only how they are kept');
like($node->error(q{SELECT lead_keep_frames('main')}, %reader), qr/permission denied for table (kept_frames|frame_keeping)/, 'or keep any');
like($node->error(q{SELECT lead_forget('main', 'SELECT * FROM leads WHERE id = 1')}, %reader), qr/permission denied for table/, 'or forget');
is($node->query(q{SELECT status FROM lead_retrain('main', frames_window => '1 year', gate => '{"promote": "always"}')}, %trainer), 'finished', 'and trains on them');
is($node->query(q{SELECT what, rows FROM lead_forget('main', 'SELECT * FROM leads WHERE id = 1')}, %trainer), 'frame|1', 'a trainer forgets');
is($node->query('SELECT forgotten_by, rows, frames FROM leadscore.forgettings', %reader), 'trainer|1|1', 'and all see that');
foreach my $who (\%trainer, \%owner)
{
	like($node->error($_, %$who), qr/permission denied for table forgettings/, "$who->{user}: not rewritten: $_")
		foreach 'DELETE FROM leadscore.forgettings', 'UPDATE leadscore.forgettings SET rows = 0';
}

# What a trainer wrote does not run with the owner's rights, whether it frames or forgets.
$node->query(q{CREATE TABLE secret (who text)}, %owner);
$node->query(q{CREATE SCHEMA spies AUTHORIZATION trainer}, database => 'sales');
$node->query(q{
	CREATE FUNCTION spies.spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
		IF current_user = 'owner' THEN INSERT INTO public.secret VALUES (current_user); END IF; RETURN true; END $$;
	SELECT lead_train_model('theirs', 'leads', 'won AND spies.spy()', features => '{city,clicks}', key => 'id', time_column => 'created', gate => '{"promote": "always"}');
	SELECT count(*) FROM lead_keep_frames('theirs', maturity => '1 day')}, %trainer);
like($node->error($_, %owner), qr/was written by role "trainer"/, "not run with the owner's rights: $_")
	foreach q{SELECT lead_keep_frames('theirs')}, q{SELECT lead_forget('theirs', 'SELECT * FROM leads WHERE id = 5')},
	q{SELECT lead_schedule('theirs', 'frames', '30 3 * * *')}, q{CALL lead_run_job('theirs', 'frames')};
# a recipe put in the place of another is no recipe of any run
$node->query(q{UPDATE leadscore.frame_keeping SET recipe = (SELECT recipe FROM leadscore.frame_keeping WHERE name = 'theirs') WHERE name = 'main'}, %trainer);
like($node->error(q{SELECT lead_forget('main', 'SELECT * FROM leads WHERE id = 5')}, %owner), qr/kept by another recipe/, 'nor by way of the choice how frames are kept');
like($node->query(q{SELECT count(*) FROM lead_keep_frames('main', again => '-infinity')}, %owner), qr/^[1-9]/, 'which the owner sets right again');
is($node->query('SELECT count(*) FROM secret', %owner), '0', 'none of it ran');

$node->query(q{DROP SCHEMA spies CASCADE}, database => 'sales');

# ---- a job

is($node->error(q{CALL lead_run_job('main', 'frames')}, %owner), '', 'a job keeps frames');
is($node->query(q{SELECT action, status, result FROM leadscore.job_runs WHERE name = 'main'}, %owner), 'frames|succeeded|0 frames kept, 0 labelled rows', 'none, for it is up to date');
$node->query(q{DELETE FROM leadscore.kept_frames WHERE name = 'main' AND starts >= (SELECT max(starts) FROM leadscore.kept_frames WHERE name = 'main')}, %owner);
is($node->error(q{CALL lead_run_job('main', 'frames')}, %owner), '', 'a day later');
like($node->query(q{SELECT result FROM leadscore.job_runs WHERE name = 'main' ORDER BY job_run_id DESC LIMIT 1}, %owner), qr/^1 frames kept, [1-9]\d* labelled rows$/, 'it keeps one');
$node->query(q{SELECT lead_train_model('fresh', 'leads', 'won', key => 'id', time_column => 'created')}, %owner);
like($node->error(q{CALL lead_run_job('fresh', 'frames')}, %owner), qr/how long does it take/, 'a job does not guess how long outcomes take');

# ---- dump and restore

my $frames = q{SELECT md5(string_agg(k::text, ',' ORDER BY name, starts)) FROM leadscore.kept_frames k};
my $choices = q{SELECT md5(string_agg(k::text, ',' ORDER BY name)) || (SELECT md5(string_agg(f::text, ',')) FROM leadscore.forgettings f) FROM leadscore.frame_keeping k};
my @before = ($node->query($frames, %owner), $node->query($choices, %owner));
my $file = $node->dir . '/sales.dump';
Cluster::run($node->program('pg_dump'), '-h', $node->dir, '-U', 'owner', '-d', 'sales', '-F', 'custom', '-f', $file);
$node->query('CREATE DATABASE restored OWNER owner');
Cluster::run($node->program('pg_restore'), '-h', $node->dir, '-U', 'owner', '-d', 'restored', $file);
my %restored = (database => 'restored', user => 'owner');
is($node->query($frames, %restored), $before[0], 'the frames come back from a dump');
is($node->query($choices, %restored), $before[1], 'and how they are kept, and what was forgotten');
is($node->query(q{SELECT count(*) FROM lead_keep_frames('main')}, %restored), '0', 'keeping goes on');
is($node->query(q{SELECT what, rows FROM lead_forget('main', 'SELECT * FROM leads WHERE id = 7')}, %restored), 'frame|1', 'so does forgetting');
is($node->query(q{SELECT status FROM lead_retrain('main', frames_window => '1 year')}, %restored), 'finished', 'and training');

done_testing();
