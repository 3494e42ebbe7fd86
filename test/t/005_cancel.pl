# Long work is stopped at once, and leaves neither memory nor files.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Time::HiRes qw(time);
use Cluster;
use Leads;

my $node = Cluster->new('cancel');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);

# Many rows that are all different, many levels: a frame and a fit of seconds.
$node->query(q{
	CREATE TABLE wide AS
	SELECT i AS id, i * 7919 % 2003 % 400 AS a, 'l' || i * 104729 % 599 AS b, 'l' || i * 1299709 % 401 AS c,
		i * 15485863 % 1000003 / 1000.0::float8 AS x, i * 32452843 % 1000033 / 1000.0::float8 AS y,
		i * 49979687 % 7 < 3 AS won
	FROM generate_series(1, 300000::bigint) AS i;
	ANALYZE wide});
my $options = q('{"exclude": ["id"], "max_levels": 1000, "min_count": 1}');
my $training = "SELECT length(lead_train(won, w, $options)) FROM wide w";

# How long it takes at all, so that a stop can be seen to come before the end: the
# shortest of three, because a loaded machine only ever makes it longer.
my ($start, $whole);
foreach (1 .. 3)
{
	$start = time;
	$node->query($training);
	my $took = time - $start;
	$whole = $took if !defined $whole || $took < $whole;
}
note sprintf 'the whole training takes %.1f s', $whole;

foreach my $part (0.05, 0.25, 0.5)
{
	my $ms = int(1000 * $whole * $part);
	$start = time;
	my $error = $node->error("SET statement_timeout = $ms; $training");
	my $late = time - $start - $ms / 1000;
	like($error, qr/canceling statement due to statement timeout/, "stopped after $ms ms");
	cmp_ok($late, '<', 2, sprintf 'and not later than that (%.2f s)', $late);
}

# Some 3,000 design columns: what takes the time are matrices, not rows.
$node->query(q{
	CREATE TABLE levels AS
	SELECT lead_frame(won, l) AS frame
	FROM (SELECT 'a' || i * 7919 % 1000 AS a, 'b' || i * 104729 % 997 AS b, 'c' || i * 1299709 % 1009 AS c,
			i * 49979687 % 7 < 3 AS won
		FROM generate_series(1, 50000::bigint) AS i) l});
foreach my $ms (200, 700, 1500)
{
	$start = time;
	my $error = $node->error("SET statement_timeout = $ms;
		SELECT length(lead_fit(frame, '{\"max_levels\": 1000, \"min_count\": 1}')) FROM levels");
	my $late = time - $start - $ms / 1000;
	like($error, qr/canceling statement due to statement timeout/, "a fit of many columns stopped after $ms ms");
	cmp_ok($late, '<', 0.5, sprintf 'and not later than that (%.2f s)', $late);
}

# Profiles: rows that are counted, with scores and without, and many that are united.
$node->query(q{
	CREATE TABLE watched AS SELECT lead_train(won, w, '{"exclude": ["id"], "max_levels": 1000, "min_count": 1}') AS model FROM wide w;
	CREATE TABLE framed AS SELECT lead_frame(won, w) AS frame FROM wide w;
	CREATE TABLE profiles AS SELECT lead_profile(w) AS profile FROM wide w GROUP BY id % 300});
my %profiling = (
	'a profile' => 'SELECT lead_profile(w) IS NULL FROM wide w, generate_series(1, 20)',
	'a profile by columns' => q{SELECT lead_profile_columns('{"names": ["a", "b", "x"]}', a, b, x) IS NULL FROM wide, generate_series(1, 50)},
	'a profile with a model' => 'SELECT lead_profile((SELECT model FROM watched), w) IS NULL FROM wide w, generate_series(1, 20)',
	'the profile of a frame' => 'SELECT lead_profile(frame) IS NULL FROM framed, generate_series(1, 50)',
	'a union of profiles' => 'SELECT lead_profile(profile) IS NULL FROM profiles, generate_series(1, 100)');
sub stopped
{
	my ($what, $ms, $query) = @_;
	my $begun = time;
	my $error = $node->error("SET max_parallel_workers_per_gather = 0; SET statement_timeout = $ms; $query");
	my $late = time - $begun - $ms / 1000;
	like($error, qr/canceling statement due to statement timeout/, "$what is stopped");
	cmp_ok($late, '<', 0.5, sprintf 'and not later than that (%.2f s)', $late);
}
stopped($_, 300, $profiling{$_}) foreach sort keys %profiling;

# Trees: growing them, out of the bag, shuffled, explained.
$node->query(q{
	CREATE TABLE grown AS
	SELECT lead_fit(frame, '{"family": "forest", "trees": 10, "depth": 10, "exclude": ["id"]}') AS model FROM framed});
my %growing = (
	'boosting' => q{SELECT length(lead_fit(frame, '{"family": "boost", "trees": 5000, "exclude": ["id"]}')) FROM framed},
	'a forest' => q{SELECT length(lead_fit(frame, '{"family": "forest", "trees": 2000, "depth": 8, "exclude": ["id"]}')) FROM framed},
	'cross-validation' => q{SELECT count(*) FROM framed, lead_cv(frame, '{"family": "boost", "trees": 1000, "exclude": ["id"]}')},
	'the making of folds' => q{SELECT count(*) FROM framed, lead_cv(frame, '{"exclude": ["id", "b", "c", "x", "y"]}', 1000)},
	'tuning' => q{SELECT count(*) FROM framed, lead_tune(frame, '{"rate": [0.1, 0.2, 0.3]}', '{"family": "boost", "trees": 1000, "exclude": ["id"]}')},
	'a path of penalties' => q{SELECT count(*) FROM framed, lead_tune(frame, '{"lambda": {"max": "auto", "n": 200}}', '{"alpha": 1, "max_levels": 1000, "min_count": 1, "exclude": ["id"]}')},
	'importance' => 'SELECT count(*) FROM grown, framed, generate_series(1, 50) AS seed, lead_importance(model, frame, 300000, seed)',
	'explanations' => 'SELECT count(*) FROM grown, wide w, lead_explain(model, w)');
stopped($_, 1500, $growing{$_}) foreach sort keys %growing;

# One session, stopped again and again: its memory does not grow.
SKIP:
{
	skip 'no pg_log_backend_memory_contexts or /proc here', 1 if !-r '/proc/self/statm';
	my $ms = int(500 * $whole);
	my $once = "DO \$\$ BEGIN PERFORM lead_train(won, w, $options) FROM wide w; "
		. "EXCEPTION WHEN query_canceled THEN NULL; END \$\$";
	my $memory = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
	my $result = $node->query("SET statement_timeout = $ms; $once; $memory; "
			. join('', map { "$once; " } 1 .. 4) . "$memory");
	my ($first, $last) = $result =~ /(\d+)/g;
	cmp_ok($last - $first, '<', 1_000_000, "memory after one and after five stops: $first, $last");
}

is($node->query(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, 'no temporary file is left');
is($node->query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}), 0,
	'no worker is left');
is($node->query(q{SELECT length(lead_train(won, l, '{"exclude": ["id"]}')) > 0 FROM leads l}), 't',
	'and the server goes on');

done_testing();
