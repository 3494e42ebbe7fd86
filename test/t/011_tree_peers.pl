# Trees rank leads as well as those of XGBoost and scikit-learn, at the same settings.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;

plan skip_all => '../shared/data is not here' if !-r '../shared/data/codepro/model_input.csv.gz';
plan skip_all => 'python3-xgboost or python3-sklearn is not here'
	if system(q{/usr/bin/python3 -c 'import xgboost, sklearn, numpy' 2>/dev/null}) != 0;

my $node = Cluster->new('peers');
$node->query('CREATE EXTENSION leadscore');
local $ENV{PGHOST} = $node->dir;
local $ENV{PGUSER} = 'postgres';
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PATH} = $node->program('') . ":$ENV{PATH}";
my @said = `/usr/bin/python3 test/bench/tree_peers.py 2 'CodePro, six columns' 2>&1`;
note $_ foreach map { s/\n//r } @said;
foreach my $family (qw(boost forest))
{
	my ($mean) = map { /mean\s+$family\s+([-+][\d.]+)/ ? $1 : () } @said;
	ok(defined $mean, "$family was compared") or next;
	cmp_ok($mean, '>=', -0.002, "AUC of $family, out of fold, mean of two seeds: $mean beside the peer");
}
is($? >> 8, 0, 'and nothing else failed');

done_testing();
