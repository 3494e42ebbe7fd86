# Forests grow in parallel workers where there are any, to the same bytes.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Time::HiRes qw(time);
use Cluster;

# at debug1 the server's log has a line for every worker that begins
my $node = Cluster->new('workers', "log_min_messages = debug1\nmax_worker_processes = 6\n");
$node->query('CREATE EXTENSION leadscore');
$node->query(q{
	CREATE TABLE leads AS
	SELECT i AS id, 'l' || i * 7919 % 211 AS a, 'm' || i * 104729 % 17 AS b, i * 15485863 % 10007 AS x,
		CASE WHEN i % 11 > 0 THEN i * 32452843 % 4099 / 7.0::float8 END AS y, (i % 3 + 1)::float8 AS weight,
		i * 15485863 % 10007 + i * 49979687 % 9001 < 8000 AS won
	FROM generate_series(1, 60000::bigint) AS i;
	CREATE TABLE framed AS
	SELECT lead_frame(won, l, '{"exclude": ["id"], "weight": "weight"}') AS frame FROM leads AS l;
	ANALYZE});
my $forest = q('{"family": "forest", "trees": 30, "depth": 8, "class_weight": "balanced"}');
my $fit = "SELECT md5(lead_fit(frame, $forest)) FROM framed";

sub begun
{
	my @lines = Cluster::slurp($node->log) =~ /starting background worker process "parallel worker/g;
	return scalar @lines;
}

# The answer of a query with so many workers, and how many began.
sub with_workers
{
	my ($workers, $query) = @_;
	my $before = begun();
	my $answer = $node->query("SET max_parallel_workers_per_gather = $workers; $query");
	return ($answer, begun() - $before);
}

my ($alone, $none) = with_workers(0, $fit);
is($none, 0, 'no worker where none is allowed');
foreach my $workers (1, 2, 4)
{
	my ($md5, $began) = with_workers($workers, $fit);
	is($began, $workers, "$workers began");
	is($md5, $alone, "the forest of $workers workers is that of one process, to the byte");
}
my ($few, $began) = with_workers(2, "SET leadscore.tree_mem = '12MB'; $fit");
cmp_ok($began, '<', 2, "no more workers than there is memory for ($began)");
is($few, $alone, 'the same bytes with them');
(undef, $began) = with_workers(2, q{SELECT lead_fit(lead_frame(won, l), '{"family": "forest", "trees": 5}') IS NULL
	FROM (SELECT x % 10 AS x, won FROM leads LIMIT 500) AS l});
is($began, 0, 'a small forest asks for none');

# Where the query has workers of its own, for the frame or for the fit.
my $gather = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0';
my $train = "SELECT md5(lead_train(won, l, '{\"exclude\": [\"id\"], \"weight\": \"weight\"}'::jsonb || $forest)) FROM leads AS l";
like($node->query("$gather; EXPLAIN (COSTS off) $train"), qr/Partial Aggregate/, 'rows are read in parallel');
my ($trained, $both) = with_workers(2, "$gather; $train");
is($both, 4, 'and so the forest has workers after those');
is($trained, (with_workers(0, $train))[0], 'the model is the same');
my $debug = $node->query('SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
my ($inside, $one) = with_workers(2, "SET $debug = on; $fit");
is($one, 1, 'a worker that fits a forest has no workers');
is($inside, $alone, 'and grows the same');
is((with_workers(2, "BEGIN; CREATE TEMP TABLE made (x int); INSERT INTO made VALUES (1); $fit; "
		. 'INSERT INTO made SELECT 2; COMMIT'))[0], $alone, 'in a transaction that writes before and after');

# Cancelled, or a worker killed: an error, and nothing is left behind.
my $long = q{SELECT length(lead_fit(frame, '{"family": "forest", "trees": 5000, "depth": 8}')) FROM framed};
my $running = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'};
my $start = time;
like($node->error("SET statement_timeout = 1500; $long"), qr/canceling statement due to statement timeout/, 'cancelled');
cmp_ok(time - $start - 1.5, '<', 1, 'at once');
is($node->query($running), 0, 'its workers are gone');
my $kept = q{DO $$ BEGIN
	PERFORM lead_fit(frame, '{"family": "forest", "trees": 5000, "depth": 8}') FROM framed;
EXCEPTION WHEN query_canceled THEN NULL; END $$};
is($node->query("SET statement_timeout = 500; $kept; $kept; SET statement_timeout = 0; $fit"), $alone,
	'caught twice, and the session grows another');

my $client = $node->background("$long; SELECT 1");
ok($node->poll("SELECT count(*) >= 1 FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND query LIKE '%lead_fit%'", 't'),
	'a worker shows the query it works for');
$node->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1});
waitpid $client, 0;
isnt($?, 0, 'a worker that is ended ends the training');
ok($node->poll($running, 0), 'the other workers go as well');
like(Cluster::slurp($node->log), qr/ERROR:.*\n(?:.*\n)*?.*STATEMENT:\s+SELECT length\(lead_fit\(frame, '\{"family": "forest", "trees": 5000, "depth": 8/,
	'with an error in the log');
is($node->query($fit), $alone, 'and the server goes on');

done_testing();
