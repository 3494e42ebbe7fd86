# A watched model between roles, and through dump and restore.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;

my $node = Cluster->new('monitor');
$node->query("CREATE ROLE $_ LOGIN") foreach qw(owner trainer colleague reader stranger);
$node->query('CREATE DATABASE sales OWNER owner');
my %as = map { $_ => [database => 'sales', user => $_] } qw(owner trainer colleague reader stranger postgres);
$node->query('CREATE EXTENSION leadscore', @{$as{owner}});
$node->query(q{
	CREATE TABLE leads AS
	SELECT i AS id, (ARRAY['Pune','Delhi','Mumbai'])[1 + i * 7 % 3] AS city, i * 31 % 11 AS clicks, timestamptz '2024-01-01' + i * interval '1 hour' AS created,
		i * 31 % 11 + i * 7919 % 23 > 14 AS won
	FROM generate_series(1, 2000) AS i;
	GRANT SELECT ON leads TO trainer, colleague, reader;
	GRANT CREATE ON SCHEMA public TO trainer, colleague;
	SELECT lead_grant('trainer', 'trainer'), lead_grant('colleague', 'trainer'), lead_grant('reader', 'reader')}, @{$as{owner}});

# A trainer watches its own model, with rights that lead_grant() gave.
is($node->query(q{SELECT status, live FROM lead_train_model('m', 'leads', 'won', key => 'id', time_column => 'created')}, @{$as{trainer}}), 'finished|t', 'a trainer trains');
is($node->query(q{SELECT created_by FROM lead_watch('m', source => 'leads', period => '10 days', maturity => '2 days')}, @{$as{trainer}}), 'trainer', 'and says how its model is watched');
is($node->query(q{SELECT rows, labelled, errors FROM lead_monitor('m', until => '2024-03-20')}, @{$as{trainer}}), '240|240|0', 'looks at it');
is($node->query(q{SELECT lead_set_checks('m', '{"rows": 1, "score_drift": 0.5}'), lead_assert('m')}, @{$as{trainer}}), '2|', 'checks it');

# A reader sees what was found, and does nothing.
is($node->query(q{SELECT count(DISTINCT "column") FROM leadscore.monitor_latest}, @{$as{reader}}), 3, 'a reader plots');
is($node->query(q{SELECT count(*) FROM leadscore.monitor_quality}, @{$as{reader}}), 8, 'quality, too');
is($node->query(q{SELECT count(*) FILTER (WHERE passed) FROM lead_check('m')}, @{$as{reader}}), 2, 'checks');
is($node->error(q{SELECT lead_assert('m')}, @{$as{reader}}), '', 'and asserts');
like($node->error(q{SELECT lead_monitor('m')}, @{$as{reader}}), qr/permission denied|was written by role/, 'but looks not');
like($node->error(q{SELECT lead_set_checks('m', NULL)}, @{$as{reader}}), qr/permission denied/, 'sets no rules');
like($node->error(q{SELECT lead_watch('m')}, @{$as{reader}}), qr/permission denied|was written by role/, 'says nothing');
like($node->error(q{SELECT * FROM leadscore.monitor_run}, @{$as{stranger}}), qr/permission denied/, 'a stranger sees nothing');

