# A scored view and a table of scores, read as BI tools read them: over ODBC and over JDBC.
# Both show every column with the right type and, to the last bit, the right value.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use IO::Socket::INET ();
use Cluster;
use Leads;

# The JDBC driver knows no Unix sockets: a free port of the loopback interface.
my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
	or plan skip_all => "no loopback interface: $!";
my $port = $free->sockport;
close $free;
$ENV{PGPORT} = $port;

my $node = Cluster->new('clients', "listen_addresses = '127.0.0.1'\nport = $port\n");
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
$node->query(q{
	ALTER TABLE leads ADD seen timestamptz, ADD fresh boolean, ADD budget numeric(10, 2);
	UPDATE leads SET seen = '2025-03-01 12:00Z'::timestamptz + id * interval '1 hour', fresh = id % 2 = 0, budget = id / 4.0;
	SELECT lead_create_scored_view('sales', 'leads', 'scored')});
$node->query('CALL lead_refresh_scores(\'sales\', \'scores\')');

my $columns = 'id, city, visits, seen, fresh, budget, score, score_100, grade, model_version, reasons';
my $view = "SELECT $columns FROM scored WHERE id IN (5, 13) ORDER BY id";
my $table = 'SELECT id, score, grade, reasons, model_version, scored_at FROM scores WHERE id IN (5, 13) ORDER BY id';
my @expected = map { [ split /\|/, $_, -1 ] } split /\n/,
	$node->query("SELECT id, score, score_100, grade, model_version, reasons FROM scored WHERE id IN (5, 13) ORDER BY id");
is(scalar @expected, 2, 'two leads to compare');

sub by_odbc
{
	my ($driver, $query) = @_;
	my $dbh = DBI->connect("dbi:ODBC:Driver=$driver;Servername=127.0.0.1;Port=$port;Database=postgres;Username=postgres;BoolsAsChar=0",
		undef, undef, { RaiseError => 1, PrintError => 0, LongReadLen => 10000 });
	my $statement = $dbh->prepare($query);
	$statement->execute;
	my %type;
	@type{ @{ $statement->{NAME} } } = map { $dbh->type_info($_)->{TYPE_NAME} } @{ $statement->{TYPE} };
	return (\%type, $statement->fetchall_arrayref({}));
}

SKIP:
{
	my ($driver) = glob '/usr/lib/*/odbc/psqlodbcw.so /usr/lib64/psqlodbcw.so';
	skip 'no ODBC here: libdbd-odbc-perl, odbc-postgresql', 6
		if !$driver || !eval { require DBI; require DBD::ODBC; 1 };
	my ($type, $rows) = by_odbc($driver, $view);
	is_deeply($type, { id => 'int4', city => 'text', visits => 'numeric', seen => 'timestamptz', fresh => 'bool',
			budget => 'numeric', score => 'float8', score_100 => 'int4', grade => 'text', model_version => 'int4',
			reasons => 'text' }, 'ODBC: the types of the view');
	is_deeply([ map { [ @{$_}{qw(id score score_100 grade model_version reasons)} ] } @$rows ], \@expected,
		'ODBC: the values of the view');
	is($rows->[0]{seen}, '2025-03-01 17:00:00', 'ODBC: a time');
	is($rows->[1]{visits}, undef, 'ODBC: NULL is NULL');
	($type, $rows) = by_odbc($driver, $table);
	is_deeply($type, { id => 'int4', score => 'float8', grade => 'text', reasons => 'text', model_version => 'int4',
			scored_at => 'timestamptz' }, 'ODBC: the types of the table of scores');
	is($rows->[1]{score}, $expected[1][1], 'ODBC: the table has the score of the view');
}

sub by_jdbc
{
	my ($query) = @_;
	my @lines = split /\n/, Cluster::run('java', '-cp', '/usr/share/java/postgresql.jar', 'test/t/lib/ReadView.java',
		"jdbc:postgresql://127.0.0.1:$port/postgres?user=postgres", $query);
	my %type;
	while (@lines && $lines[0] =~ /^(\w+)\|(\w+)\|(java\.\S+)$/)
	{
		$type{$1} = "$2 $3";
		shift @lines;
	}
	return (\%type, [ map { [ split /\|/, $_, -1 ] } @lines ]);
}

SKIP:
{
	skip 'no JDBC here: libpostgresql-jdbc-java, default-jdk-headless', 3
		if !-e '/usr/share/java/postgresql.jar' || system('javac -version >/dev/null 2>&1') != 0;
	my ($type, $rows) = by_jdbc($view);
	is_deeply($type, {
			id => 'int4 java.lang.Integer', city => 'text java.lang.String', visits => 'numeric java.math.BigDecimal',
			seen => 'timestamptz java.sql.Timestamp', fresh => 'bool java.lang.Boolean',
			budget => 'numeric java.math.BigDecimal', score => 'float8 java.lang.Double',
			score_100 => 'int4 java.lang.Integer', grade => 'text java.lang.String',
			model_version => 'int4 java.lang.Integer', reasons => 'text java.lang.String' }, 'JDBC: the types of the view');
	is_deeply([ map { [ @{$_}[ 0, 6 .. 10 ] ] } @$rows ], \@expected, 'JDBC: the values of the view');
	($type) = by_jdbc($table);
	is_deeply($type, {
			id => 'int4 java.lang.Integer', score => 'float8 java.lang.Double', grade => 'text java.lang.String',
			reasons => 'text java.lang.String', model_version => 'int4 java.lang.Integer',
			scored_at => 'timestamptz java.sql.Timestamp' }, 'JDBC: the types of the table of scores');
}

done_testing();
