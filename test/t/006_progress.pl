# A long training tells what it is doing, to the client and in pg_stat_activity.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;

my $node = Cluster->new('progress');
$node->query('CREATE EXTENSION leadscore');

# Rows that come slowly: half a second a thousand.
my $rows = q{(SELECT i % 7 AS a, i % 11 AS b, (i * 31 + i / 3) % 5 < 2 AS won, pg_sleep(0.0005)::text AS c
	FROM generate_series(1, 8000) i) s};
my $training = qq{SELECT length(lead_train(won, s, '{"exclude": ["c"]}')) FROM $rows};

my $pid = fork;
die "fork: $!" if !defined $pid;
if ($pid == 0)
{
	open STDOUT, '>', $node->dir . '/out' or die $!;
	open STDERR, '>&', \*STDOUT;
	exec $node->program('psql'), '-XAt', '-h', $node->dir, '-U', 'postgres', '-c', 'SET leadscore.progress = on',
		'-c', $training, 'postgres';
}
my $seen = '';
for (1 .. 60)
{
	select undef, undef, undef, 0.25;
	$seen = $node->query("SELECT query FROM pg_stat_activity WHERE query LIKE '/* leadscore:%'");
	last if $seen;
}
waitpid $pid, 0;
is($?, 0, 'the training went through');
like($seen, qr{^/\* leadscore: reading rows, [\d,]+ rows \*/ SELECT length\(lead_train}, 'pg_stat_activity shows it');
open my $out, '<', $node->dir . '/out' or die $!;
my $said = do { local $/; <$out> };
my @notices = $said =~ /^NOTICE:  reading rows, ([\d,]+) rows$/mg;
cmp_ok(scalar @notices, '>=', 2, 'a notice every two seconds or so');
my @counts = map { s/,//gr } @notices;
ok((!grep { $counts[$_] <= $counts[ $_ - 1 ] } 1 .. $#counts), 'each with more rows than the one before');
cmp_ok($counts[-1], '<=', 8000, 'and not more than there are');

# A cross-validation tells the fold, and nothing after it does, though it was stopped.
$node->query(q{CREATE TABLE framed AS SELECT lead_frame(won, r) AS f
	FROM (SELECT i % 997 AS a, i * 31 % 1009 AS b, i * 7919 % 5 < 2 AS won FROM generate_series(1, 50000) i) s,
		LATERAL (SELECT a, b) r});
my $long = q('{"family": "boost", "trees": 10000}');
my $psql = join ' ', $node->program('psql'), '-XAt', '-h', $node->dir, '-U', 'postgres', 'postgres';
open my $session, '>', $node->dir . '/session' or die $!;
print $session "SET leadscore.progress = on; SET statement_timeout = '4s';
	SELECT count(*) FROM framed, lead_cv(f, $long);
	\\echo then
	SELECT length(lead_fit(f, $long)) FROM framed;\n";
close $session;
my ($folds, $then) = split /^then$/m, `$psql -f @{[$node->dir]}/session 2>&1`;
like($folds, qr/NOTICE:  fold 1 of 5: growing trees, iteration \d+/, 'a cross-validation tells the fold');
like($then, qr/NOTICE:  growing trees, iteration \d+/, 'a fit after it does not');

# A tuning tells the trial and the best so far, and nothing after it does.
open $session, '>', $node->dir . '/session' or die $!;
print $session "SET leadscore.progress = on; SET statement_timeout = '9s';
	SELECT count(*) FROM framed, lead_tune(f, '{\"trees\": [1, 10000]}', '{\"family\": \"boost\"}', folds => 2);
	\\echo then
	SELECT length(lead_fit(f, $long)) FROM framed;\n";
close $session;
(my $trials, $then) = split /^then$/m, `$psql -f @{[$node->dir]}/session 2>&1`;
like($trials, qr/NOTICE:  trial 2 of 2 \(best so far: log_loss 0\.\d{4}\): fold 1 of 2: growing trees, iteration \d+/, 'a tuning tells the trial');
like($then, qr/NOTICE:  growing trees, iteration \d+/, 'a fit after it does not');

done_testing();
