# The decision log of leadscore serve when the table does not take what comes.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;
use Service;

plan skip_all => 'the program was built without serve' if !Service->available;

my $node = Cluster->new('decisions');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
$node->query(q{CREATE TABLE kept (decided_at timestamptz, who text, remote text, key varchar(20) CHECK (key <> 'forbidden'),
	model text, version int, score float8, grade text)});
my $service = Service->new($node, options => [ '--decision-log', 'kept' ]);
my $good = '{"city": "Pune", "clicks": 3, "visits": 1.5}';
sub score { my ($key) = @_; return $service->post("/v1/models/sales/score?key=$key", $good)->{status}; }
sub metric { my ($name) = @_; my ($n) = $service->get('/metrics')->{text} =~ /^leadscore_$name (\d+)$/m; return $n; }

# ---- rows that the table refuses, among others ----

my @keys = map { $_ % 7 == 3 ? 'x' x 40 : $_ == 20 ? 'forbidden' : "lead$_" } 1 .. 40;
is(join(' ', grep { $_ != 200 } map { score($_) } @keys), '', 'a key that the table does not take is no matter of the answer');
ok($node->poll('SELECT count(*) FROM kept', '33'), 'the other rows are written')
	or diag $node->query('SELECT count(*) FROM kept');
is($node->query(q{SELECT count(*) FROM kept WHERE key !~ '^lead\d+$'}), '0', 'those only');
is(metric('decisions_dropped_total'), 7, 'the refused are counted');
is(metric('decisions_waiting'), 0, 'nothing is held up behind them');
like($service->log, qr/"event":"decisions_not_written".*too long/, 'and told');
unlike($service->log, qr/x{40}(?!.*"path")|Failing row/, 'without what was in them');

# ---- a lock that is held for longer than is waited for ----

my $pid = fork // die;
if ($pid == 0)
{
	$node->query('BEGIN; LOCK TABLE kept; SELECT pg_sleep(12); COMMIT');
	POSIX::_exit(0);
}
ok($node->poll(q{SELECT count(*) FROM pg_locks WHERE relation = 'kept'::regclass AND mode = 'AccessExclusiveLock' AND granted}, '1'), 'locked');
is(score('late'), 200, 'no answer waits for the table');
waitpid $pid, 0;
ok($node->poll(q{SELECT count(*) > 0 FROM kept WHERE key = 'late'}, 't'), 'the row is written in the end');
is($service->stop('TERM'), 0, 'stopped');
is($node->query(q{SELECT count(*) FROM kept WHERE key = 'late'}), '1', 'and once');

done_testing();