# What another role wrote does not run with one's own rights.
like($node->error(q{SELECT lead_monitor('m')}, @{$as{colleague}}),
	qr/the recipe of model "m" was written by role "trainer"\nDETAIL:  It would run with the rights of role "colleague"\.\nHINT:  .*adopt => true/, q{another role's label is not run});
$node->query(q{SELECT lead_retrain('m', adopt => true)}, @{$as{colleague}});
like($node->error(q{SELECT lead_monitor('m', until => '2024-03-20')}, @{$as{colleague}}),
	qr/how model "m" is watched was written by role "trainer"\n.*\nHINT:  Call lead_watch\(\) yourself/, q{nor, once the recipe is adopted, another role's source});
is($node->query(q{SELECT rows FROM lead_monitor('m', source => 'leads', period => '10 days', until => '2024-03-20')}, @{$as{colleague}}), 240, 'one that is given is');
like($node->error(q{INSERT INTO leadscore.watches (name, source, scores, options, created_by) VALUES ('m', '(SELECT 1)', 'live', '{}', 'owner')}, @{$as{colleague}}),
	qr/permission denied/, 'who wrote it cannot be forged');
like($node->error(q{UPDATE leadscore.watches SET source = '(SELECT 1)'}, @{$as{colleague}}), qr/permission denied/, 'nor what another role wrote be changed');
is($node->query(q{SELECT created_by FROM lead_watch('m', source => 'leads', period => '20 days')}, @{$as{colleague}}), 'colleague', 'it can be said anew');
is($node->query(q{SELECT rows FROM lead_monitor('m', until => '2024-03-20')}, @{$as{colleague}}), 480, 'and counts');

# The lead table's rights are the caller's.
$node->query('REVOKE SELECT ON leads FROM colleague', @{$as{owner}});
is($node->query(q{SELECT rows IS NULL, errors, note FROM lead_monitor('m', until => '2024-03-20')}, @{$as{colleague}}), 't|1|the source cannot be read', 'what one may not read is not read');
like($node->query(q{SELECT detail FROM leadscore.monitor_finding}, @{$as{reader}}), qr/permission denied for table leads/, 'and that is found');
like($node->error(q{SELECT lead_assert('m'), lead_set_checks('m', NULL)}, @{$as{colleague}}), qr/^$/, 'rules that are not about it hold');
like($node->error(q{SELECT lead_assert('m')}, @{$as{colleague}}), qr/ERROR:  model "m" fails a check: source\nDETAIL:  source: .*permission denied for table leads/, 'the default ones do not');
like($node->error(q{CALL lead_run_job('m', 'monitor')}, @{$as{colleague}}), qr/ERROR:  .*permission denied for table leads/s, 'and the job fails');
is($node->query(q{SELECT status FROM leadscore.job_runs}, @{$as{colleague}}), 'failed', 'in the log');
is($node->query(q{SELECT count(*) FROM leadscore.monitor_run WHERE started_by = 'colleague'}, @{$as{reader}}), 4, 'with its look');

# Hostile functions and operators stand first in search_path.
$node->query(q{
	CREATE SCHEMA hostile;
	CREATE FUNCTION hostile.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hostile'; END $$;
	CREATE OPERATOR hostile.= (FUNCTION = hostile.boom, LEFTARG = text, RIGHTARG = text);
	CREATE FUNCTION hostile.boom(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hostile'; END $$;
	CREATE OPERATOR hostile.< (FUNCTION = hostile.boom, LEFTARG = timestamptz, RIGHTARG = timestamptz);
	CREATE OPERATOR hostile.>= (FUNCTION = hostile.boom, LEFTARG = timestamptz, RIGHTARG = timestamptz);
	CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hostile'; END $$;
	CREATE FUNCTION hostile.lead_score(bytea, record) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hostile'; END $$;
	CREATE TABLE hostile.leads AS SELECT * FROM public.leads LIMIT 10;
	GRANT USAGE ON SCHEMA hostile TO trainer;
	GRANT SELECT ON hostile.leads TO trainer}, @{$as{owner}});
is($node->query(q{SET search_path = hostile, pg_catalog, public;
	SELECT public.lead_train_model('h', 'public.leads', 'won', key => 'id', time_column => 'created');
	SELECT created_by FROM public.lead_watch('h', period => '10 days', maturity => '1 day', options => '{"drift_share": 0.9}');
	SELECT rows, errors FROM public.lead_monitor('h', until => '2024-03-20');
	SELECT pg_catalog.count(*) FROM public.lead_check('h');
	SELECT public.lead_assert('h');
	SELECT rows FROM public.lead_monitor('h', source => 'leads', until => '2024-01-11')}, @{$as{trainer}}) =~ s/^.*?\n//r,
	"trainer\n240|0\n10\n\n10", 'a hostile search_path names the source, and nothing else');

# Everything through a dump.
my %before = tables('sales');
my $file = $node->dir . '/sales.dump';
Cluster::run($node->program('pg_dump'), '-h', $node->dir, '-U', 'postgres', '-d', 'sales', '-Fc', '-f', $file);
$node->query('CREATE DATABASE again OWNER owner');
Cluster::run($node->program('pg_restore'), '-h', $node->dir, '-U', 'postgres', '-d', 'again', '--no-acl', '--exit-on-error', $file);
my %after = tables('again');
is($after{$_}, $before{$_}, "$_ is the same after dump and restore") foreach sort keys %before;
$node->query(q{SELECT lead_grant('trainer', 'trainer'); GRANT SELECT ON leads TO trainer}, database => 'again');
is($node->query(q{SELECT monitor_run_id > (SELECT max(monitor_run_id) FROM leadscore.monitor_run AS r WHERE r.ended_at < now()) FROM lead_monitor('h', until => '2024-03-30')},
	database => 'again', user => 'trainer'), 't', 'and its numbers go on');

sub tables
{
	my ($database) = @_;
	return map { $_ => $node->query("SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM leadscore.$_ AS t", database => $database) }
		qw(version_profiles watches monitor_run monitor_column monitor_metric monitor_finding check_rules);
}

done_testing();
