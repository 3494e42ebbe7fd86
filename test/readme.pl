#!/usr/bin/env perl
# readme.pl README.md: what the README says in SQL is true.
#
# Runs every ```sql block in order, in one session of the database that PGHOST,
# PGDATABASE and so on point at, and stops a block at its first error.  Where a
# block without a language, or ```text, follows directly (blank lines aside), it
# must be what psql prints for the block: NOTICEs and WARNINGs included, blanks
# at the ends of lines ignored.  A line "..." in it stands for any number of
# lines.  A block after the comment <!-- not run --> is left alone.
#
# A ```sh block runs in its turn, by sh -e in a directory that all of them share;
# what follows it must be what it prints, stderr included.  After the comment
# <!-- fails --> its last command must fail.  All are left out where the program
# leadscore is not in PATH, for it could not be built there.
use strict;
use warnings;

my $file = shift or die "usage: readme.pl README.md\n";
my @blocks = read_blocks($file);
die "$file has no SQL block\n" if !@blocks && !$ENV{README_MAY_BE_EMPTY};

my $database = $ENV{PGDATABASE} || 'readme';
my $shell_error = "--- a command failed $$";
my $outputs = run_blocks(@blocks);
my $n = 0;
foreach my $i (0 .. $#blocks)
{
	my ($block, $got) = ($blocks[$i], $outputs->[$i]);
	my $name = "line $block->{line}: " . (split /\n/, $block->{sql} // $block->{sh})[0];
	$name =~ s/#/\\#/g;
	my ($ok, $why) = (1, '');
	if (!defined $got)
	{
		($ok, $why) = (0, "psql ended before this block\n");
	}
	elsif ($got->{error})
	{
		($ok, $why) = (0, $got->{text});
	}
	elsif (defined $block->{output} && !matches($got->{text}, $block->{output}))
	{
		($ok, $why) = (0, "expected:\n$block->{output}got:\n$got->{text}");
	}
	$n++;
	print $ok ? '' : 'not ', "ok $n - $name\n";
	print STDERR map { "# $_\n" } split /\n/, $why if !$ok;
}
print "1..$n\n";

sub read_blocks
{
	my ($name) = @_;
	my (@found, $previous, $skip, $fails);
	my $shell = grep { -x "$_/leadscore" } split /:/, $ENV{PATH};
	open my $in, '<', $name or die "$name: $!\n";
	while (my $line = <$in>)
	{
		if ($line =~ /^<!--\s*not run\s*-->/)
		{
			$skip = 1;
		}
		elsif ($line =~ /^<!--\s*fails\s*-->/)
		{
			$fails = 1;
		}
		elsif ($line =~ /^```\s*(\w*)\s*$/)
		{
			my ($language, $start, $text) = ($1, $. + 1, '');
			while (defined($line = <$in>) && $line !~ /^```\s*$/)
			{
				$text .= $line;
			}
			if ($language eq 'sql' || $language eq 'sh')
			{
				undef $previous;
				next if $skip and !($skip = 0);
				next if $language eq 'sh' && !$shell;
				$previous = { line => $start, $language => $text, fails => $fails };
				push @found, $previous;
			}
			elsif ($previous && $language =~ /^(text)?$/)
			{
				$previous->{output} = $text;
				undef $previous;
			}
			$skip = $fails = 0;
		}
		elsif ($line =~ /\S/)
		{
			undef $previous;
		}
	}
	return @found;
}

# One psql for all, so that a SET or a temporary table lives on; each block is a
# file of its own.  An error ends psql: a new one goes on with the next block.
sub run_blocks
{
	my @list = @_;
	my $dir = $ENV{README_TMP} || '/tmp';
	my $mark = "--- end of block $$";
	my $shell_dir = "$dir/readme.$$.d";
	my (@files, @calls, @result);
	mkdir $shell_dir or die "$shell_dir: $!\n";
	foreach my $i (0 .. $#list)
	{
		my $path = "$dir/readme.$$.$i.sql";
		open my $out, '>', $path or die "$path: $!\n";
		print $out $list[$i]{sql} // $list[$i]{sh};
		close $out;
		push @files, $path;
		push @calls, defined $list[$i]{sql} ? "\\i $path"
			: "\\! cd $shell_dir && sh -e $path 2>&1 || echo $shell_error";
	}
	my $next = 0;
	while ($next < @list)
	{
		my @commands = map { ('-c', $calls[$_], '-c', "\\echo '$mark'") } $next .. $#list;
		my ($text, $done) = ('', 0);
		my $pid = open my $psql, '-|';
		die "fork: $!\n" if !defined $pid;
		if ($pid == 0)
		{
			open STDERR, '>&', \*STDOUT;
			exec 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $database, @commands;
			die "psql: $!\n";
		}
		while (my $line = <$psql>)
		{
			$line =~ s/^psql:\S+:\d+: //;
			if ($line eq "$mark\n")
			{
				my $failed = $text =~ s/^\Q$shell_error\E\n\z//m;
				$result[$next] = { text => $text, error => !$failed != !$list[$next]{fails} };
				($text, $next) = ('', $next + 1);
			}
			else
			{
				$text .= $line;
			}
		}
		close $psql;
		$result[$next++] = { error => 1, text => $text } if $next < @list;
	}
	unlink @files, glob "$shell_dir/*";
	rmdir $shell_dir;
	return \@result;
}

sub matches
{
	my ($got, $want) = map { s/[ \t]+$//mgr =~ s/\n+\z/\n/r } @_;
	my $pattern = join '', map { /^\.\.\.$/ ? '(?:.*\n)*?' : quotemeta($_) . "\n" }
		split /\n/, $want;
	return $got =~ /\A$pattern\s*\z/;
}
