# leadscore load: a CSV as people have them becomes a table, or nothing does.
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

my $node = Cluster->new('load');
my $dir = File::Temp->newdir('load_XXXX', TMPDIR => 1);

sub file
{
	my ($name, $text) = @_;
	open my $out, '>:raw', "$dir/$name" or die $!;
	print $out $text;
	close $out or die $!;
	return "$dir/$name";
}

sub types
{
	my ($table) = @_;
	return $node->query("SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0");
}

sub is_there { return $node->query("SELECT to_regclass('$_[0]') IS NOT NULL") eq 't'; }

my $n = 0;

# Loads a text into a new table; the run, and the table's name.
sub load
{
	my ($text, @options) = @_;
	my $table = 't' . ++$n;
	return (Client::run($node, 'load', @options, file("$table.csv", $text), $table), $table);
}

# A text that is refused: how, and that nothing is left.
sub refused
{
	my ($name, $text, $pattern, @options) = @_;
	my ($run, $table) = load($text, @options);
	is($run->{code}, 1, "$name: refused");
	like($run->{err}, $pattern, "$name: and why");
	ok(!is_there($table), "$name: and no table is left");
	return;
}

# ---- what a column is ----
my $all = <<'CSV';
id,big,ratio,zip,phone,serial,flag,day,at,zoned,word,nothing,mixed
1,5000000000,0.5,01234,+491701,12345678901234567890,yes,2024-02-29,2024-01-01 10:00,2024-01-01T10:00:00Z,true,,1
-2,1,3,99999,+491702,1,no,2023-12-31,2024-01-01,2024-01-01 10:00:00+05:30,word,,n/a
,,1e-3,00000,,2,,,,,"a ""b"", c",,3
CSV
my ($run, $table) = load($all);
is($run->{code}, 0, 'a file of everything is loaded') or diag $run->{err};
is(types($table), 'id integer, big bigint, ratio double precision, zip text, phone text, serial text, flag boolean, day date, '
		. 'at timestamp without time zone, zoned timestamp with time zone, word text, nothing text, mixed text', 'each column by all its values');
is($node->query("SELECT sum(id), sum(big), zip, serial, word FROM $table WHERE zip = '00000' GROUP BY 3, 4, 5"), '||00000|2|a "b", c',
	'empty fields are NULL, quotes are taken off');
like($run->{err}, qr/13 columns, parted by comma; types of all 3 rows/, 'what was decided is told');
like($run->{err}, qr/^  zip +text/m, 'by column');
like($run->{err}, qr/mixed .*"n\/a" in line 3 is no number/, 'and what kept a column from being a number');
is($run->{out}, "3 rows in table $table, 0:00\n", 'and how many rows came');
ok((!grep { length > 80 && !/t1\.csv/ } split /\n/, $run->{err}), 'in 80 columns');

# ---- files as they come ----
my $plain = "a,b\n1,x\n2,y\n";
my %same = (
	'CRLF' => "a,b\r\n1,x\r\n2,y\r\n",
	'mixed line ends' => "a,b\r\n1,x\n2,y\r\n",
	'no end of the last line' => "a,b\n1,x\n2,y",
	'semicolons' => "a;b\n1;x\n2;y\n",
	'tabs' => "a\tb\n1\tx\n2\ty\n",
	'bars' => "a|b\n1|x\n2|y\n",
	'a byte order mark' => "\xEF\xBB\xBFa,b\n1,x\n2,y\n",
	'a mark and quotes' => qq{\xEF\xBB\xBF"a","b"\n"1","x"\n"2","y"\n},
	'empty lines' => "a,b\n\n1,x\n\n\n2,y\n\n",
	'gzip' => Compress::Zlib::memGzip($plain),
	'blanks around names' => " a , b\n1,x\n2,y\n");
