# On a hot standby, read-only, scores are those of the primary.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $primary = Cluster->new('primary');
$primary->query('CREATE EXTENSION leadscore');
Leads::create($primary);
Leads::create_models($primary);
my $replica = $primary->replica('replica');

ok($primary->catch_up($replica), 'the replica has caught up');
is($replica->query('SELECT pg_is_in_recovery()'), 't', 'it is a standby');
is(Leads::fingerprint($replica), Leads::fingerprint($primary), 'the same model, frame and scores');
is($replica->query(q{SELECT md5(lead_train(won, l, '{"exclude": ["id"]}')) FROM leads l}),
	$primary->query('SELECT md5(model) FROM models'), 'a standby can train, with the same result');
like($replica->error('CREATE TABLE scores AS SELECT lead_score(model, l) FROM models, leads l'),
	qr/read-only transaction/, 'and cannot write');

# A new model arrives while the standby is in use.
$primary->query(q{UPDATE models SET model =
	(SELECT lead_train(won, l, '{"exclude": ["id", "city"]}') FROM leads l)});
ok($primary->catch_up($replica), 'a new model has arrived');
is(Leads::fingerprint($replica), Leads::fingerprint($primary), 'and scores the same on both');

done_testing();
