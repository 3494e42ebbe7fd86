# The program on real files: loaded, trained on, scored.
use strict;
use warnings;
use lib 'test/t/lib';
use File::Temp ();
use JSON::PP ();
use Test::More;
use Client;
Client->skip_unless_built;
my $data = $ENV{LEADSCORE_DATA} || '../shared/data';
plan skip_all => "no real data in $data" if !-r "$data/codepro/leadscoring.csv.gz" || !-r "$data/campaign/campaign_data.csv.gz";
use Cluster;

my $node = Cluster->new('real');
my $dir = File::Temp->newdir('real_XXXX', TMPDIR => 1);
$node->query('CREATE EXTENSION leadscore');

# rows as the data's README counts them
foreach my $file ([ 'campaign/campaign_data', 100_000, 'IsSuccessful integer' ], [ 'codepro/leadscoring', 24_991, 'created_date timestamp' ],
	[ 'codepro/leadscoring_inference', 24_991, 'lead_id integer' ], [ 'olist_funnel/closed_deals', 842, 'won_date timestamp' ],
	[ 'olist_funnel/marketing_qualified_leads', 8000, 'first_contact_date date' ])
{
	my ($name, $rows, $column) = @$file;
	my $table = $name =~ s{.*/}{}r;
	my $run = Client::run($node, 'load', "$data/$name.csv.gz", $table, '--json');
	is($run->{code}, 0, "load $name") or diag $run->{err};
	my $document = JSON::PP::decode_json($run->{out} || '{}');
	is($document->{rows}, $rows, "$name: all rows");
	ok((grep { "$_->{name} $_->{type}" eq $column } @{ $document->{columns} }), "$name: $column");
}
is($node->query('SELECT sum("IsSuccessful") FROM campaign_data'), 50_094, 'the campaigns that were funded');
is($node->query('SELECT count(*) FILTER (WHERE app_complete_flag = 1), count(*) FILTER (WHERE city_mapped IS NULL), count(*) FILTER (WHERE city_mapped = $$nan$$) FROM leadscoring'),
	'12499|634|320', 'the leads that applied, empty cities, and those that pandas wrote as nan');
my $told = Client::run($node, 'load', '--dry-run', "$data/codepro/leadscoring.csv.gz", 'x');
like($told->{err}, qr/^  city_mapped +text +2\.5%  320 times "nan": --null\?$/m, 'which is told');
is(Client::run($node, 'load', '--null', 'nan', "$data/codepro/leadscoring.csv.gz", 'leads')->{code}, 0, 'and can be said');
is($node->query('SELECT count(*) FROM leads WHERE city_mapped IS NULL'), 954, 'both are nothing then');

# the same file without its label: the scores are those of SQL, line by line
my $run = Client::run($node, 'train', 'codepro', '-s', 'leads', '-l', 'app_complete_flag', '-k', 'lead_id', '-x', 'created_date');
is($run->{code}, 0, 'train') or diag $run->{err};
$run = Client::run($node, 'score', 'codepro', "$data/codepro/leadscoring_inference.csv.gz", '--null', 'nan', '-o', "$dir/scored.csv.gz", '-r', 3);
is($run->{code}, 0, 'score') or diag $run->{err};
$run = Client::run($node, 'load', "$dir/scored.csv.gz", 'scored', '--null', 'nan');
is($node->query(q{SELECT count(*), bool_and(s.score = lead_score('codepro', l)), bool_and(s.reasons = lead_reasons('codepro', l, 3))
	FROM scored s JOIN leads l USING (lead_id)}), '24991|t|t', 'every score and its reasons');

done_testing();
