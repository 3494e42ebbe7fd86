#!/usr/bin/env perl
# regress.pl: runs `make installcheck` and tells its results as TAP.
#
# pg_regress has printed "test x ... ok" until version 15 and its own kind of
# TAP since; both are read here.  The differences follow as diagnostics.
use strict;
use warnings;

$| = 1;
open my $make, '-|', 'make -s installcheck 2>&1' or die "make: $!";
my ($n, $failed, @log) = (0, 0);
while (my $line = <$make>)
{
	my ($ok, $name);
	push @log, $line;
	if ($line =~ /^(?:test|\s{5})\s*(\S+)\s+\.\.\. (ok|FAILED|failed)/)
	{
		($ok, $name) = ($2 eq 'ok', $1);
	}
	elsif ($line =~ /^(not )?ok \d+\s+[-+] (\S+)/)
	{
		($ok, $name) = (!$1, $2);
	}
	next if !defined $name;
	$n++;
	$failed++ if !$ok;
	print $ok ? '' : 'not ', "ok $n - $name\n";
}
close $make;
my $status = $?;

# Not one test, or a run that broke off after the last: a failure of its own.
if ($n == 0 || ($status != 0 && !$failed))
{
	$n++;
	$failed++;
	print "not ok $n - pg_regress as a whole\n";
}
print "1..$n\n";
if ($failed)
{
	print STDERR map { "# $_" } @log;
	if (open my $diffs, '<', 'regression.diffs')
	{
		print STDERR map { "# $_" } <$diffs>;
	}
}
exit($failed ? 1 : 0);
