# A model is a value in a table: it outlives a restart and a crash, bit for bit.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('restart');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::create_models($node);
my $before = Leads::fingerprint($node);
like($before, qr/^[0-9a-f]{32}\|[0-9a-f]{32}\|[0-9a-f]{32}\|[0-9a-f]{32}$/, 'a model, a frame, scores');

$node->restart;
is(Leads::fingerprint($node), $before, 'the same after a restart');

$node->query('CHECKPOINT');
$node->query('UPDATE models SET model = model, frame = frame');
$node->restart('immediate');
is(Leads::fingerprint($node), $before, 'the same after an immediate shutdown');

# A backend is killed in the middle of a training: all restart, nothing is lost.
my $pid = $node->background(q{
	SELECT lead_train(l.won, l, '{"exclude": ["id"]}')
	FROM leads l, generate_series(1, 200000)});
ok($node->poll(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%lead_train(l.won%'
	AND state = 'active' AND pid <> pg_backend_pid()}, 1), 'a training is under way');
my $backend = $node->query(q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%lead_train(l.won%'
	AND state = 'active' AND pid <> pg_backend_pid()});
kill 'KILL', $backend;
waitpid $pid, 0;
isnt($?, 0, 'kill -9 ends it');
ok($node->poll('SELECT pg_is_in_recovery()', 'f'), 'the server comes back');
is(Leads::fingerprint($node), $before, 'the same after kill -9 of a backend');

$node->query('DELETE FROM models');
$node->query(q{INSERT INTO models
	SELECT lead_train(won, l, '{"exclude": ["id"]}'), lead_frame(won, l, '{"exclude": ["id"]}') FROM leads l});
is(Leads::fingerprint($node), $before, 'a second training of the same rows gives the same bytes');

done_testing();
