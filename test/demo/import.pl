#!/usr/bin/env perl
# import.pl FILE LABEL: loads a CSV, plain or .gz, into the table "leads".
#
# Prints a psql script: CREATE TABLE with types that every value of the column
# has, \copy from psql's input, and the label made boolean.  The file is read
# twice, here for names and types, then by COPY.  An empty field is NULL.
#
# Types are tried in this order: boolean (true/false, yes/no, t/f, y/n), integer,
# bigint, double precision, date, timestamp, timestamptz; all else is text, and
# so are numbers with leading zeros, which are codes.
use strict;
use warnings;

my ($file, $label) = @ARGV;
die "DATA=$file: no such file\n" if !defined $file || !-f $file || !-r $file;

my @names;
my %renamed;
my @types = ('boolean', 'integer', 'bigint', 'double precision', 'date', 'timestamp', 'timestamptz');
my @days = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

sub open_file
{
	my $in;
	if ($file =~ /\.gz$/i)
	{
		open $in, '-|', 'gzip', '-dc', '--', $file or die "gzip: $!\n";
	}
	else
	{
		open $in, '<', $file or die "$file: $!\n";
	}
	return $in;
}

# The fields of the next record, quotes removed, or nothing at the end.
sub record
{
	my ($in) = @_;
	my $line = <$in>;
	return if !defined $line;
	while (($line =~ tr/"//) % 2)
	{
		my $more = <$in>;
		die "$file: a quote is never closed\n" if !defined $more;
		$line .= $more;
	}
	$line =~ s/\r?\n\z//;
	return [ split /,/, $line, -1 ] if index($line, '"') < 0;
	my @fields;
	while ($line =~ /\G(?:"((?:[^"]|"")*)"([^,]*)|([^,]*))(,|\z)/g)
	{
		my ($quoted, $rest, $bare, $end) = ($1, $2, $3, $4);
		push @fields, defined $quoted ? $quoted =~ s/""/"/gr . $rest : $bare;
		last if $end eq '';
	}
	return \@fields;
}

# Names as the file has them, except where PostgreSQL cannot: empty, double,
# longer than 63 bytes, the name of a system column.
sub column_names
{
	my @header = @_;
	my %seen;
	$header[0] =~ s/^\xEF\xBB\xBF// if @header;
	foreach my $i (0 .. $#header)
	{
		(my $name = $header[$i]) =~ s/^\s+|\s+\z//g;
		$name = 'column_' . ($i + 1) if $name eq '';
		$name .= '_' if $name =~ /^(ctid|xmin|xmax|cmin|cmax|tableoid)$/;
		my $stem = utf8_prefix($name, 63);
		my ($unique, $n) = ($stem, 1);
		while ($seen{$unique}++)
		{
			my $suffix = '_' . ++$n;
			$unique = utf8_prefix($stem, 63 - length $suffix) . $suffix;
		}
		$renamed{$unique} = $header[$i] if $unique ne $header[$i];
		push @names, $unique;
	}
}

# The first bytes of a text, at most so many, no character cut through.
sub utf8_prefix
{
	my ($text, $bytes) = @_;
	return $text if length $text <= $bytes;
	$text = substr $text, 0, $bytes;
	my $whole = $text;
	foreach my $cut (0 .. 3)
	{
		my $copy = substr $whole, 0, $bytes - $cut;
		my $decoded = $copy;
		return $copy if utf8::decode($decoded);
	}
	return $whole;
}

sub is_date
{
	my ($y, $m, $d) = @_;
	return 0 if $y < 1 || $m < 1 || $m > 12 || $d < 1 || $d > $days[ $m - 1 ];
	return $m != 2 || $d < 29 || ($y % 4 == 0 && ($y % 100 != 0 || $y % 400 == 0));
}

my $time = qr/(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?/;
my $zone = qr/(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)/;

my %is = (
	'boolean' => sub { $_[0] =~ /^(?:true|false|yes|no|t|f|y|n)\z/i },
	'integer' => sub { $_[0] =~ /^[+-]?(?:0|[1-9]\d{0,9})\z/ && abs($_[0]) <= 2147483647 },
	'bigint' => sub { $_[0] =~ /^[+-]?(?:0|[1-9]\d{0,17})\z/ },
	'double precision' => sub {
		$_[0] =~ /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\z/ && abs($_[0]) < 1e300
			&& ($_[0] == 0 || abs($_[0]) > 1e-300);
	},
	'date' => sub { $_[0] =~ /^(\d{4})-(\d\d)-(\d\d)\z/ && is_date($1, $2, $3) },
	'timestamp' => sub { $_[0] =~ /^(\d{4})-(\d\d)-(\d\d)(?:[ T]$time)?\z/ && is_date($1, $2, $3) },
	'timestamptz' => sub { $_[0] =~ /^(\d{4})-(\d\d)-(\d\d)[ T]$time ?$zone\z/ && is_date($1, $2, $3) },
);

my $in = open_file();
my $header = record($in) or die "$file is empty\n";
column_names(@$header);

my ($want) = grep { $_ eq ($label // '') } @names;
($want) = grep { lc $_ eq lc($label // '') } @names if !defined $want;
if (!defined $want)
{
	my $what = defined $label && $label ne '' ? "$file has no column \"$label\"" : 'LABEL is missing';
	die "$what. Say LABEL=column, where a lead's outcome is 1 or 0. The columns are:\n",
		map { "  $_\n" } @names;
}
my ($label_index) = grep { $names[$_] eq $want } 0 .. $#names;

# Each column holds the list of types that fit all its values; the first one wins.
# Values met before (a thousand of a column are remembered) change nothing.
my @possible = map { [@types] } @names;
my @met = map { {} } @names;
my (@filled, %outcomes, $rows);
while (my $fields = record($in))
{
	$rows++;
	foreach my $i (0 .. ($#$fields < $#names ? $#$fields : $#names))
	{
		my $value = $fields->[$i];
		next if $value eq '';
		$filled[$i] = 1;
		$outcomes{$value}++ if $i == $label_index && keys %outcomes < 20;
		my $left = $possible[$i];
		next if !@$left || $met[$i]{$value};
		@$left = grep { $is{$_}->($value) } @$left;
		$met[$i]{$value} = 1 if keys %{ $met[$i] } < 1000;
	}
}
close $in;
die "$file could not be read\n" if $?;
die "$file has a header and no row\n" if !$rows;

my @odd = grep { !/^(?:0|1|0\.0+|1\.0+|true|false|yes|no|t|f|y|n)\z/i } sort keys %outcomes;
die "column \"$want\" is no outcome: it has values such as ",
	join(', ', map { "\"$_\"" } grep { defined } @odd[ 0 .. 4 ]),
	"; 1 and 0, true and false, yes and no are understood\n" if @odd;

my @chosen = map { $filled[$_] && @{ $possible[$_] } ? $possible[$_][0] : 'text' } 0 .. $#names;
$chosen[$label_index] = 'text';
my @quoted = map { '"' . s/"/""/gr . '"' } @names;

print "SET client_min_messages = warning;\n";
print "CREATE TABLE leads (\n", join(",\n", map { "\t$quoted[$_] $chosen[$_]" } 0 .. $#names), "\n);\n";
print "\\copy leads FROM pstdin WITH (FORMAT csv, HEADER, FORCE_NULL (", join(', ', @quoted), "))\n";
print STDERR map { "column \"$renamed{$_}\" is called \"$_\" in the table\n" } sort keys %renamed;
print "ALTER TABLE leads ALTER $quoted[$label_index] TYPE boolean\n",
	"\tUSING lower($quoted[$label_index]) ~ '^(1|1\\.0+|t|true|y|yes)\$';\nVACUUM ANALYZE leads;\n";

# What the story must know about the table, a line each.
if (my $facts = $ENV{IMPORT_FACTS})
{
	my @others = grep { $_ != $label_index } 0 .. $#names;
	open my $out, '>', $facts or die "$facts: $!\n";
	print $out "$quoted[$label_index]\n$want\n",
		join('', map { "$quoted[$_], " } @others[ 0 .. ($#others < 2 ? $#others : 2) ]), "\n";
	close $out or die "$facts: $!\n";
}