foreach my $how (sort keys %same)
{
	($run, $table) = load($same{$how});
	is($run->{code}, 0, $how) or diag $run->{err};
	is(types($table) . ': ' . $node->query("SELECT string_agg(a || b, ' ' ORDER BY a) FROM $table"), 'a integer, b text: 1x 2y', "$how: the same table");
}
$run = Client::run($node, { stdin => $plain }, qw(load - piped));
is($node->query('SELECT string_agg(a || b, $$ $$ ORDER BY a) FROM piped'), '1x 2y', 'stdin') or diag $run->{err};
$run = Client::run($node, { stdin => Compress::Zlib::memGzip($plain) }, qw(load - piped_gz));
is($node->query('SELECT count(*) FROM piped_gz'), 2, 'stdin, gzipped') or diag $run->{err};

($run, $table) = load(qq{id,note\n1,"two\nlines"\n2,"semi;colon, and\r\nmore"\n});
is($node->query("SELECT replace(replace(string_agg(note, '#' ORDER BY id), E'\\n', 'N'), E'\\r', 'R') FROM $table"), 'twoNlines#semi;colon, andRNmore',
	'line ends within quotes are kept');
($run, $table) = load("x,y\n" . join('', map { qq{$_,"a\n} . ('b' x 30) . qq{"\n} } 1 .. 5000));
is($node->query("SELECT count(*), sum(length(y)) FROM $table"), '5000|160000', 'many of them');

