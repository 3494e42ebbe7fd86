#!/usr/bin/env perl
# tell.pl STORY.sql: tells a story in SQL.
#
# A story is SQL with comments; paragraphs are parted by blank lines.  Comments
# are printed as they are ("# …" as a heading), statements are shown, run, and
# followed by what psql says and by the time it took.  The first error ends the
# story.  @NAME@ is replaced by $ENV{STORY_NAME}.
use strict;
use warnings;
use Time::HiRes qw(time);

$| = 1;
my $file = shift or die "usage: tell.pl STORY.sql\n";
open my $in, '<', $file or die "$file: $!\n";
my $story = do { local $/; <$in> };
$story =~ s/\@(\w+)\@/$ENV{"STORY_$1"} \/\/ die "no STORY_$1\n"/ge;

my $statement = '';
foreach my $paragraph (split /\n\s*\n/, $story)
{
	if ($paragraph =~ /^--/)
	{
		prose($paragraph);
		next;
	}
	$statement .= ($statement eq '' ? '' : "\n\n") . $paragraph;
	next if $statement !~ /;\s*\z/;
	run_sql($statement);
	$statement = '';
}

sub prose
{
	my ($text) = @_;
	$text =~ s/^--[ ]?//mg;
	if ($text =~ s/^# (.*)\n*//)
	{
		print "\n", bold($1), "\n", '=' x length $1, "\n";
	}
	$text =~ s/^\n+|\n+\z//g;
	print "\n$text\n" if $text ne '';
}

sub bold { return -t STDOUT ? "\e[1m$_[0]\e[0m" : $_[0]; }

sub run_sql
{
	my ($sql) = @_;
	$sql =~ s/\s+\z//;
	(my $shown = $sql) =~ s/\t/    /g;
	$shown =~ s/^/    /mg;
	print "\n$shown\n\n";

	# A summary is text to read, not a cell of a table.
	my @plain = $sql =~ /^SELECT lead_summary/ ? ('-A', '-t') : ();
	my $start = time;
	my $pid = open my $psql, '-|';
	die "fork: $!\n" if !defined $pid;
	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		exec 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-P', 'null=(null)',
			@plain, '-c', $sql;
		die "psql: $!\n";
	}
	while (my $line = <$psql>)
	{
		chomp $line;
		next if $line eq '' && !@plain;
		print "  $_\n" foreach $line =~ /^(NOTICE|WARNING|ERROR|DETAIL|HINT):/ ? wrap($line) : $line;
	}
	close $psql;
	printf "  (%.2f seconds)\n", time - $start;
	exit 1 if $?;
}

# Messages are sentences: broken at blanks, the rest set in.
sub wrap
{
	my ($text) = @_;
	my @lines;
	$text =~ s/^(\w+:)\s+/sprintf '%-9s', $1/e;
	while (length $text > 96 && $text =~ s/^(.{30,95})(?<!:) +(?=\S)//)
	{
		push @lines, $1;
		$text = ' ' x 9 . $text;
	}
	return (@lines, $text);
}
