# The most memory that a session ever had: what is bounded stays so whatever the rows.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;

plan skip_all => 'no /proc here' if !-r '/proc/self/status';

my $node = Cluster->new('memory');
$node->query('CREATE EXTENSION leadscore');

# In MB, of a session that runs this query and no other.
sub peak
{
	my ($query) = @_;
	my $said = $node->query("SET max_parallel_workers_per_gather = 0; SET maintenance_work_mem = '64MB'; $query; "
			. q{SELECT regexp_replace(pg_read_file('/proc/self/status'), '.*VmHWM:\s+(\d+) kB.*', 'peak \1')});
	die $said if $said !~ /peak (\d+)/;
	return $1 / 1024;
}

my $nothing = peak('SELECT lead_frame(true, l) FROM (SELECT 1 AS a) l');

# Rows that are all different at first, so that nobody looks for equal ones, and
# then all the same: as many of them as fit into memory have one hash.
my $rows = q{(SELECT CASE WHEN i <= 70000 THEN i ELSE 0 END AS a, i % 3 = 0 AS won
	FROM (SELECT generate_series(1, 4000000) AS i) s) l};
my $took = peak("SELECT length(lead_frame(won, l)::text) FROM $rows") - $nothing;
cmp_ok($took, '<', 160, sprintf 'equal rows late: %.0f MB', $took);

# The same large frame again and again: what it brought goes with its rows.
my $frame = q{(SELECT lead_frame(won, l) AS f
	FROM (SELECT 'a' || i AS a, i % 3 = 0 AS won FROM (SELECT generate_series(1, 70000) AS i) s) l) f};
$took = peak("SET leadscore.work_mem = '1MB'; SELECT count(u) FROM "
		. "(SELECT lead_frame(f) AS u FROM $frame, generate_series(1, 300)) s") - $nothing;
cmp_ok($took, '<', 75, sprintf 'large frames united: %.0f MB', $took);

# Many small groups: what they have in common is there once.
my $names = join ', ', map { qq("c$_") } 1 .. 37;
my $values = join ', ', q('a' || i % 3), q('b' || i % 5), map { "(i + $_) % 3" } 3 .. 37;
$took = peak("SET work_mem = '1GB'; SET enable_sort = off; SELECT count(f) FROM "
		. "(SELECT lead_frame_columns(i % 2 = 0, '{\"names\": [$names]}', $values) AS f "
		. 'FROM (SELECT generate_series(1, 25000) AS i) s GROUP BY i % 5000) g') - $nothing;
cmp_ok($took, '<', 5000 * 0.022, sprintf 'groups of 5 rows and 37 columns: %.1f kB each', $took / 5);

# Trees keep all rows in memory, and no more than their check says.
my $wide = q{(SELECT f FROM (SELECT lead_frame(i * 7919 % 1009 < 300, r) AS f
	FROM generate_series(1, 400000::bigint) i, LATERAL (SELECT i % 997 AS a, i * 31 % 9973 AS b, i * 7919 % 89 AS c) r) f) f};
my $without = peak("SELECT count(f) FROM $wide");
foreach my $family ('boost', 'forest')
{
	my $options = qq('{"family": "$family", "trees": 3}');
	my $error = $node->error("SET leadscore.tree_mem = '1MB'; SELECT length(lead_fit(f, $options)) FROM $wide");
	my ($said) = $error =~ /needs (\d+) MB of memory/;
	$took = peak("SELECT length(lead_fit(f, $options)) FROM $wide") - $without;
	cmp_ok($took, '<', $said + 25, sprintf "$family: %.0f MB, of which it said %d", $took, $said);
}

done_testing();