# ---- names ----
($run, $table) = load(qq{a,a,,"Lead ""No"" 1",xmin,"x'; DROP TABLE piped; --"\n1,2,3,4,5,6\n});
is($run->{code}, 0, 'odd names') or diag $run->{err};
is(types($table), q{a integer, a_2 integer, column_3 integer, Lead "No" 1 integer, xmin_ integer, x'; DROP TABLE piped; -- integer}, 'are names and nothing else');
like($run->{err}, qr/a_2 .*in the file "a"/, 'and what was changed is told');
ok(is_there('piped'), 'no statement hides in them');
refused('values for names', "1,2\n3,4\n", qr/looks like values.*--no-header/s);
($run, $table) = load("1,x\n3,y\n", '--no-header');
is(types($table) . $node->query("SELECT sum(column_1) FROM $table"), 'column_1 integer, column_2 text4', '--no-header');
$node->query('CREATE SCHEMA crm');
$run = Client::run($node, 'load', file('q.csv', $plain), 'crm."My Leads"');
is($node->query('SELECT count(*) FROM crm."My Leads"'), 2, 'a table is named as in SQL') or diag $run->{err};
$run = Client::run($node, 'load', file('q.csv', $plain), 'x (a int); DROP TABLE piped; --');
is($run->{code}, 1, 'and not by more');
ok(is_there('piped'), 'no statement hides in it');

($run, $table) = load("a,\e[31mb\n1,\e[2J\n");
unlike($run->{err}, qr/\e/, 'a terminal is told no control characters');
refused('the same of values', "a,b\n1,2\n\e[2J,1\n", qr/line 3, column "a": invalid input syntax for type integer: "\?\[2J"/, '--types', 'a=integer');

# ---- what the user says ----
($run, $table) = load("a,b,c\n1,NA,01\n2,,02\nNA,3,03\n", '--null', 'NA', '--types', 'c=smallint');
is(types($table) . ' ' . $node->query("SELECT count(a), count(b) FROM $table"), 'a integer, b integer, c smallint 2|1', '--null and --types');
($run, $table) = load(qq{a,b,c\nNA,"nan","x,""NA"""\n1,"NA\nNA",NAN\n"nan",NA,\n}, '--null', 'NA,nan');
is($node->query("SELECT string_agg(concat_ws('|', a, replace(b, E'\\n', '/'), c), '; ') FROM $table"), 'x,"NA"; 1|NA/NA|NAN; ', '--null of several, quoted or not, whole fields only');
like($run->{err}, qr/c .*1 times "NAN": --null\?/, 'and what may be one is told');
($run, $table) = load("a,b\n1,2\n", '--types', '{"a": "numeric", "b": "text"}');
is(types($table), 'a numeric, b text', '--types as JSON');
foreach my $wrong ([ 'a', qr/column=type/ ], [ 'z=text', qr/no column "z"/ ], [ 'a=nothing', qr/no type "nothing"/ ],
	[ 'a=int); DROP TABLE piped; --', qr/no type|syntax/ ], [ 'a=', qr/which type/ ])
{
	($run, $table) = load($plain, '--types', $wrong->[0]);
	ok($run->{code} == 2 || $run->{code} == 1, "--types $wrong->[0]: exit code $run->{code}");
	like($run->{err}, $wrong->[1], "--types $wrong->[0]: why");
	ok(!is_there($table), "--types $wrong->[0]: nothing done");
}
($run, $table) = load("name\nM\xFCller\n", '--encoding', 'LATIN1');
is($node->query("SELECT convert_to(name, 'UTF8') FROM $table"), '\x4dc3bc6c6c6572', '--encoding');
($run, $table) = load("a:b\n1:x\n", '--delimiter', ':');
is(types($table), 'a integer, b text', '--delimiter');
($run, $table) = load("single\n1\n\n3\n");
is($node->query("SELECT count(*), count(single) FROM $table"), '3|2', 'one column: an empty line is a NULL');

# ---- all or nothing ----
refused('a value of another type', "id,n\n1,2\n\n\"3\",4\n5,\"six\nand\"\n7,x\n", qr/t\d+\.csv, line 5, column "n": invalid input syntax for type integer: "six/,
	'--types', 'n=integer');
refused('the same behind lines in quotes', qq{id,n\n1,"2"\n"\n\n 4",5\nx\n}, qr/line 6: missing data for column "n"/);
refused('the hint', "n\n1\nx\n", qr/line 3, column "n".*--types "n=text"/s, '--types', 'n=integer');
refused('too few fields', "a,b\n1,2\n3\n", qr/line 3: missing data for column "b"/);
refused('too many fields', "a,b\n1,2\n3,4,5\n", qr/line 3: extra data after last expected column.*2 columns, parted by comma/s);
my $end = "single\nx\n\\.\ny\n";
if ($node->query('SELECT current_setting($$server_version_num$$)::int >= 180000') eq 't')
{
	($run, $table) = load($end);
	is($node->query("SELECT string_agg(single, ' ') FROM $table"), 'x \. y', 'no line is the end of a CSV');
}
else
{
	refused('an end in the midst', $end, qr/3 rows were sent from line 2 on, but the server read 1/);
}
refused('a quote never closed', qq{a,b\n1,"x\n2,y\n}, qr/a quote that is opened in the record of line 2 is never closed/);
refused('a lone carriage return', "a,b\n1,x\ry\n", qr/line 2: a carriage return outside quotes/);
refused('no UTF-8', "a,b\n1,x\n2,\xFC\n", qr/line 3.*invalid byte sequence.*--encoding/s);
refused('a NUL', "a,b\n1,x\0\n", qr/line 2.*invalid byte sequence/s);
refused('a NUL in the first line', "a\0,b\n1,x\n", qr/NUL/);
refused('UTF-16', "\xFF\xFEa\0,\0b\0\n\0", qr/UTF-16.*iconv/s);
refused('a ZIP archive', "PK\x03\x04rest", qr/Excel/);
refused('an empty file', '', qr/is empty/);
refused('a number that is too large', "n\n1\n99999999999\n", qr/line 3, column "n": value "99999999999" is out of range/, '--types', 'n=integer');
my $wide = 'x' x 200;
$run = Client::run($node, { stdin => "n,x\n" . "1,$wide\n" x 90_000 . "later,$wide\n" }, qw(load - sampled));
is($run->{code}, 1, 'beyond the sample of a pipe');
like($run->{err}, qr/types of the first \d{5} rows.*stdin, line 90002, column "n": invalid input syntax for type integer: "later".*--types "n=text"/s, 'it is named');
ok(!is_there('sampled'), 'and nothing is left');
my $cut = file('cut.csv.gz', substr Compress::Zlib::memGzip(join '', map { "$_," . rand() . "\n" } 'a' .. 'zzz'), 0, 5000);
foreach my $unreadable ([ $cut, qr/ends too early/ ], [ "$dir/none.csv", qr/No such file/ ], [ "$dir", qr/directory/ ])
{
	$run = Client::run($node, 'load', $unreadable->[0], 'unreadable');
	is($run->{code}, 4, 'a file that cannot be read has a code of its own');
	like($run->{err}, $unreadable->[1], 'and a reason');
	ok(!is_there('unreadable'), 'and nothing is left');
}

# ---- a table that is there ----
$run = Client::run($node, 'load', file('q.csv', $plain), 'piped');
is($run->{code}, 1, 'a table that is there is left alone');
like($run->{err}, qr/already there.*--append/s, 'and the way to add is told');
$node->query("CREATE TABLE grown (id int GENERATED ALWAYS AS IDENTITY, b text, a numeric, c text DEFAULT 'c')");
$run = Client::run($node, 'load', '--append', file('q.csv', $plain), 'grown') for 1 .. 2;
is($node->query('SELECT count(*), sum(a), min(c), max(id) FROM grown'), '4|6|c|4', '--append goes by names, the rest by default') or diag $run->{err};
$run = Client::run($node, 'load', '--append', file('q.csv', "a,z,y\n1,2,3\n"), 'grown');
is($run->{code}, 1, 'columns that the table lacks');
like($run->{err}, qr/no column "z".*no column "y"/s, 'are listed');
$run = Client::run($node, 'load', '--append', file('q.csv', "a,b\n1,2\nx,3\n"), 'grown');
like($run->{err}, qr/line 3, column "a"/, 'a bad line undoes an append');
is($node->query('SELECT count(*) FROM grown'), 4, 'as a whole');
$run = Client::run($node, 'load', '--append', file('q.csv', $plain), 'nowhere');
is($run->{code}, 1, '--append needs a table');

# ---- machines ----
($run, $table) = load($plain, '--dry-run');
like($run->{out}, qr/^CREATE TABLE $table \("a" integer, "b" text\);$/, '--dry-run tells');
ok(!is_there($table), 'and does nothing');
($run, $table) = load("a,b\n1,n/a\n2,3\n3,4\n", '--json');
my $document = JSON::PP::decode_json($run->{out});
is_deeply([ @$document{qw(table rows)}, map { "$_->{name} $_->{type} $_->{remark}" } @{ $document->{columns} } ],
	[ $table, 3, 'a integer ', 'b text "n/a" in line 2 is no number' ], '--json');
is($run->{err}, '', 'with nothing beside it');
($run, $table) = load("a,b\n1\n", '--json');
is($run->{out}, '', '--json of what failed');
like(JSON::PP::decode_json((split /\n/, $run->{err})[0])->{message}, qr/line 2: missing data/, 'is a message as JSON');

SKIP:
{
	skip 'no Compress::Zlib here', 11 if !eval { require Compress::Zlib };
	my $zipped = Compress::Zlib::memGzip("a,b\n1,2\n");
	my $more = Compress::Zlib::memGzip("3,4\n");
	foreach my $bad ([ 'more behind the compressed part', "${zipped}5,6\n", qr/there is more behind/ ], [ 'a second part cut off', $zipped . substr($more, 0, 15), qr/ends too early/ ],
		[ 'a second part that is broken', $zipped . $more =~ s/.{8}\z/12345678/sr, qr/incorrect data check/ ])
	{
		($run, $table) = load($bad->[1]);
		is($run->{code}, 4, $bad->[0]);
		like($run->{err}, $bad->[2], "$bad->[0]: and why");
		ok(!is_there($table), "$bad->[0]: nothing is left");
	}
	($run, $table) = load($zipped . $more . "\0" x 700_000);
	is($run->{code}, 0, 'two parts, and a padding') or diag $run->{err};
	is($node->query("SELECT sum(a), sum(b) FROM $table"), '4|6', 'are read');
}

# what a trigger says comes before the line of the COPY
$node->query(q{CREATE TABLE guard (a int, b text);
	CREATE FUNCTION guard_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF new.a = 3 THEN RAISE EXCEPTION 'no three'; END IF; RETURN new; END $$;
	CREATE TRIGGER guard BEFORE INSERT ON guard FOR EACH ROW EXECUTE FUNCTION guard_check()});
$run = Client::run($node, qw(load --append), file('guard.csv', qq{a,b\n1,x\n2,"y\nz"\n\n3,w\n}), 'guard');
is($run->{code}, 1, 'a trigger that refuses');
like($run->{err}, qr/line 6: no three/, 'is told with the line of the file, not of its function');

refused('lines that end with a carriage return', "a,b\r1,2\r3,4\r", qr/line 1: a carriage return outside quotes/);
$run = Client::run($node, { out => '/dev/full' }, 'load', '--dry-run', '--json', file('full.csv', "a\n1\n"), 'nothing');
is($run->{code}, 4, 'an output that is full');
like($run->{err}, qr/cannot write the output/, 'is told');

# ---- on a terminal ----
SKIP:
{
	skip 'no IO::Pty here', 7 if !eval { require IO::Pty };
	my $client = Client::start($node, { pty => 1, pipe => 1 }, qw(load - watched));
	$client->feed("n,x\n" . "1,$wide\n" x 200_000);
	ok($client->seen(qr/loading  [\d,]+ rows  [\d.]+ MB  [\d,]+ rows\/s  \d:\d\d/), 'rows, bytes, rate and time are shown');
	$client->feed("2,$wide\n");
	$run = $client->finish;
	is($run->{code}, 0, 'and it ends well');
	like($run->{err}, qr/\r\e\[K(?:[^\r]*\r\e\[K)*\z/, 'the line is taken away');
	my $big = file('big.csv', "n,x\n" . "1,$wide\n" x 200_000);
	$client = Client::start($node, { pty => 1 }, 'load', $big, 'barred');
	ok($client->seen(qr/loading \[#*\.*\] +\d+ %  [\d,]+ rows .* left/), 'a bar, and the time left');
	$client->finish;
	ok((!grep { length > 80 && !/big\.csv/ } map { s/\e\[[\dm;]*K?//gr } split /[\r\n]+/, $client->{seen}), 'in 80 columns');

	$client = Client::start($node, { pty => 1, pipe => 1 }, qw(load - stopped));
	$client->feed("n,x\n" . "1,$wide\n" x 200_000);
	$client->seen(qr/loading  [\d,]{5,} rows/);
	$client->press("\cC");
	$client->feed("1,$wide\n");
	$run = $client->finish;
	is($run->{code}, 130, 'Ctrl-C');
	ok(!is_there('stopped'), 'leaves nothing');
}
my $client = Client::start($node, qw(load - killed));
$client->feed("n,x\n" . "1,$wide\n" x 200_000);
$node->poll(q{SELECT count(*) FROM pg_stat_progress_copy WHERE bytes_processed > 1000000}, 1);
$node->restart('immediate');
$client->feed("1,$wide\n" x 1000);
$run = $client->finish;
is($run->{code}, 3, 'a server that dies');
like($run->{err}, qr/connection to the server was lost/, 'is told');
ok(!is_there('killed'), 'and leaves nothing');

$run = Client::run($node, { env => { PGHOST => '/nowhere' } }, 'load', file('q.csv', $plain), 'x');
is($run->{code}, 3, 'no connection');
foreach my $use ([qw(load)], [qw(load a)], [qw(load a b c)], [qw(load --wrong a b)], [qw(load --append --types a=b a b)], [qw(load --delimiter ab a b)], ['nonsense'], [])
{
	$run = Client::run($node, @$use);
	is($run->{code}, 2, "wrong use: leadscore @$use");
	like($run->{err}, qr/^leadscore: error: /, 'is said');
}

done_testing();
