# Dump and restore, COPY in both formats: identical bytes, identical scores.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('dump');
my @to = ('-h', $node->dir, '-U', 'postgres');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::create_models($node);
my $before = Leads::fingerprint($node);

foreach my $format ('custom', 'plain')
{
	my $file = $node->dir . "/$format.dump";
	my $database = "from_$format";
	Cluster::run($node->program('pg_dump'), @to, '-d', 'postgres', '-F', $format, '-f', $file);
	$node->query("CREATE DATABASE $database");
	Cluster::run($format eq 'custom'
		? ($node->program('pg_restore'), @to, '-d', $database, '--exit-on-error', $file)
		: ($node->program('psql'), @to, '-d', $database, '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file));
	is(Leads::fingerprint($node, database => $database), $before, "the same after pg_dump -F $format");
}

foreach my $format ('text', 'binary', 'csv')
{
	my $file = $node->dir . "/models.$format";
	$node->query("COPY models TO '$file' WITH (FORMAT $format)");
	$node->query('TRUNCATE models');
	$node->query("COPY models FROM '$file' WITH (FORMAT $format)");
	is(Leads::fingerprint($node), $before, "the same after COPY, format $format");
}

# In the second half of a file one byte of the frame is changed: refused.
$node->query(q{CREATE TABLE forged AS SELECT frame::text AS frame FROM models});
like($node->error(q{SELECT overlay(frame PLACING translate(substr(frame, length(frame) / 2, 1),
		'0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ', '123456789abcdef0BCDEFGHIJKLMNOPQRSTUVWXYZA')
		FROM length(frame) / 2)::leadframe FROM forged}),
	qr/ERROR:.*leadframe/i, 'a frame with one character changed is refused');

done_testing();
