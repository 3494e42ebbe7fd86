# CREATE EXTENSION: where, by whom, how often.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;

my $node = Cluster->new('install');

$node->query('CREATE DATABASE plain');
is($node->error('CREATE EXTENSION leadscore', database => 'plain'), '', 'creates in public');
is($node->query(q{SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
	WHERE extname = 'leadscore'}, database => 'plain'), 'public', 'and lives there');
is($node->error('DROP EXTENSION leadscore', database => 'plain'), '', 'drops');
is($node->query(q{SELECT count(*) FROM pg_proc WHERE proname LIKE 'lead\_%'}, database => 'plain'),
	0, 'and leaves no function behind');

$node->query('CREATE ROLE analyst LOGIN');
$node->query('CREATE DATABASE theirs');
like($node->error('CREATE EXTENSION leadscore', database => 'theirs', user => 'analyst'),
	qr/permission denied/, 'a role without CREATE on the database may not');
$node->query('GRANT CREATE ON DATABASE theirs TO analyst');
$node->query('CREATE SCHEMA scoring AUTHORIZATION analyst', database => 'theirs');
is($node->error('CREATE EXTENSION leadscore SCHEMA scoring', database => 'theirs', user => 'analyst'),
	'', 'with CREATE on the database a role that is no superuser may: trusted');
is($node->query(q{SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
	WHERE proname LIKE 'lead\_%' AND nspname <> 'scoring'}, database => 'theirs'),
	0, 'every function is in the schema that was asked for');

done_testing();
