# leadscore score: what goes in comes out as it was, with the scores that SQL gives.
use strict;
use warnings;
use lib 'test/t/lib';
use Compress::Zlib ();
use File::Temp ();
use JSON::PP ();
use Test::More;
use Client;
Client->skip_unless_built;
use Cluster;
use Leads;

my $node = Cluster->new('score', "max_wal_senders = 2\n");
my $dir = File::Temp->newdir('score_XXXX', TMPDIR => 1);
$node->query('CREATE EXTENSION leadscore');
Leads::create($node, rows => 4000);
Leads::train($node);

sub file
{
	my ($name, $text) = @_;
	open my $out, '>:raw', "$dir/$name" or die $!;
	print $out $text;
	close $out or die $!;
	return "$dir/$name";
}

sub slurp
{
	my ($name) = @_;
	open my $in, '<:raw', $name or return '(none)';
	local $/;
	return scalar(<$in>) // '';
}

sub files { my @names = sort map { s{.*/}{}r } glob "$dir/*"; return "@names"; }

# ---- the same as in SQL ----
my $csv = "id,city,clicks,visits,won\n" . join '', map { s/\|/,/gr =~ s/$/\n/r } split /\n/, $node->query('SELECT * FROM leads ORDER BY id');
my $in = file('in.csv', $csv);
my $run = Client::run($node, 'score', 'sales', $in, '-o', "$dir/out.csv", '--reasons', 2);
is($run->{code}, 0, 'a file is scored') or diag $run->{err};
like($run->{err}, qr/note: 4,000 leads scored by sales\@1 in \d:\d\d: A \d+, B \d+, C \d+, D \d+/, 'and told by which version');
is($run->{out}, '', 'nothing but the file is written');
$node->query("CREATE TABLE back (id int, city text, clicks int, visits float8, won bool, score float8, grade text, reasons text);
	COPY back FROM '$dir/out.csv' (FORMAT csv, HEADER)");
is($node->query(q{SELECT count(*), bool_and(b.score = lead_score('sales', l)), bool_and(b.grade = lead_grade(b.score, lead_grade_cuts('sales'))),
	bool_and(b.reasons = lead_reasons('sales', l, 2)), count(DISTINCT grade) FROM back b JOIN leads l USING (id)}), '4000|t|t|t|4',
	'scores, grades and reasons to the last bit');
my @lines = split /\n/, slurp("$dir/out.csv");
is($lines[0], 'id,city,clicks,visits,won,score,grade,reasons', 'names of what was added');
is(join("\n", map { /^((?:[^,]*,){4}[^,]*),/ ? $1 : '?' } @lines) . "\n", $csv, 'every line in its place, as it was');
is(files(), 'in.csv out.csv', 'and no other file is left');

# ---- byte for byte ----
my $odd = "\xEF\xBB\xBF\"id\";visits ; note;clicks;city\r\n1;2.5;\"a;b\"\"c\r\nd\";3;Delhi\r\n\r\n\"2\";;;\"4\";\n3; 1.5;'x';\"\";\"Pune\"";
$run = Client::run($node, 'score', 'sales', file('odd.csv', $odd), '-o', "$dir/odd.out");
is($run->{code}, 0, 'an odd file') or diag $run->{err};
my $number = qr/(?:[01]\.\d+(?:e-\d+)?)/;
(my $stripped = slurp("$dir/odd.out")) =~ s/;score;grade(?=\r\n)//;
is($stripped =~ s/;$number;[A-D](?=\r?\n|\z)//gr, $odd, 'mark, quotes, line ends, blank lines and a last line without an end stay');
is(() = $stripped =~ /;$number;[A-D](?=\r?\n|\z)/g, 3, 'and three leads have scores');
my ($first) = $stripped =~ /Delhi;([\d.]+);/;
is($node->query(qq{SELECT lead_score('sales', '{"city": "Delhi", "clicks": 3, "visits": 2.5}'::jsonb) = $first}), 't', 'the right ones');

# ---- pipes and gzip ----
my $plain = slurp("$dir/out.csv");
$run = Client::run($node, { stdin => $csv }, qw(score sales - -q --reasons 2));
is($run->{out}, $plain, 'from stdin to stdout');
is($run->{err}, '', '--quiet');
$run = Client::run($node, 'score', 'sales@1', file('in.csv.gz', Compress::Zlib::memGzip($csv)), '-o', "$dir/out.csv.gz", qw(--reasons 2 --jobs 3 --json));
is(Compress::Zlib::memGunzip(slurp("$dir/out.csv.gz")), $plain, 'gzip in and out');
my $document = JSON::PP::decode_json($run->{out});
is("$document->{model} $document->{rows} " . ($document->{grades}{A} + $document->{grades}{B} + $document->{grades}{C} + $document->{grades}{D}),
	'sales@1 4000 4000', '--json');
is(Client::run($node, 'score', 'sales', $in, qw(--reasons 2 --jobs 1))->{out}, $plain, 'one connection');

# ---- grades, reasons, names ----
$run = Client::run($node, 'score', 'sales', $in, '--grades', '{"cuts": [0.1, 0.2, 0.99]}');
ok((!grep { my ($s, $g) = (split /,/)[5, 6]; $g ne ($s >= 0.99 ? 'A' : $s >= 0.2 ? 'B' : $s >= 0.1 ? 'C' : 'D') } (split /\n/, $run->{out})[1 .. 4000]), '--grades');
$run = Client::run($node, 'score', 'sales', "$dir/out.csv");
is($run->{code}, 1, 'a file that has scores already');
like($run->{err}, qr/has a column "score" already.*--prefix/s, 'is not scored under the same names');
$run = Client::run($node, 'score', 'sales', "$dir/out.csv", '--prefix', 'new ');
like($run->{out}, qr/^id,city,clicks,visits,won,score,grade,reasons,new score,new grade\n/, '--prefix');
$node->query(q{SELECT lead_train_model('bare', 'leads', 'won', key => 'id', holdout => '{"by": "none"}', features => '{clicks}')});
$run = Client::run($node, 'score', 'bare', file('few.csv', "clicks\n1\n\n3\n"));
like($run->{out}, qr/^clicks,score,grade\n1,$number,\n,$number,\n3,$number,\n\z/, 'a model without a hold-out gives no grades');
like($run->{err}, qr/no held-out leads to grade by/, 'and says so');

# ---- what does not fit is refused before the first row ----
file('kept.csv', "mine\n");
sub refused
{
	my ($name, $text, $pattern, @options) = @_;
	my $result = Client::run($node, 'score', @options ? @options : 'sales', file('bad.csv', $text), '-o', "$dir/kept.csv");
	is($result->{code}, 1, "$name: refused");
	like($result->{err}, $pattern, "$name: and why");
	is(slurp("$dir/kept.csv"), "mine\n", "$name: the output is as it was");
	unlike(files(), qr/kept\.csv\./, "$name: and nothing lies beside it");
	return;
}
refused('columns missing', "id,City,visits\n1,Delhi,3\n", qr/no column "city" \(text\), which the model needs.*no column "clicks" \(integer\).*the file has, parted by comma: id, City, visits/s);
refused('values of another type', "city,clicks,visits\nDelhi,1,2\n\n\"a\nb\",3,4\nPune,many,5\nPune,5,\"few\"\nPune,6,none\n",
	qr/line 6, column "clicks": invalid input syntax for type integer: "many".*line 7, column "visits": invalid input syntax for type numeric: "few"/s);
my $rows = "Delhi,1,\"2\"\n" x 24_000;
refused('far behind', qq{city,clicks,visits\n"a\nb",1,2\n${rows}Pune,99999999999,5\n$rows},
	qr/line 24004, column "clicks": value "99999999999" is out of range.*trained with type integer.*--types "clicks=TYPE"/s);
refused('too few fields', "city,clicks,visits\n${rows}Pune,1\n", qr/line 24002: 2 fields, but the first line has 3/);
refused('the first error of two', "city,clicks,visits\n${rows}Pune,x,1\n${rows}Pune,1\n", qr/line 24002, column "clicks"/);
refused('no UTF-8', "city,clicks,visits\nDelhi,1,2\nM\xFCn,1,2\n", qr/line 3, column "city": invalid byte sequence.*--encoding/s);
refused('a NUL', "city,clicks,visits\nDelhi,1,2\nM\0n,1,2\n", qr/line 3, column "city": invalid byte sequence/);
refused('a model that is not there', $csv, qr/model "none" does not exist/, 'none');
refused('a version that is not there', $csv, qr/no version 7/, 'sales@7');
refused('an empty file', '', qr/is empty/);
refused('a quote never closed', qq{city,clicks,visits\n${rows}"Pune,1,2\n$rows}, qr/record of line 24002 is never closed/);
$node->query(q{SELECT lead_train_model('strict', 'leads', 'won', key => 'id', exclude => '{visits}', options => '{"unseen": "error"}')});
refused('a level that training has not seen', "city,clicks\nDelhi,1\n\nPune,2\nParis,3\n", qr/line 5: column "city" has a value that the model was not trained on/, 'strict');
refused('lines that end with a carriage return', "city,clicks,visits\rDelhi,1,2\r", qr/line 1: a carriage return outside quotes/);
file('private.csv', '');
chmod 0600, "$dir/private.csv";
symlink 'private.csv', "$dir/link.csv";
is(Client::run($node, 'score', 'sales', $in, '-o', "$dir/link.csv")->{code}, 0, 'an output that is there, by a link');
ok(-l "$dir/link.csv", 'the link stays one');
is(sprintf('%o', (stat "$dir/private.csv")[2] & 0777), '600', 'and who may not read it still may not');
like(slurp("$dir/private.csv"), qr/^id,city,.*,score,grade$/m, 'it has the scores');
$run = Client::run($node, 'score', 'sales', $in, '--json', '-o', "$dir/caf\xe9.csv");
is(JSON::PP::decode_json($run->{out})->{rows}, 4000, '--json of a file whose name is not UTF-8');
is(Client::run($node, 'score', 'sales', $in, '-o', "$dir/nowhere/out.csv")->{code}, 4, 'an output that cannot be written');
is(Client::run($node, 'score', 'sales', "$dir/none.csv")->{code}, 4, 'an input that is not there');
is(Client::run($node, 'score', 'sales', $in, $_)->{code}, 2, "wrong use: $_") for qw(--json --jobs=0 --jobs=99 --reasons=101 --reasons=x --reasons=-1 --null);
$run = Client::run($node, 'score', 'sales', file('pandas.csv', "city,clicks,visits\nDelhi,3.0,NA\nNA,4.0,1\n"), qw(--null NA --types clicks=numeric));
is($run->{code}, 0, '--types and --null') or diag $run->{err};
is($node->query(q{SELECT lead_score('sales', '{"city": "Delhi", "clicks": 3, "visits": null}'::jsonb)}), (split /,/, (split /\n/, $run->{out})[1])[3], 'read what another program wrote');
$run = Client::run($node, 'score', 'sales', file('latin.csv', "city,clicks,visits,name\nDelhi,3,1,M\xFCller\n"), qw(--encoding LATIN1));
like($run->{out}, qr/^Delhi,3,1,M\xFCller,$number,[A-D]$/m, '--encoding keeps the bytes');
$run = Client::run($node, 'score', 'sales', file('latin.csv', "city,clicks,visits,name\nDelhi,3,1,M\xFCller\n"));
like($run->{out}, qr/^Delhi,3,1,M\xFCller,$number,[A-D]$/m, 'and a column that the model does not need may hold any');

# ---- rights ----
$node->query(q{CREATE ROLE reader LOGIN; SELECT lead_grant('reader', 'reader'); REVOKE TEMP ON DATABASE postgres FROM public});
$run = Client::run($node, 'score', 'sales', $in, qw(-U reader --reasons 2 -q));
is($run->{out}, $plain, 'a reader without the right to make a table scores') or diag $run->{err};
$node->query('CREATE ROLE stranger LOGIN');
is(Client::run($node, 'score', 'sales', $in, qw(-U stranger))->{code}, 1, 'a stranger does not');
my $standby = $node->replica('standby');
$node->catch_up($standby);
$run = Client::run($standby, 'score', 'sales', $in, qw(--reasons 2 -q));
is($run->{out}, $plain, 'a standby scores, too') or diag $run->{err};
$standby->stop;
$node->query('CREATE SCHEMA hidden; CREATE DATABASE apart');
$node->query('CREATE SCHEMA "Lead Score"; CREATE EXTENSION leadscore SCHEMA "Lead Score"', database => 'apart');
Leads::create($node, database => 'apart');
$node->query(q{SELECT "Lead Score".lead_train_model('sales', 'leads', 'won', key => 'id')}, database => 'apart');
is(Client::run($node, 'score', 'sales', $in, qw(-d apart -q))->{code}, 0, 'an extension in a schema of its own');
is(Client::run($node, 'score', 'sales', $in, qw(-d template1))->{code}, 1, 'a database without the extension');
is(Client::run($node, 'score', 'sales', $in, '-d', 'postgresql:///apart?host=' . $node->dir, '-q')->{code}, 0, 'a URI');
is(Client::run($node, 'score', 'sales', $in, '-d', 'postgresql:///apart?host=/nowhere', '-h', $node->dir, '-q')->{code}, 0, 'which an option beats');

$run = Client::run($node, { env => { PGOPTIONS => '-c statement_timeout=1' } }, 'score', 'sales', file('slow.csv', "city,clicks,visits\n" . "Delhi,1,2\n" x 200_000), '-o', "$dir/slow.out");
is($run->{code}, 1, 'a timeout of the server');
like($run->{err}, qr/canceling statement due to statement timeout/, 'is told as what it is');
ok(!-e "$dir/slow.out", 'and leaves no file');

# ---- large files: order, memory ----
my $pad = 'x' x 150;
sub large
{
	my ($n) = @_;
	return file("large$n.csv", "n,city,clicks,visits,pad\n" . join '', map { "$_,Delhi," . $_ % 11 . ",1.5,$pad\n" } 1 .. $n);
}
my $small = Client::run($node, 'score', 'sales', large(60_000), '-o', "$dir/small.out");
my $large = Client::run($node, 'score', 'sales', large(300_000), '-o', "$dir/large.out");
is($large->{code}, 0, '300,000 leads') or diag $large->{err};
my ($n, $wrong, %score) = (0, 0);
open my $scored, '<', "$dir/large.out" or die $!;
<$scored>;
while (my $line = <$scored>)
{
	my @fields = split /,/, $line;
	$wrong++ if $fields[0] != ++$n || ($score{ $fields[2] } //= $fields[5]) ne $fields[5];
}
close $scored;
is("$n $wrong", '300000 0', 'in their order, each with its score');
SKIP:
{
	skip 'no /proc, or another program measures', 2 if !$large->{rss} || $ENV{LEADSCORE_UNDER};
	cmp_ok($large->{rss}, '<', 60_000, "memory: $large->{rss} kB for a file of " . int((-s "$dir/large300000.csv") / 1000) . ' kB');
	cmp_ok($large->{rss} - $small->{rss}, '<', 10_000, "which is that of a fifth of it: $small->{rss} kB");
}

# ---- stopped in the middle ----
SKIP:
{
	skip 'no IO::Pty here', 6 if !eval { require IO::Pty };
	my $client = Client::start($node, { pty => 1 }, 'score', 'sales', "$dir/large300000.csv", '-o', "$dir/shown.csv", '-r', 3);
	ok($client->seen(qr/scoring \[#*\.*\] +\d+ %  [\d,]+ rows  [\d.]+ MB  [\d,]+ rows\/s  \d+:\d\d left/), 'a terminal shows a bar');
	is($client->finish->{code}, 0, 'until the end');
	$client = Client::start($node, { pty => 1, pipe => 1 }, qw(score sales - -o), "$dir/kept.csv");
	$client->feed("city,clicks,visits\n" . "Delhi,1,2\n" x 500_000);
	ok($client->seen(qr/scoring  [\d,]{6,} rows/), 'half of a file');
	$client->press("\cC");
	$run = $client->finish;
	is($run->{code}, 130, 'Ctrl-C');
	is(slurp("$dir/kept.csv") . files() =~ s/.*(kept\.csv\S*).*/$1/sr, "mine\nkept.csv", 'leaves the old file and no other');
	ok($node->poll(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadscore under test'}, 0), 'and no session');
}
foreach my $how ([ 'a server that dies', sub { $node->restart('immediate') } ],
	[ 'a session that is ended', sub { $node->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leadscore under test'}) } ])
{
	my $client = Client::start($node, qw(score sales - -o), "$dir/kept.csv");
	$client->feed("city,clicks,visits\n" . "Delhi,1,2\n" x 300_000);
	$node->poll(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'leadscore under test' AND query LIKE '%lead_score(%'}, 't');
	$how->[1]->();
	$client->feed("Delhi,1,2\n" x 300_000);
	$run = $client->finish;
	is($run->{code}, 3, $how->[0]);
	like($run->{err}, qr/the connection to the server was lost/, 'is told');
	is(slurp("$dir/kept.csv") . files() =~ s/.*(kept\.csv\S*).*/$1/sr, "mine\nkept.csv", 'and leaves the old file and no other');
}

# ---- a reader that goes away ----
my $program = Client::program($node);
my $head = `PGHOST=@{[$node->dir]} PGUSER=postgres $program score -d postgres sales $dir/large300000.csv 2>&1 | head -n 2`;
like($head, qr/\An,city.*\n1,Delhi.*\n\z/, 'head, without a complaint');

done_testing();
